"""The merge window: order of time within it, nothing held longer, nothing dropped."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from micrometric.event import LogEvent
from micrometric.merging import MergeWindow

START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def at(second: float, value: int = 0) -> LogEvent:
    return LogEvent(START + timedelta(seconds=second), "m", value, {}, "a.f")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_events_come_in_order_of_time_when_the_window_has_passed():
    clock = Clock()
    window = MergeWindow(1.0, clock)
    window.add([at(3), at(1)])
    clock.now += 0.5
    window.add([at(2)])
    assert window.due() == []
    assert window.wait() == 0.5

    clock.now += 0.5

    assert window.due() == [at(1), at(2), at(3)]
    assert window.wait() is None


def test_what_is_later_than_all_that_is_due_is_held_on():
    clock = Clock()
    window = MergeWindow(1.0, clock)
    window.add([at(1)])
    clock.now += 0.5
    window.add([at(2)])

    clock.now += 0.5

    assert window.due() == [at(1)]
    assert window.rest() == [at(2)]


def test_what_comes_late_is_given_late():
    clock = Clock()
    window = MergeWindow(1.0, clock)
    window.add([at(5)])
    clock.now += 1
    assert window.due() == [at(5)]

    window.add([at(1)])
    clock.now += 1

    assert window.due() == [at(1)]


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 2))))
def test_each_event_comes_once_and_no_later_than_the_window(arrivals):
    clock = Clock()
    window = MergeWindow(1.0, clock)
    came, due = [], {}
    for number, (second, pause) in enumerate(arrivals):
        clock.now += pause
        given = window.due()
        assert given == sorted(given, key=lambda event: (event.timestamp, event.value))
        came += given
        assert all(number in {e.value for e in came} for number, t in due.items() if t <= clock.now)
        window.add([at(second, number)])
        due[number] = clock.now + 1.0
    came += window.rest()

    assert sorted(event.value for event in came) == [*range(len(arrivals))]
