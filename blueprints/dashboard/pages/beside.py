"""Beside brackets: what the accounts have at their brokers that no bracket looks after."""

from flask import Response

from blueprints.dashboard.beside_shapes import beside_shape
from blueprints.dashboard.guard import caller_for, owned_accounts
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.account_db import Account
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.shaping import Shape
from services.account_worker import AccountWorker
from services.beside import beside_brackets
from services.bracket_supervisor import broker_for
from services.errors import BrokerUnavailable

page = Page("beside", title="Beside brackets", link="Unprotected", order=15)


@page.get("/beside")
def show() -> Response:
    return page.render()


@page.get("/api/beside")
def read() -> Response:
    """Read the books of the owner's accounts, those at work; each read at most once a second."""
    workers = desk().supervisor.workers()
    books = [
        _book(one, worker) for one in owned_accounts() for worker in workers if worker.account_id == one.id
    ]
    worked = {worker.account_id for worker in workers}
    unread = [account_shape(one) for one in owned_accounts() if one.id not in worked]
    return success({"books": books, "unread": unread})


def _book(one: Account, worker: AccountWorker) -> Shape:
    is_paper = broker_for(one.broker, worker.mode) == "paper"
    shape: Shape = {"account": account_shape(one), "paper": is_paper, "mode": str(worker.mode)}
    try:
        found = beside_brackets(desk(), caller_for(one.id), worker)
    except BrokerUnavailable as failed:  # one broker that is down hides nobody else's books
        return {**shape, "fault": str(failed)}
    return {**shape, "fault": None, **beside_shape(found)}
