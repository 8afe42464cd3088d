"""What a story needs to know of a broker; everything else is the same at all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

TokenOf = Callable[[int], str]


def fixed_token(number: int) -> str:
    """Return the access token that the simulated broker gives the user of this number from the start."""
    return f"token{number:02d}"


def api_key_of(number: int) -> str:
    return f"key{number:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """One broker under test.

    `auth_token` is what an account of a user stores, and `login` its secrets. The app at the simulated broker
    is USERnn:keynn:secretnn:tokennn.
    """

    name: str
    module: str  # that runs its simulator: `python -m simulator.kite`
    auth_token: TokenOf  # number of the user -> the token as the account stores it
    user_of: Callable[[int], str] = field(default=lambda number: f"USER{number:02d}")
    key_of: Callable[[int], str] = field(default=api_key_of)
    login: Callable[[int], dict[str, str]] = field(
        default=lambda number: {"api_key": f"key{number:02d}", "api_secret": f"secret{number:02d}"}
    )
    has_sockets: bool = True
    busy_status: int = 429  # how it answers what comes too fast

    def app(self, number: int, *, is_free: bool = False, has_token: bool = True) -> str:
        """Return the app as the simulator's command line takes it."""
        user = f"{self.user_of(number)}{'!' if is_free else ''}"
        token = fixed_token(number) if has_token else ""
        return f"{user}:{self.key_of(number)}:secret{number:02d}:{token}"

    def roots(self, url: str, socket_url: str) -> dict[str, str]:
        """Return the settings that lead the service to the broker."""
        name = self.name.upper()
        return {f"{name}_API_ROOT": url} | ({f"{name}_WS_ROOT": socket_url} if self.has_sockets else {})
