"""One-time passwords against the vectors of RFC 6238, appendix B (SHA-1), cut to six digits."""

from datetime import UTC, datetime

import pytest

from broker.totp import code_at

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_a_code_is_the_one_of_the_standard(seconds: int, code: str) -> None:
    assert code_at(SEED, datetime.fromtimestamp(seconds, tz=UTC)) == code


def test_a_seed_may_be_written_in_groups_and_small_letters() -> None:
    assert code_at("gezd gnbv gy3t qojq", datetime.fromtimestamp(0, tz=UTC)).isdigit()


def test_a_damaged_seed_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="not base32") as raised:
        code_at("s3cret!", datetime.fromtimestamp(0, tz=UTC))

    assert "s3cret" not in str(raised.value)
