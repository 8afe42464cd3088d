"""Stories that are told of every broker: to the target, to the stop, out by request, killed, logged out."""

from dataclasses import dataclass
from typing import Any

from tests.brokers.process import wait_for
from tests.brokers.staging import BrokerStage
from tests.chaos.staging import Books, ChaosAccount
from tests.chaos.trade import CLOSED, Trade, run

OUTCOMES = {"target": "target_hit", "stop": "stop_hit", "exit": "exited"}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a story ended: by the service's word, and by the exchange's."""

    state: str
    outcome: str | None
    books: Books


def traded(
    stage: BrokerStage, end: str, *, account: ChaosAccount | None = None, **words: Any
) -> tuple[Ending, ChaosAccount]:
    """Take a bracket of an account, a new one unless given, to its end; nothing came too fast."""
    account = account or stage.ready()
    over = run(stage.trade(account, **words), end)
    assert stage.too_many(account) == {}
    return Ending(over["state"], over["outcome"], stage.books_of(account)), account


def short_future_stopped(
    stage: BrokerStage, account: ChaosAccount, *, by_oco: bool = False
) -> tuple[Ending, Trade, dict[str, Any]]:
    """Sell one lot of the account's future and let the market rise through the stop.

    by_oco: fill the entry once a price has been asked for, without which no OCO of ours is placed. The last
    of the three is what the broker showed while it was protected.
    """
    trade = stage.trade(account, product="NRML", action="SELL", quantity=account.share.instrument.lot_size)
    asked = _prices_asked(stage, account)
    trade.place()
    if by_oco:
        wait_for(lambda: _prices_asked(stage, account) > asked, what="a price while the entry works")
    trade.move("0.998")
    trade.until("PROTECTED")
    protected = stage.process.seen(account.user_id)
    trade.move("0.984")
    over = trade.until(*CLOSED)
    return Ending(over["state"], over["outcome"], stage.books_of(account)), trade, protected


def _prices_asked(stage: BrokerStage, account: ChaosAccount) -> int:
    return sum(count for name, count in stage.calls(account).items() if "/quotes" in name)


def lot_done(account: ChaosAccount) -> Books:
    """Return the books after one lot was sold and bought back, or the other way round."""
    lot = account.share.instrument.lot_size
    return Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=lot, sold=lot)


def traded_through_a_kill(stage: BrokerStage, end: str, *, point: str, **words: Any) -> Ending:
    """Do the same while the service is killed once, at a point such as "sent place stop"."""
    with stage.killed_at(point):
        ending, _ = traded(stage, end, **words)
    return ending


def traded_over_a_dead_token(
    stage: BrokerStage, *, price: str, account: ChaosAccount | None = None, **words: Any
) -> Ending:
    """Let the token die while a bracket is protected, move the market, and log in again."""
    account = account or stage.ready()
    trade = stage.protected(account, **words)
    stage.process.token(account.api_key, alive=False)
    wait_for(lambda: stage.is_told_dead(trade), seconds=90, what="the dead token told")
    trade.move(price)
    stage.revive(account)
    over = trade.until(*CLOSED)
    assert stage.too_many(account) == {}
    return Ending(over["state"], over["outcome"], stage.books_of(account))
