"""The brokers under contract. A new adapter joins by one line in ADAPTERS."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from broker import fyers, paper, zerodha
from broker.base import (
    AccountCredentials,
    BrokerAccount,
    BrokerCapabilities,
    BrokerSettings,
    Symbol,
)
from broker.registry import capabilities_of
from simulator import ExchangeSettings
from tests import kite_served
from tests.alpaca_served import QQQ, ServedAlpaca
from tests.angel_served import ServedAngel
from tests.dhan_served import ServedDhan
from tests.fyers_served import APP_ID, TOKEN, ServedFyers
from tests.openalgo_served import ServedOpenalgo
from tests.upstox_served import ServedUpstox
from utils.config import OcoBroker


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """An account at a broker, and the hand that moves its market: its share, NSE:SBIN, opens at 500."""

    account: BrokerAccount
    set_price: Callable[[Decimal, int | None], None]  # last price, depth (None: unlimited)
    act_elsewhere: Callable[[], BrokerAccount]  # the same account at another terminal
    share: Symbol = ("NSE", "SBIN")
    off_tick: str = "495.03"


_USUAL = BrokerSettings(api_roots={}, paper_state="", paper_prices="")
# Adapters that can do more by a setting, under a name of their own.
_CONFIGURED = {"openalgo with GTTs": ("openalgo", replace(_USUAL, openalgo_gtt=OcoBroker.ZERODHA))}


def declared_by(name: str) -> BrokerCapabilities:
    """Return what a broker under contract is declared to be able to do."""
    broker, settings = _CONFIGURED.get(name, (name, _USUAL))
    return capabilities_of(broker, settings)


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
        )
        elsewhere.close()


class _Tickers:
    """Fyers' names of the symbols that the suite trades."""

    def number_of(self, _broker: str, symbol: tuple[str, str]) -> str | None:
        return {("NSE", "SBIN"): "NSE:SBIN-EQ"}.get(symbol)

    def symbol_of(self, _broker: str, _exchange: str, _number: str) -> tuple[str, str] | None:
        return None


@contextmanager
def fyers_rig(_directory: Path) -> Iterator[Rig]:
    """Give an account at the simulated Fyers, over HTTP; its limits are not what this suite is about."""
    with ServedFyers(has_limits=False) as served:
        served.price(500)
        settings = BrokerSettings(
            api_roots={"fyers": served.fyers.url}, paper_state="", paper_prices="", names=_Tickers()
        )
        credentials = AccountCredentials(account_id="a1", auth_token=f"{APP_ID}:{TOKEN}")
        opened: list[BrokerAccount] = []

        def open_one() -> BrokerAccount:
            opened.append(fyers.connect(credentials, settings))
            return opened[-1]

        yield Rig(
            account=open_one(),
            set_price=lambda last, depth: served.price(last, depth=depth),
            act_elsewhere=open_one,
        )
        for one in opened:
            one.close()


@contextmanager
def openalgo_rig(_directory: Path) -> Iterator[Rig]:
    with ServedOpenalgo(has_limits=False) as served:
        yield Rig(
            account=served.connect(),
            set_price=lambda last, depth: served.price(last, depth=depth),
            act_elsewhere=served.connect,
        )


@contextmanager
def openalgo_gtt_rig(_directory: Path) -> Iterator[Rig]:
    """Give an account at a server whose GTTs are used, for it is at Zerodha."""
    with ServedOpenalgo(ExchangeSettings(gtt_minimum_distance=Decimal(0)), has_limits=False) as served:
        yield Rig(
            account=served.connect(behind=OcoBroker.ZERODHA),
            set_price=lambda last, depth: served.price(last, depth=depth),
            act_elsewhere=served.connect,
        )


@contextmanager
def alpaca_rig(_directory: Path) -> Iterator[Rig]:
    with ServedAlpaca() as served:
        yield Rig(
            account=served.account,
            set_price=lambda last, depth: served.price(last, depth=depth),
            act_elsewhere=served.connect,
            share=QQQ,
            off_tick="495.003",
        )


@contextmanager
def angel_rig(_directory: Path) -> Iterator[Rig]:
    """Give an account at the simulated Angel One; its limits are not what this suite is about."""
    with ServedAngel() as served:
        yield Rig(
            account=served.connect(),
            set_price=lambda last, depth: served.price(last, depth=depth),
            act_elsewhere=served.connect,
        )


@contextmanager
def upstox_rig(_directory: Path) -> Iterator[Rig]:
    with ServedUpstox() as served:
        elsewhere = served.connect()
        yield Rig(
            account=served.account,
            set_price=lambda last, depth: served.price(last, depth=depth),
            act_elsewhere=lambda: elsewhere,
        )
        elsewhere.close()


@contextmanager
def zerodha_rig(_directory: Path) -> Iterator[Rig]:
    with kite_served.ServedKite() as served:
        served.price(500)
        settings = BrokerSettings(api_roots={"zerodha": served.kite.url}, paper_state="", paper_prices="")
        token = f"{kite_served.KEY}:{kite_served.TOKEN}"
        credentials = AccountCredentials(account_id="main", auth_token=token)
        account, elsewhere = (zerodha.connect(credentials, settings) for _ in range(2))
        yield Rig(
            account=account,
            set_price=lambda last, depth: served.price(last, depth=depth),
            act_elsewhere=lambda: elsewhere,
        )
        account.close()
        elsewhere.close()


ADAPTERS: dict[str, RigFactory] = {
    "alpaca": alpaca_rig,
    "angel": angel_rig,
    "dhan": dhan_rig,
    "fyers": fyers_rig,
    "openalgo": openalgo_rig,
    "openalgo with GTTs": openalgo_gtt_rig,
    "paper": paper_rig,
    "upstox": upstox_rig,
    "zerodha": zerodha_rig,
}
