"""What the simulated server says wrongly, or its network does, to one account."""

from decimal import Decimal

from tests.brokers.staging import BrokerStage
from tests.chaos.staging import ChaosAccount


def let(
    stage: BrokerStage, account: ChaosAccount, fault: str, path: str, *, times: int | None = None
) -> None:
    """Let the server say something wrongly to this account, or its network do something to a call."""
    method = "POST" if path.startswith("/") else "BOOK"
    stage.process.let(fault, method=method, path=path, body=f'"{account.api_key}"', times=times)


def order_elsewhere(
    stage: BrokerStage, account: ChaosAccount, *, product: str, side: str, price: Decimal
) -> None:
    """Let somebody place a limit order for ten of the account's share at another terminal."""
    exchange, symbol = account.share.key
    stage.process.command(
        act="place",
        account_id=account.user_id,
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=side,
        order_type="LIMIT",
        quantity=10,
        price=str(price),
    )
