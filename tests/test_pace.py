"""How long following waits, and when it ends."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from micrometric.event import LogEvent
from micrometric.merging import MergeWindow
from micrometric.pace import Pace

HOUR = timedelta(hours=1)


def pace(pulse=None, idle_exit=None, until=None, window=None) -> Pace:
    return Pace(pulse, idle_exit, until, window)


def window(held: int) -> MergeWindow:
    """A window of ten seconds, of which so many have passed since an event came."""
    times = itertools.chain([100.0], itertools.repeat(100.0 + held))
    window = MergeWindow(10.0, lambda: next(times))
    window.add([LogEvent(datetime.now(UTC), "m", 1, {}, "f")])
    return window


@pytest.mark.parametrize(
    ("idle_exit", "idle", "is_over"),
    [(None, 1e9, False), (1.0, 0.9, False), (1.0, 1.0, True), (0.0, 0.0, True)],
)
def test_it_is_over_when_nothing_came_for_so_long(idle_exit, idle, is_over):
    assert pace(idle_exit=idle_exit).is_over(idle) is is_over
    assert pace(idle_exit=idle_exit, until=datetime.now(UTC) + HOUR).is_over(idle) is is_over


def test_it_is_over_when_the_time_has_come():
    assert pace(until=datetime.now(UTC) - HOUR).is_over(0.0)
    assert not pace(until=datetime.now(UTC) + HOUR).is_over(0.0)


def test_where_nothing_is_due_it_waits_long():
    assert pace().patience(5.0) == 60.0


@pytest.mark.parametrize(
    ("it", "look", "seconds"),
    [
        (pace(pulse=3.0), None, 3.0),
        (pace(idle_exit=9.0), None, 4.0),
        (pace(idle_exit=4.0), None, 0.0),
        (pace(window=window(held=7)), None, 3.0),
        (pace(), 2.0, 2.0),
        (pace(), -2.0, 0.0),
        (pace(pulse=3.0, idle_exit=100.0), 7.0, 3.0),
    ],
    ids=["pulse", "idle", "idle for longer", "window", "look", "look is due", "the least"],
)
def test_it_waits_no_longer_than_until_something_is_due(it, look, seconds):
    assert it.patience(5.0, look) == seconds


def test_it_waits_no_longer_than_until_the_time_has_come():
    it = pace(until=datetime.now(UTC) + timedelta(seconds=50))

    assert 40.0 < it.patience(0.0) <= 50.0
