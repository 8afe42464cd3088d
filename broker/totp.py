"""One-time passwords by time: RFC 6238 with its usual six digits, 30 seconds and SHA-1."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

_STEP_SECONDS = 30
_DIGITS = 6


def code_at(seed: str, moment: datetime) -> str:
    """Return the code of a base32 seed. Raises ValueError, without repeating it, for a damaged seed."""
    counter = int(moment.timestamp()) // _STEP_SECONDS
    digest = hmac.new(_key(seed), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def _key(seed: str) -> bytes:
    text = seed.replace(" ", "").upper()
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error as exc:
        raise ValueError("the TOTP seed is not base32") from exc
