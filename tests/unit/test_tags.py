"""Tags name bracket, role and leg, and tell ours from a stranger's."""

import pytest

from services.bracket.model import Role
from services.bracket.tags import ALPHABET, MAX_SEQ, is_ours, tag_of

BRACKET = "01JDRIVER0000000000BRACKET"


def test_a_tag_is_twelve_characters_and_ours() -> None:
    tag = tag_of(BRACKET, Role.EXIT, 7)

    assert len(tag) == 12
    assert is_ours(tag)
    assert tag.startswith(BRACKET[-8:] + "X")


def test_every_leg_of_a_bracket_has_a_tag_of_its_own() -> None:
    tags = {tag_of(BRACKET, role, seq) for role in Role for seq in range(1, MAX_SEQ + 1)}

    assert len(tags) == len(Role) * MAX_SEQ


@pytest.mark.parametrize("stranger", [None, "", "algo", "ABCDEFGHX012", "OPENALGO", "0" * 12])
def test_a_strangers_tag_is_not_ours(stranger: str | None) -> None:
    assert not is_ours(stranger)


def test_one_wrong_character_is_noticed() -> None:
    tag = tag_of(BRACKET, Role.ENTRY, 1)
    others = [
        tag[:place] + letter + tag[place + 1 :]
        for place in range(12)
        for letter in ALPHABET[:10]
        if letter != tag[place]
    ]

    assert sum(is_ours(other) for other in others) <= len(others) // 20


def test_a_thousand_legs_are_a_loop_of_ours() -> None:
    with pytest.raises(ValueError, match="cannot be tagged"):
        tag_of(BRACKET, Role.EXIT, MAX_SEQ + 1)
