"""Order tags: 12 characters that name bracket, role and leg, and prove to be ours by a check character.

Kite allows 20 characters, Dhan and Upstox more. The bracket's part is the random end of its ULID.
"""

from services.bracket.model import Role

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, as in a ULID
BRACKET_CHARACTERS = 8
MAX_SEQ = 32 * 32 - 1


def tag_of(bracket_id: str, role: Role, seq: int) -> str:
    """Return the tag of a bracket's leg. Raises ValueError past 1,023 legs, which is a loop of ours."""
    if not 0 < seq <= MAX_SEQ:
        raise ValueError(f"leg {seq} of bracket {bracket_id} cannot be tagged")
    body = bracket_id[-BRACKET_CHARACTERS:] + role.value + ALPHABET[seq // 32] + ALPHABET[seq % 32]
    return body + _check(body)


def is_ours(tag: str | None) -> bool:
    """Whether a tag from a broker's book was made by `tag_of`."""
    if tag is None or len(tag) != BRACKET_CHARACTERS + 4:
        return False
    return tag[BRACKET_CHARACTERS] in ("E", "X", "U") and tag[-1] == _check(tag[:-1])


def seq_of(tag: str) -> int:
    """Return the number of the leg that a tag of ours names."""
    high, low = BRACKET_CHARACTERS + 1, BRACKET_CHARACTERS + 2
    return ALPHABET.index(tag[high]) * 32 + ALPHABET.index(tag[low])


def _check(body: str) -> str:
    # Weighted, so that two swapped characters do not cancel each other out.
    return ALPHABET[sum((place + 1) * ord(letter) for place, letter in enumerate(body)) % 31]


def plain_tag_of(order_id: str) -> str:
    """Return the tag of an order of no bracket, by its ULID. `is_ours` says no to it."""
    body = order_id[-BRACKET_CHARACTERS:] + "P00"
    return body + _check(body)
