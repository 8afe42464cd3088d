"""The brokers under contract. A new adapter joins by one line in ADAPTERS."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import ModuleType

from broker import dhan, paper
from broker.base import AccountCredentials, BrokerAccount, BrokerModule, BrokerSettings
from tests.dhan_served import ServedDhan


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """An account at a broker, and the hand that moves its market: NSE:SBIN opens at 500."""

    account: BrokerAccount
    set_price: Callable[[Decimal, int | None], None]  # last price, depth (None: unlimited)
    act_elsewhere: Callable[[], BrokerAccount]  # the same account at another terminal
    module: BrokerModule | ModuleType


RigFactory = Callable[[Path], AbstractContextManager[Rig]]


@contextmanager
def paper_rig(directory: Path) -> Iterator[Rig]:
    settings = BrokerSettings(
        api_roots={},
        paper_state=str(directory / "paper.db"),
        paper_prices="NSE:SBIN=500,NFO:NIFTY29DEC26FUT=25000",
    )
    credentials = AccountCredentials(account_id="PAPER1", auth_token="")
    exchange = paper.market_of(settings).exchange
    exchange.hold("NSE", "SBIN")

    def set_price(last: Decimal, depth: int | None) -> None:
        exchange.set_price("NSE", "SBIN", last=last, depth=depth)

    account = paper.connect(credentials, settings)
    yield Rig(
        account=account,
        set_price=set_price,
        act_elsewhere=lambda: paper.connect(credentials, settings),
        module=paper,
    )
    account.close()
    paper.close_market(settings)


@contextmanager
def dhan_rig(_directory: Path) -> Iterator[Rig]:
    with ServedDhan() as served:

        def set_price(last: Decimal, depth: int | None) -> None:
            served.price(last, depth=depth)

        elsewhere = served.connect()
        yield Rig(
            account=served.account,
            set_price=set_price,
            act_elsewhere=lambda: elsewhere,
            module=dhan,
        )
        elsewhere.close()


ADAPTERS: dict[str, RigFactory] = {
    "dhan": dhan_rig,
    "paper": paper_rig,
}
