from datetime import UTC, datetime

import pytest

from micrometric.batches import batches_of
from micrometric.event import LogEvent

WHEN = datetime(2026, 11, 23, tzinfo=UTC)
HUGE = "x" * (9 << 20)


def event(value=1, metadata=None, location="f"):
    return LogEvent(WHEN, "density", value, metadata or {}, location)


def test_small_events_come_a_thousand_at_a_time_in_order():
    events = [event(number) for number in range(2500)]

    batches = [*batches_of(events)]

    assert [len(batch) for batch in batches] == [1000, 1000, 500]
    assert [one for batch in batches for one in batch] == events
    assert [*batches_of([])] == []


@pytest.mark.parametrize(
    "huge",
    [
        event(HUGE),
        event(["a", [HUGE]]),
        event(metadata={"k": {"deep": HUGE}}),
        event(metadata={HUGE: None}),
        event(location=HUGE),
        event([1.5] * (2 << 20)),
    ],
    ids=["text", "list", "metadata", "key", "location", "numbers"],
)
def test_huge_events_come_few_at_a_time(huge):
    assert max(len(batch) for batch in batches_of([huge] * 9)) <= 2
