"""Accounts that the bench copies are what the core would have made of them, as far as a worker can see."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from bench.copies import Copier, Mould
from bench.stage import StagedAccount
from bench.stub_client import StubProcess
from database.bracket_db import BracketChange, EventRecord, insert_bracket, load_open, save
from database.session import Database
from services.bracket.model import Role
from services.bracket.tags import tag_of
from tests.builders import a_bracket, a_leg, a_moment, a_plan

EVENT = EventRecord(kind="SomethingHappened", at=a_moment(), payload=b"{}")


class Books:
    """Takes what a stub broker is given."""

    def __init__(self) -> None:
        self.orders: list[Mapping[str, Any]] = []

    def place(self, orders: Sequence[Mapping[str, Any]]) -> None:
        self.orders += orders


def an_account(name: str) -> StagedAccount:
    return StagedAccount(
        id=name, owner_id="own1", key="", webhook="", postback="", token=f"token {name}:{name}"
    )


@pytest.fixture
def mould(empty_postgres: Database) -> Mould:
    made = a_bracket(version=1, plan=a_plan(account_id="MOULD"))
    leg = a_leg(tag=tag_of(made.id, Role.ENTRY, 1), broker_order_id=f"seed-{made.id}-1")
    made = replace(made, legs=(leg,))
    insert_bracket(empty_postgres, made, [EVENT], claim=None)
    order = {"order_id": leg.broker_order_id, "token": "token MOULD:MOULD", "form": {"tag": leg.tag}}
    return Mould(account=an_account("MOULD"), brackets=[made], orders=[order])


def test_a_copy_has_names_of_its_own_everywhere_and_can_be_worked_on(
    empty_postgres: Database, mould: Mould
) -> None:
    books = Books()
    url = empty_postgres.engine.url.render_as_string(hide_password=False)
    copier = Copier(url, cast(StubProcess, books), mould)

    copier.copy_to([an_account("FIRST"), an_account("SECOND")])
    copier.close()

    [copy] = load_open(empty_postgres, ["FIRST"])
    [leg] = copy.legs
    assert copy.id != mould.brackets[0].id
    assert copy.plan == replace(mould.brackets[0].plan, account_id="FIRST")
    assert leg.tag == tag_of(copy.id, Role.ENTRY, 1)
    assert leg.broker_order_id == f"seed-{copy.id}-1"
    given = {"order_id": leg.broker_order_id, "token": "token FIRST:FIRST", "form": {"tag": leg.tag}}
    assert given in books.orders
    assert len(books.orders) == len(load_open(empty_postgres, ["FIRST", "SECOND"])) == 2
    change = BracketChange(bracket=replace(copy, version=2), events=[EVENT], expected_version=1)
    assert save(empty_postgres, [change]) == 2
