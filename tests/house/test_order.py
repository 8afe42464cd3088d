"""What starts first among the slow tests is there."""

from scripts.service_process import PROJECT
from tests.conftest import LONGEST_FIRST


def test_every_file_that_starts_first_is_there_and_slow() -> None:
    texts = [(PROJECT / name).read_text(encoding="utf-8") for name in LONGEST_FIRST]

    assert all("pytest.mark.slow" in text for text in texts)
    assert len(set(LONGEST_FIRST)) == len(LONGEST_FIRST)
