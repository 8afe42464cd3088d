"""The commands for who logs in, and what `make run` says about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.person import PASSWORD, a_person, logins_of, owner_id
from tests.serving import Served, a_config, end, serve


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Served]:
    served = serve(a_config(tmp_path))
    yield served
    end(served)


def run(service: Served, *words: str, said: str = "") -> tuple[int, str]:
    done = service.app.test_cli_runner().invoke(args=["user", *words], input=said)
    return done.exit_code, done.output


def test_a_set_up_code_of_the_command_line_opens_the_service(service: Served) -> None:
    _, code = run(service, "setup-code")
    person = a_person(service)

    answer = person.submit("/dashboard/setup", code=code.strip(), password=PASSWORD, again=PASSWORD)

    assert answer.status_code == 302
    assert run(service, "setup-code") == (2, "Error: owner has a password; `user password` sets another\n")


def test_a_forgotten_password_is_set_anew_and_every_session_ends(service: Served) -> None:
    person = a_person(service)
    person.set_up(service)

    code, words = run(service, "password", "--stdin", said="a brand new password\n")

    assert (code, words) == (0, "owner has a new password; every session has ended\n")
    assert not person.is_in()
    assert person.log_in("a brand new password").status_code == 302


def test_the_password_is_asked_for_twice_at_a_terminal(service: Served) -> None:
    code, _ = run(service, "password", said="a brand new password\na brand new password\n")

    assert code == 0
    assert a_person(service).log_in("a brand new password").status_code == 302


@pytest.mark.parametrize(
    ("words", "said"),
    [(("password", "--stdin"), "short\n"), (("password", "--name", "nobody", "--stdin"), PASSWORD)],
)
def test_what_cannot_be_done_is_one_sentence(service: Served, words: tuple[str, ...], said: str) -> None:
    code, told = run(service, *words, said=said)

    assert code == 2
    assert told.startswith("Error: ")


def test_a_lost_authenticator_is_taken_away(service: Served) -> None:
    person, logins = a_person(service), logins_of(service)
    person.set_up(service)
    logins.offer_second_factor(owner_id(service), "owner")

    assert run(service, "no-second-factor")[0] == 0
    assert not logins.has_second_factor(owner_id(service))
    assert person.log_in().status_code == 302
