"""What files gain: told as soon as a waiter says that it may be there."""

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from micrometric.arrivals import Arrivals
from micrometric.filters import Filter
from micrometric.intake import Intake
from micrometric.manifest import Manifest, SessionFacts, write_manifest
from micrometric.pace import Pace
from micrometric.report import Report
from micrometric.segment import PLAIN_NAME, active_name, closed_name, file_identity, manifest_name
from micrometric.waiting import Changes, Identity, PollingWaiter
from micrometric.watcher import Watcher
from tests.tailing import append, line, lines

FIRST = "20261123T080000000000Z-r0-11"
NOTHING = Changes(names=False, files=frozenset())


class Script(PollingWaiter):
    """A waiter that tells what it was told to, and else nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Changes] = []
        self.waited: list[float] = []

    def wait(self, seconds: float) -> Changes:
        self.waited.append(seconds)
        return self.changes.pop(0) if self.changes else NOTHING


class Arriving:
    def __init__(self, logs: Path, **options: object) -> None:
        self.waiter = Script()
        self.report = Report()
        self.watcher = Watcher([logs], None, self.report, self.waiter)
        wanted = Filter.read(where=options.pop("where", None))
        settings = {"pulse": None, "idle_exit": None, "until": None, "window": None} | options
        self.pace = Pace(**settings)
        intake = Intake(wanted, None, self.report)
        self.batches = Arrivals(self.watcher, intake, self.pace).batches()

    def values(self) -> list[object]:
        return [event.value for event in next(self.batches)]

    def close(self) -> None:
        self.batches.close()
        self.watcher.close()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    (path / PLAIN_NAME).write_text(lines([1]))
    return path


@pytest.fixture
def start(logs: Path) -> Iterator[Callable[..., Arriving]]:
    started = []

    def begin(**options: object) -> Arriving:
        started.append(Arriving(logs, **options))
        return started[-1]

    yield begin
    for arriving in started:
        arriving.close()


def grown(*paths: Path) -> Changes:
    return Changes(names=False, files=frozenset(map(identity, paths)))


def identity(path: Path) -> Identity:
    found = file_identity(path)
    assert found is not None
    return found


def test_only_files_that_may_have_grown_are_read(logs, start):
    arriving = start()
    assert arriving.values() == [1]
    assert arriving.values() == []

    append(logs / PLAIN_NAME, [2])
    assert arriving.values() == []
    arriving.waiter.changes = [grown(logs / PLAIN_NAME)]

    assert arriving.values() == [2]
    assert arriving.values() == []


def test_of_any_file_means_all(logs, start):
    arriving = start()
    arriving.values()
    arriving.values()

    append(logs / PLAIN_NAME, [2])
    arriving.waiter.changes = [Changes(names=False, files=None), NOTHING]

    assert arriving.values() == [2]


def test_what_grew_while_another_was_read_is_read_too(logs, start):
    other = logs / closed_name(FIRST, 0)
    other.write_text("")
    arriving = start()
    assert arriving.values() == [1]
    assert arriving.values() == []
    append(logs / PLAIN_NAME, [2])
    append(other, [10])
    append(other, [11])

    # The second wait is within the reading of a file without a session.
    arriving.waiter.changes = [grown(logs / PLAIN_NAME), grown(other), grown(logs / PLAIN_NAME)]
    assert arriving.values() == [2]
    assert arriving.values() == []

    assert arriving.values() == [10, 11]


def test_names_are_looked_at_again_when_they_change(logs, start):
    arriving = start()
    arriving.values()
    arriving.values()

    (logs / active_name(FIRST)).write_text(lines([10]))
    assert arriving.values() == []
    arriving.waiter.changes = [Changes(names=True, files=frozenset())]
    values = next(filter(None, arriving.batches))

    assert [event.value for event in values] == [10]


def test_the_next_look_is_waited_for_where_names_change_often(start, monkeypatch):
    monkeypatch.setattr("micrometric.arrivals._LOOK_SHARE", 10_000)
    arriving = start()
    arriving.values()
    arriving.values()

    arriving.waiter.changes = [Changes(names=True, files=frozenset())]
    for _ in range(3):
        arriving.values()

    assert 0.0 < arriving.waiter.waited[-1] < 50.0


def test_names_are_not_looked_at_while_none_changes(start, monkeypatch):
    arriving = start()
    looks = []
    monkeypatch.setattr(arriving.watcher, "look", lambda: looks.append("look"))

    for _ in range(4):
        arriving.values()

    assert looks == []


def test_a_file_without_a_session_is_asked_for_its_manifest_first(logs, start):
    arriving = start()
    arriving.values()
    arriving.values()
    start_time = "2026-11-23T08:00:00Z"
    facts = SessionFacts(FIRST, start_time, start_time, "host", "boot", 1, launch="job", plain=True)
    write_manifest(logs / manifest_name(FIRST), Manifest({}, facts))
    append(logs / PLAIN_NAME, [2])

    arriving.waiter.changes = [
        grown(logs / PLAIN_NAME),
        Changes(names=True, files=frozenset()),
    ]
    (event,) = next(arriving.batches)

    assert (event.session, event.launch) == (FIRST, "job")


def test_nothing_is_waited_for_while_there_is_more_to_read(logs, start, monkeypatch):
    monkeypatch.setattr("micrometric.lines._BLOCK", 64)
    append(logs / PLAIN_NAME, range(2, 5))
    arriving = start()

    values = [event.value for _ in range(4) for event in next(filter(None, arriving.batches))]

    assert values == [1, 2, 3, 4]
    assert {*arriving.waiter.waited} == {0.0}


def test_a_file_with_a_session_costs_no_wait_of_its_own(logs, start):
    (logs / PLAIN_NAME).rename(logs / active_name(FIRST))
    arriving = start()

    assert arriving.values() == [1]
    assert arriving.waiter.waited == []


def test_it_waits_as_long_as_nothing_is_due(start):
    arriving = start(pulse=7.0)
    for _ in range(3):
        arriving.values()

    assert arriving.waiter.waited[-1] == 7.0


def test_it_ends_when_nothing_came_for_so_long_with_what_has_no_end(logs, start):
    arriving = start(idle_exit=0.05, where="value < 4")
    with (logs / PLAIN_NAME).open("a") as file:
        file.write(line(2)[:-1])
    for name, text in [("a", line(3)[:-1]), ("b", line(4)[:-1]), ("c", line(5)[:20]), ("d", "")]:
        (logs / name).mkdir()
        (logs / name / PLAIN_NAME).write_text(text)
    arriving.waiter.changes = [Changes(names=True, files=None)] * 10
    begin = time.monotonic()

    values = [event.value for batch in arriving.batches for event in batch]

    assert values == [1, 2, 3]
    assert arriving.report.unfinished == [logs / "c" / PLAIN_NAME]
    assert time.monotonic() - begin >= 0.05


def test_it_ends_when_it_is_closed_without_what_has_no_end(logs, start):
    with (logs / PLAIN_NAME).open("a") as file:
        file.write(line(2)[:-1])
    arriving = start()
    assert arriving.values() == [1]

    arriving.pace.is_closed = True

    assert not any(arriving.batches)


def test_what_was_compressed_unseen_comes_between_what_was_known_and_what_is_new(logs, start):
    active = logs / active_name(FIRST)
    append(active, [1])
    (logs / PLAIN_NAME).unlink()
    arriving = start()
    assert arriving.values() == [1]
    assert arriving.values() == []

    append(active, [2])
    active.rename(logs / closed_name(FIRST, 0))
    packed = logs / closed_name(FIRST, 1, ".jsonl.gz")
    packed.write_bytes(gzip.compress(lines([3]).encode()))
    append(active, [4])
    arriving.waiter.changes = [Changes(names=True, files=None)]
    told: list[object] = []
    deadline = time.monotonic() + 10
    while len(told) < 3 and time.monotonic() < deadline:
        told += arriving.values()

    assert told == [2, 3, 4]
