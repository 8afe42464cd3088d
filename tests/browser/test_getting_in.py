"""The doors in a real browser: the first password, the second factor, guessing, and other sites."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyotp
import pytest
from playwright.sync_api import expect

from tests.browser.stage import PASSWORD, Desk, Person
from utils.clock import SystemClock

pytestmark = pytest.mark.browser


def test_from_the_first_visit_to_a_login_with_two_factors(
    own_desk: Desk, person_at: Callable[..., Person]
) -> None:
    person = person_at(own_desk.url)
    page = person.page
    person.go("/")
    expect(page).to_have_url(re.compile("/dashboard/setup$"))
    person.set_up(own_desk.setup_code)
    expect(page.get_by_text("Your password alone lets in")).to_be_visible()

    form = page.locator("#prove")
    form.get_by_label("Your password").fill(PASSWORD)
    form.get_by_role("button", name="Add an authenticator").click()
    expect(page.get_by_alt_text("QR code")).to_be_visible()
    secret = page.locator("#secret").inner_text()
    page.get_by_label("First code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Put it in force").click()
    expect(page.locator("#code-list li")).to_have_count(10)
    recovery = page.locator("#code-list li").first.inner_text()
    assert person.violations() == []

    page.get_by_role("button", name="Log out").click()
    person.log_in()
    expect(page.get_by_role("alert")).to_have_text("Name, password or code is wrong")
    person.forgive(401)
    step = int(SystemClock().now().timestamp()) // 30 + 1  # the code of this step is used up
    person.log_in(code=pyotp.TOTP(secret).generate_otp(step))
    expect(page.get_by_role("heading", name="Live board")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    person.log_in(code=recovery)
    expect(page.get_by_role("heading", name="Live board")).to_be_visible()


def test_a_stranger_with_a_guessed_set_up_code_stays_outside(
    own_desk: Desk, person_at: Callable[..., Person]
) -> None:
    person = person_at(own_desk.url)
    person.go("/dashboard/setup")
    person.page.get_by_label("Set-up code").fill("AAAA-BBBB-CCCC-DDDD")
    person.page.get_by_label("Password, at least").fill(PASSWORD)
    person.page.get_by_label("The password again").fill(PASSWORD)
    person.page.get_by_role("button", name="Set the password").click()

    expect(person.page.get_by_role("alert")).to_contain_text("set-up code is wrong")
    person.forgive(400)


def test_who_keeps_guessing_is_stopped_and_the_owners_browser_is_not(
    own_desk: Desk, person_at: Callable[..., Person]
) -> None:
    owner, stranger = person_at(own_desk.url), person_at(own_desk.url)
    owner.set_up(own_desk.setup_code)
    owner.page.get_by_role("button", name="Log out").click()

    for _ in range(10):
        stranger.log_in("a wrong password")
        expect(stranger.page.get_by_role("alert")).to_contain_text("wrong")
    stranger.log_in(PASSWORD)
    expect(stranger.page.get_by_role("alert")).to_contain_text("Too many attempts")
    assert stranger.violations() == []
    owner.log_in()
    expect(owner.page.get_by_role("heading", name="Live board")).to_be_visible()
    stranger.forgive(401)
    stranger.forgive(429)


class Elsewhere(BaseHTTPRequestHandler):
    """Another site on this machine, whose page posts to the dashboard with the visitor's cookies."""

    target = ""

    def do_GET(self) -> None:
        body = f"""<form method="post" action="{self.target}" enctype="text/plain">
            <input name='{{"mode":"flatten","x":"' value='"}}'></form>
            <script>document.forms[0].submit()</script>""".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere(owned: Desk) -> Iterator[str]:
    Elsewhere.target = f"{owned.url}/dashboard/api/killswitch"
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_sites_page_cannot_act_with_the_owners_cookie(owner: Person, elsewhere: str) -> None:
    owner.page.goto(elsewhere)
    expect(owner.page.locator("body")).to_contain_text("csrf_refused")
    owner.forgive(403)

    owner.go("/dashboard/")

    expect(owner.page.locator("#kill")).to_have_attribute("data-kill", "off")
    expect(owner.page.locator("#link")).to_have_text("Live")


def test_a_script_without_the_pages_token_is_refused(owner: Person) -> None:
    status = owner.page.evaluate(
        """fetch("/dashboard/api/killswitch", {method: "POST", body: '{"mode": "flatten"}'})
        .then((answer) => answer.status)"""
    )
    owner.forgive(403)

    assert status == 403


def test_a_session_ended_elsewhere_sends_its_page_to_the_login(
    owner: Person, owned: Desk, person_at: Callable[..., Person]
) -> None:
    other = person_at(owned.url)
    other.log_in()
    expect(other.page.locator("#link")).to_have_text("Live")

    owner.go("/dashboard/security")
    owner.page.get_by_role("button", name="End all other sessions", exact=True).click()

    other.page.wait_for_url("**/dashboard/login?next=%2Fdashboard%2F")
    other.forgive(401)
