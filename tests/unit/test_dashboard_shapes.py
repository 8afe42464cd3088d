"""What the dashboard shows of a bracket's events."""

from blueprints.dashboard.shapes import story_shape
from database.bracket_db import StoredEvent
from services.bracket.events import LegRefused
from services.bracket.model import RefusalKind
from services.event_codec import encode_event
from tests.unit.driver import Driver


def stored_events(driver: Driver) -> list[StoredEvent]:
    return [
        StoredEvent(
            bracket_id=driver.bracket.id,
            seq=seq,
            account_id="acc1",
            account_seq=seq,
            kind=type(event).__name__,
            at=moment.wall,
            payload=encode_event(event),
            prev_hash="",
            hash="",
        )
        for seq, (event, moment) in enumerate(driver.log, start=1)
    ]


def test_a_secret_in_a_brokers_words_is_struck_out_everywhere() -> None:
    driver = Driver()
    driver.enter()
    said = "session access_token=Zx81kQ0sJd7TqWm2 has ended"
    driver.answer(LegRefused(seq=2, refusal=RefusalKind.RMS, reason=said))

    story = story_shape(driver.bracket, stored_events(driver))

    refused = next(one for one in story if one["kind"] == "LegRefused")
    assert refused["voice"] == "answered"
    assert "refused (rms)" in str(refused["words"])
    assert "[secret]" in str(refused["noted"])
    assert "Zx81kQ0sJd7TqWm2" not in str(story)
