"""How secrets are kept: digests of those we only compare, ciphers of those we must say again."""

import hashlib
import hmac
import re
import secrets as randomness
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from database.session import StorageError

_BASE62 = string.digits + string.ascii_letters
_KEY = re.compile(r"(bk|wh)_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})")  # 43 of base 62 are 256 bits
_POSTBACK = re.compile(r"pb_([0-9A-Za-z]+)_([0-9a-f]{64})")


class SecretUnreadable(StorageError):
    """A stored secret cannot be decrypted, or belongs to somebody else: ENCRYPTION_KEYS are wrong,
    or rows were moved. The account needs a new login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyText:
    """A key taken apart. `text` is the whole of it, shown once; `secret` is never stored as it is."""

    prefix: str
    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        return f"{self.prefix}_{self.id}_{self.secret}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFor:
    """Whom a secret belongs to and what it is. Written inside the cipher, so it cannot be moved."""

    subject_id: str
    owner_id: str
    broker: str
    purpose: str


class _Sealed(msgspec.Struct, frozen=True):
    bound: SealedFor
    secret: str


class SecretBox:
    """Digests and ciphers with the keys of the configuration."""

    def __init__(self, *, pepper: bytes, encryption_keys: Sequence[str]) -> None:
        self._pepper = pepper
        fernets = [Fernet(key) for key in encryption_keys]
        self._newest = fernets[0]
        self._fernet = MultiFernet(fernets)

    def digest(self, secret: str) -> str:
        """Return the digest to store. Without the pepper it helps nobody to guess the secret."""
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).hexdigest()

    def matches(self, secret: str, digest: str) -> bool:
        """Return whether a secret has this digest, in constant time."""
        return hmac.compare_digest(self.digest(secret), digest)

    def seal(self, secret: str, bound: SealedFor) -> str:
        """Return the cipher of a secret, for one subject and purpose only."""
        plain = msgspec.json.encode(_Sealed(bound=bound, secret=secret))
        return self._fernet.encrypt(plain).decode()

    def open(self, cipher: str, bound: SealedFor) -> str:
        """Return the secret inside. Raises SecretUnreadable when it was sealed for somebody else."""
        try:
            sealed = msgspec.json.decode(self._fernet.decrypt(cipher), type=_Sealed)
        except InvalidToken as exc:
            raise SecretUnreadable(
                f"{bound.purpose} of {bound.subject_id} cannot be decrypted: check ENCRYPTION_KEYS"
            ) from exc
        if sealed.bound != bound:
            raise SecretUnreadable(f"{bound.purpose} of {bound.subject_id} was sealed for another")
        return sealed.secret

    def is_newest(self, cipher: str) -> bool:
        """Return whether a secret is sealed with the first key."""
        try:
            self._newest.decrypt(cipher)
        except InvalidToken:
            return False
        return True

    def rotate(self, cipher: str) -> str:
        """Return the same secret sealed with the first key. Raises SecretUnreadable."""
        try:
            return self._fernet.rotate(cipher).decode()
        except InvalidToken as exc:
            raise SecretUnreadable("a stored secret fits none of ENCRYPTION_KEYS") from exc

    def postback_token(self, account_id: str) -> str:
        """Return the secret part of an account's postback address; always the same one."""
        return f"pb_{account_id}_{self.digest(f'postback {account_id}')}"

    def account_of_postback(self, token: str) -> str | None:
        """Return the account a postback address speaks for, or None when the token is not ours."""
        found = _POSTBACK.fullmatch(token)
        if found is None or not self.matches(f"postback {found[1]}", found[2]):
            return None
        return found[1]


def mint_key(prefix: str) -> KeyText:
    """Return a new random key: `bk` for API keys, `wh` for webhooks."""
    return KeyText(prefix=prefix, id=_random_text(8), secret=_random_text(43))


def read_key(text: str) -> KeyText | None:
    """Return a key taken apart, or None when the text has not the shape of one."""
    found = _KEY.fullmatch(text)
    return None if found is None else KeyText(prefix=found[1], id=found[2], secret=found[3])


def _random_text(length: int) -> str:
    return "".join(randomness.choice(_BASE62) for _ in range(length))
