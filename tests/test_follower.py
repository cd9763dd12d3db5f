"""Following: each event once, whatever happens to the files; and what is there at the start."""

import gc
import gzip
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from micrometric import FilterError, NoDataError, PathError, SettingError
from micrometric.event import LogEvent, format_timestamp
from micrometric.follower import Follower, follow
from micrometric.manifest import Manifest, SessionFacts, write_manifest
from micrometric.regular import open_regular
from micrometric.report import Report
from micrometric.segment import active_name, closed_name, manifest_name
from tests.tailing import open_files

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
FIRST, SECOND = "20261123T080000000000Z-r0-11", "20261123T090000000000Z-r1-12"
DEADLINE = 10.0


def line(number: int, metric: str = "density", **fields: Any) -> str:
    """The event line of a number; its time follows from the number."""
    moment = START + timedelta(seconds=number)
    event = {"timestamp": format_timestamp(moment), "metric": metric, "value": number}
    return json.dumps(event | {"metadata": {}, "location": "a.f"} | fields) + "\n"


def lines(*numbers: int) -> str:
    return "".join(map(line, numbers))


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


class Following:
    """A follower whose events are awaited."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self._batches = follower.batches()

    def values(self, count: int) -> list[Any]:
        """Wait for so many events; nothing else may come with them."""
        events = self.events(count)
        return [event.value for event in events]

    def events(self, count: int) -> list[LogEvent]:
        events: list[LogEvent] = []
        deadline = time.monotonic() + DEADLINE
        while len(events) < count:
            assert time.monotonic() < deadline, f"only {events} came"
            events += next(self._batches)
        assert len(events) == count
        return events

    def nothing(self) -> bool:
        """Say whether several looks in a row find nothing."""
        return not any(next(self._batches) for _ in range(6))


@pytest.fixture(params=[False, True], ids=["events", "polling"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Following]]:
    followers: list[Follower] = []

    def begin(*args: Any, **options: Any) -> Following:
        told = {"poll": request.param, "poll_interval": 0.001, "pulse": 0.01}
        followers.append(follow(*args, **(told | options)))
        return Following(followers[-1])

    yield begin
    for follower in followers:
        follower.close()


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A directory's plain segment that holds the events 1, 2 and 3."""
    path = tmp_path / "logs" / "micro_metrics.jsonl"
    path.parent.mkdir()
    path.write_text(lines(1, 2, 3))
    return path


class TestAppending:
    def test_only_what_is_appended_after_the_call_comes(self, plain, start):
        following = start(plain)

        append(plain, lines(4, 5))

        assert following.values(2) == [4, 5]

    def test_the_origin_of_a_file_is_that_of_the_reader(self, plain, start):
        following = start(plain.parent)

        append(plain, line(4))

        (event,) = following.events(1)
        assert (event.run, event.session) == ("logs", None)

    def test_half_a_line_is_held_until_its_end_is_there(self, plain, start):
        following = start(plain)
        text = line(4)

        append(plain, text[:20])
        assert following.nothing()
        append(plain, text[20:-1])
        assert following.nothing()
        append(plain, "\n")

        assert following.values(1) == [4]

    def test_half_a_line_at_the_start_is_read_from_its_beginning(self, plain, start):
        text = line(4)
        append(plain, text[:20])
        following = start(plain)

        append(plain, text[20:])

        assert following.values(1) == [4]

    def test_a_line_longer_than_a_block_comes_whole(self, plain, start):
        following = start(plain)

        append(plain, line(4, metadata={"note": "x" * 3_000_000}) + line(5))

        assert following.values(2) == [4, 5]

    def test_a_line_beyond_the_limit_is_skipped_and_counted_once(self, plain, start, monkeypatch):
        for reader in ("lines", "intake"):
            monkeypatch.setattr(f"micrometric.{reader}.LINE_LIMIT", 1_500_000)
        following = start(plain)

        append(plain, "x" * 5_000_000 + "\n" + line(4))

        assert following.values(1) == [4]
        assert [one.kind for one in following.follower.report.examples] == ["length"]
        assert following.follower.report.skipped == 1

    def test_what_is_no_event_is_skipped_and_counted(self, plain, start):
        following = start(plain)

        append(plain, "rubbish\n\n" + line(4) + '{"metric":"x"}\n' + line(5))

        assert following.values(2) == [4, 5]
        report = following.follower.report
        assert report.skipped == 2
        assert [example.reason for example in report.examples] == [
            "not JSON",
            "lacks the key 'timestamp'",
        ]

    @pytest.mark.parametrize("raw", [False, True], ids=["events", "lines"])
    @pytest.mark.parametrize(("last", "before"), [(None, 3), (0, None)], ids=["start", "end"])
    def test_what_is_skipped_has_its_number_where_the_start_was_read(
        self, plain, raw, last, before, monkeypatch
    ):
        monkeypatch.setattr("micrometric.lines._BLOCK", 400)
        follower = follow(plain, last=last, poll=True, poll_interval=0.001, pulse=0.01)
        batches = follower.raw_batches() if raw else follower.batches()

        append(plain, "rubbish\n\n" + lines(*range(4, 20)) + "rubbish\n")
        while follower.report.skipped < 2:
            next(batches)
        follower.close()

        numbers = [skipped.line for skipped in follower.report.examples]
        assert numbers == ([None, None] if before is None else [before + 1, before + 19])

    def test_a_file_written_anew_is_numbered_anew(self, plain, start):
        following = start(plain, last=None)
        following.values(3)

        plain.write_text("rubbish\n" + line(4))

        assert following.values(1) == [4]
        assert following.follower.report.examples[0].line == 1

    def test_a_naive_time_tells_which_zone_was_assumed(self, plain, start):
        following = start(plain, assume_tz="Asia/Tokyo")

        append(plain, line(4, timestamp="2026-11-23T17:00:04.000000"))

        (event,) = following.events(1)
        assert event.timestamp == START + timedelta(seconds=4)
        assert following.follower.report.assumed_zone == "Asia/Tokyo"

    def test_a_naive_time_is_this_machines_by_default(self, plain, start):
        following = start(plain)

        append(plain, line(4, timestamp="2026-11-23T17:00:04.000000"))

        following.events(1)
        assert following.follower.report.assumed_zone == "this machine's"

    def test_more_than_a_block_at_once_loses_nothing(self, plain, start):
        following = start(plain)
        numbers = range(10, 20_010)

        append(plain, lines(*numbers))

        assert following.values(len(numbers)) == [*numbers]


class TestFiles:
    def test_a_renamed_file_is_drained_and_its_successor_read_from_the_start(self, plain, start):
        following = start(plain.parent)
        late = plain.open("a")

        plain.rename(plain.with_name(closed_name(FIRST, 0)))
        plain.write_text(lines(5))
        assert following.values(1) == [5]
        late.write(lines(4))
        late.close()

        assert following.values(1) == [4]

    def test_a_named_file_is_followed_by_name_and_by_inode(self, tmp_path, start):
        path = tmp_path / "events.jsonl"
        path.write_text(lines(1))
        following = start(path)

        append(path, lines(2))
        path.rename(tmp_path / "events.jsonl.1")
        append(tmp_path / "events.jsonl.1", lines(3))
        path.write_text(lines(4))

        assert sorted(following.values(3)) == [2, 3, 4]

    def test_a_file_that_lost_its_name_is_let_go_when_it_is_quiet(self, plain, start, monkeypatch):
        following = start(plain)

        plain.unlink()
        assert following.nothing()
        assert len(following.follower._watcher.files) == 1
        monkeypatch.setattr("micrometric.watcher._PATIENCE", 0.0)
        deadline = time.monotonic() + DEADLINE

        while following.follower._watcher.files:
            assert following.nothing()
            assert time.monotonic() < deadline

    def test_a_truncated_file_is_read_from_its_start(self, plain, start):
        following = start(plain)

        plain.write_text("")
        assert following.nothing()
        append(plain, line(7))

        assert following.values(1) == [7]

    def test_a_file_truncated_and_grown_beyond_is_read_from_its_start(self, plain, start):
        following = start(plain)

        plain.write_text(lines(11, 12, 13, 14))

        assert following.values(4) == [11, 12, 13, 14]

    def test_a_deleted_file_that_comes_again_is_read_from_its_start(self, plain, start):
        following = start(plain)

        plain.unlink()
        plain.write_text(lines(4))

        assert following.values(1) == [4]

    def test_hard_links_are_one_file(self, plain, start):
        following = start(plain.parent)
        os.link(plain, plain.with_name(closed_name(FIRST, 0)))

        append(plain, lines(4))

        assert following.values(1) == [4]
        assert following.nothing()

    def test_files_that_come_later_are_read_from_their_start(self, plain, start):
        following = start(plain.parent)

        (plain.parent / active_name(FIRST)).write_text(lines(4))
        assert following.values(1) == [4]
        below = plain.parent / "lr=0.1"
        below.mkdir()
        (below / "micro_metrics.jsonl").write_text(lines(5))

        (event,) = following.events(1)
        assert (event.value, event.run) == (5, "lr=0.1")

    def test_a_manifest_that_comes_later_tells_rank_and_launch(self, plain, start):
        following = start(plain.parent)
        segment = plain.parent / active_name(FIRST)
        segment.write_text(lines(4))
        assert following.events(1)[0].launch is None

        write_manifest(plain.parent / manifest_name(FIRST), manifest(FIRST, "job"))
        deadline = time.monotonic() + DEADLINE
        launch = None

        while launch is None and time.monotonic() < deadline:
            append(segment, lines(5))
            launch = following.events(1)[0].launch

        assert launch == "job"

    def test_a_compressed_copy_is_not_told_again(self, plain, start):
        following = start(plain.parent)

        with gzip.open(plain.with_name(closed_name(FIRST, 0, ".jsonl.gz")), "wt") as file:
            file.write(lines(1, 2, 3))
        append(plain, lines(4))

        assert following.values(1) == [4]
        assert following.nothing()

    def test_a_compressed_copy_whose_first_line_is_long_is_not_told_again(self, plain, start):
        first = line(1, location="f" * 300)
        plain.write_text(first)
        following = start(plain.parent)

        with gzip.open(plain.with_name(closed_name(FIRST, 0, ".jsonl.gz")), "wt") as file:
            file.write(first)
        append(plain, lines(4))

        assert following.values(1) == [4]
        assert following.nothing()

    def test_other_files_of_a_directory_are_left_alone(self, plain, start):
        following = start(plain.parent)

        (plain.parent / "other.jsonl").write_text(lines(9))

        assert following.nothing()

    def test_a_glob_means_the_files_of_later_too(self, tmp_path, plain, start):
        following = start(str(tmp_path / "lo*" / "*.jsonl"))

        append(plain, lines(4))
        (plain.parent / "late.jsonl").write_text(lines(5))

        assert sorted(following.values(2)) == [4, 5]

    def test_a_file_that_cannot_be_read_is_noted_and_tried_again(self, plain, start, monkeypatch):
        broken = True

        def open_(path: Path, *, buffering: int) -> Any:
            if broken:
                raise PermissionError(13, "Permission denied")
            return open_regular(path, buffering=buffering)

        monkeypatch.setattr("micrometric.lines.open_regular", open_)
        following = start(plain)
        assert following.nothing()
        assert following.follower.report.notes == [f"cannot read {str(plain)!r}: Permission denied"]

        broken = False

        assert following.values(3) == [1, 2, 3]

    def test_an_error_while_reading_is_noted(self, plain, start, monkeypatch):
        following = start(plain)

        def fail(*_: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("micrometric.lines.GrowingFile.new_lines", fail)

        assert following.nothing()
        note = f"cannot read {str(plain)!r}: Input/output error"
        assert following.follower.report.notes == [note]

    def test_a_directory_that_vanishes_during_a_look_is_waited_for(self, plain, start, monkeypatch):
        following = start(plain.parent)

        def vanished(_: object) -> None:
            raise PathError("no such path")

        monkeypatch.setattr("micrometric.watcher.find", vanished)
        (plain.parent / active_name(FIRST)).write_text(lines(4))

        assert following.nothing()

    def test_a_name_without_a_file_is_left_alone_until_there_is_one(self, plain, start):
        dangling = plain.with_name(active_name(FIRST))
        dangling.symlink_to(plain.with_name("target"))
        following = start(plain.parent)
        assert following.nothing()

        plain.with_name("target").write_text(lines(4))

        assert following.values(1) == [4]


class TestWaiting:
    def test_a_path_that_is_not_there_yet_is_waited_for(self, tmp_path, start):
        path = tmp_path / "logs"
        following = start(path)
        assert following.nothing()
        assert following.follower.report.notes == [
            f"waiting for {str(path)!r}: there is no such path"
        ]

        path.mkdir()
        assert following.nothing()
        assert following.follower.report.notes[1:] == [
            f"waiting for {str(path)!r}: it holds no logs"
        ]
        (path / "micro_metrics.jsonl").write_text(lines(1))

        assert following.values(1) == [1]

    def test_one_path_does_not_wait_for_another(self, tmp_path, plain, start):
        following = start([plain, tmp_path / "absent"])

        append(plain, lines(4))

        assert following.values(1) == [4]

    def test_a_fifo_among_others_is_refused_with_a_way_out(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "micro_metrics.jsonl").touch()

        with pytest.raises(PathError, match=r"neither a file nor a directory.*tail - <"):
            follow([tmp_path / "pipe", tmp_path / "micro_metrics.jsonl"])

    def test_a_fifo_alone_is_followed_to_its_end(self, tmp_path, start):
        os.mkfifo(tmp_path / "pipe")
        following = start(tmp_path / "pipe")

        writer = threading.Thread(target=append, args=(tmp_path / "pipe", lines(4, 5)))
        writer.start()

        assert following.values(2) == [4, 5]
        writer.join()


class TestStart:
    def test_the_last_by_time_over_all_files_come_first(self, plain, start):
        (plain.parent / active_name(FIRST)).write_text(lines(0, 4, 5))
        following = start(plain.parent, last=4)

        assert following.values(4) == [2, 3, 4, 5]

        append(plain, lines(6))
        assert following.values(1) == [6]

    def test_more_than_there_are_is_all(self, plain, start):
        assert start(plain, last=10).values(3) == [1, 2, 3]

    def test_none_is_all_in_the_order_of_the_files(self, plain, start):
        following = start(plain.parent, last=None)

        assert following.values(3) == [1, 2, 3]

    def test_all_begins_with_compressed_segments(self, plain, start):
        with gzip.open(plain.with_name(closed_name(FIRST, 0, ".jsonl.gz")), "wt") as file:
            file.write(lines(8, 9))

        assert start(plain.parent, last=None).values(5) == [8, 9, 1, 2, 3]

    def test_the_last_are_found_in_files_of_many_blocks(self, plain, start):
        plain.write_text(lines(*range(5000)))

        assert start(plain, last=4500).values(4500) == [*range(500, 5000)]

    def test_the_last_line_is_found_when_it_is_longer_than_a_block(self, plain, start):
        long = line(4, metadata={"note": "x" * 3_000_000})
        append(plain, long + long[:-10])

        following = start(plain, last=2)

        assert following.values(2) == [3, 4]

    def test_a_whole_event_without_an_end_counts_once(self, plain, start):
        append(plain, line(4)[:-1])
        following = start(plain, last=2)
        assert following.values(2) == [3, 4]

        append(plain, "\n" + line(5))

        assert following.values(1) == [5]

    def test_segments_of_a_session_are_read_from_the_last_on(self, plain):
        for index in range(2):
            closed = plain.with_name(closed_name(FIRST, index, ".jsonl.gz"))
            with gzip.open(closed, "wt") as file:
                file.write(lines(10 * index + 20, 10 * index + 21))
        plain.with_name(active_name(FIRST)).write_text(lines(40))
        # Were the first segment read, this would be counted.
        plain.with_name(closed_name(FIRST, 0, ".jsonl.gz")).write_bytes(b"no gzip")
        report = Report()

        events = follow(plain.parent, last=2, report=report).past()

        assert [event.value for event in events] == [31, 40]
        assert report.skipped == 0

    def test_past_does_not_follow_and_tells_what_is_unfinished(self, plain):
        append(plain, line(4)[:20])
        report = Report()
        follower = follow(plain, last=2, report=report)

        assert [event.value for event in follower.past()] == [2, 3]
        assert report.unfinished == [plain]
        assert [*follower] == []

    def test_an_unfinished_event_that_no_filter_passes_is_left_out(self, plain):
        append(plain, line(4)[:-1])

        assert [event.value for event in follow(plain, last=9, where="value < 4").past()] == [
            1,
            2,
            3,
        ]

    def test_more_than_any_file_holds_is_all(self, plain):
        assert [event.value for event in follow(plain, last=10**20).past()] == [1, 2, 3]

    def test_past_of_everything_is_sorted(self, plain):
        (plain.parent / active_name(FIRST)).write_text(lines(0, 2))
        with gzip.open(plain.with_name(closed_name(SECOND, 0, ".jsonl.gz")), "wt") as file:
            file.write(lines(5, 6))

        events = follow(plain.parent, last=None, where="value != 6").past()

        assert [event.value for event in events] == [0, 1, 2, 2, 3, 5]

    def test_past_of_nothing_is_empty(self, tmp_path):
        assert follow(tmp_path, last=3).past() == []

    def test_equal_times_keep_their_order(self, plain):
        moment = format_timestamp(START)
        plain.write_text("".join(line(n, timestamp=moment) for n in range(5)))

        events = follow(plain, last=3).past()

        assert [event.value for event in events] == [2, 3, 4]


class TestFilters:
    def test_filters_are_those_of_the_reader(self, plain, start):
        below = plain.parent / "lr=0.1"
        below.mkdir()
        following = start(
            plain.parent,
            last=10,
            metrics="density,recall,!d*",
            location="a.*",
            where="lr == 0.1 and value > 1",
            since=START,
        )

        text = line(1, "recall") + line(2, "recall") + line(3) + line(4, "recall", location="b")
        text += line(9, "recall", timestamp=format_timestamp(START - timedelta(seconds=1)))
        (below / "micro_metrics.jsonl").write_text(text)
        append(plain, line(5, "recall"))

        assert following.values(1) == [2]
        assert following.nothing()

    def test_it_ends_when_until_has_come(self, plain):
        events = follow(plain, last=None, until=START + timedelta(seconds=2), poll_interval=0.001)

        assert [event.value for event in events] == [1, 2]

    def test_the_events_of_one_launch(self, plain, start):
        for session, launch in ((FIRST, "one"), (SECOND, "two")):
            write_manifest(plain.parent / manifest_name(session), manifest(session, launch))
            (plain.parent / active_name(session)).write_text(lines(10 if launch == "one" else 20))

        assert start(plain.parent, last=9, launch="one").values(1) == [10]
        assert start(plain.parent, last=9, launch="last").values(1) == [20]

    def test_a_launch_that_there_is_not_raises(self, plain):
        with pytest.raises(NoDataError, match="'other'"):
            follow(plain, launch="other")

    def test_a_launch_is_waited_for_where_there_are_no_logs(self, plain, tmp_path, start):
        following = start(tmp_path / "new", launch="one")

        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "micro_metrics.jsonl").write_text(lines(1))

        assert following.nothing()

    @pytest.mark.parametrize("idle_exit", [None, 1.0])
    def test_what_is_on_another_machine_is_refused(self, idle_exit):
        with pytest.raises(PathError) as caught:
            follow("https://host/logs", idle_exit=idle_exit)

        assert str(caught.value) == (
            "cannot follow 'https://host/logs': only files of this machine are followed; read what "
            "is there by now (tail --no-follow, summarize without --watch), or keep copying it to "
            "a directory and follow that"
        )

    def test_a_url_of_this_machine_is_followed(self, plain):
        with follow(plain.as_uri(), last=1) as follower:
            assert next(follower).value == 3

    def test_times_of_filters_are_in_the_zone_that_is_assumed(self, plain):
        told = {"since": "2026-11-23T17:00:02", "assume_tz": "Asia/Tokyo"}

        assert [event.value for event in follow(plain, last=None, **told).past()] == [2, 3]

    def test_a_bad_filter_raises_at_the_call(self, plain):
        with pytest.raises(FilterError):
            follow(plain, where="value >")

    def test_text_metrics_keep_their_texts(self, plain, start):
        metrics = {"phase": {"dtype": "str"}}
        told = {"format": "micrometric-manifest", "version": 1, "metrics": metrics}
        (plain.parent / manifest_name(FIRST)).write_text(json.dumps(told))
        with gzip.open(plain.with_name(closed_name(FIRST, 0, ".jsonl.gz")), "wt") as file:
            file.write(line(9, "phase", value="Infinity"))
        following = start(plain.parent, last=1)
        assert following.values(1) == ["Infinity"]

        append(plain, line(4, "phase", value="NaN"))

        assert following.values(1) == ["NaN"]


class TestEnd:
    def test_iterating_yields_events_until_it_is_closed(self, plain):
        with follow(plain, last=2, poll_interval=0.001) as follower:
            assert [next(follower).value, next(follower).value] == [2, 3]

        assert [*follower] == []

    def test_closing_from_another_thread_ends_it(self, plain):
        follower = follow(plain, poll_interval=60.0)
        events: list[LogEvent] = []
        thread = threading.Thread(target=lambda: events.extend(follower))
        thread.start()

        deadline = time.monotonic() + DEADLINE
        while thread.is_alive() and time.monotonic() < deadline:
            follower.close()
            thread.join(0.01)

        assert not thread.is_alive()
        assert follower._watcher.files == {}

    def test_closing_before_iterating_closes_the_files(self, plain):
        follower = follow(plain)

        follower.close()
        follower.close()

        assert follower._watcher.files == {}
        assert [*follower] == []


class TestRaw:
    def test_whole_good_lines_are_told_as_they_are_with_their_origin(self, plain):
        with follow(plain, poll_interval=0.001, pulse=0.01) as follower:
            batches = follower.raw_batches()
            assert next(batches) == []

            append(plain, lines(4))

            assert next(filter(None, batches)) == lines(4).encode()[:-2] + b',"run":"logs"}\n'

    def test_among_others_they_are_told_as_events(self, plain):
        with follow(plain, poll_interval=0.001, pulse=0.01) as follower:
            append(plain, "rubbish\n" + lines(4))

            (event,) = next(filter(None, follower.raw_batches()))

            assert (event.value, follower.report.skipped) == (4, 1)


class TestMergeWindow:
    def test_events_come_in_order_of_time(self, plain):
        with follow(plain, merge_window=0.05, poll_interval=0.001) as follower:
            batches = follower.raw_batches()
            assert next(batches) == []

            append(plain, lines(7, 5, 6))

            assert [event.value for event in next(filter(None, batches))] == [5, 6, 7]
            assert next(batches) == []

    def test_what_is_held_at_the_end_is_told(self, plain):
        follower = follow(plain, last=None, merge_window=60.0, idle_exit=0.01, poll_interval=0.001)

        assert [event.value for event in follower] == [1, 2, 3]


class TestStandardInput:
    @pytest.fixture
    def feed(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
        """A pipe's end to write to; what it gives is standard input."""
        read, write = os.pipe()
        with os.fdopen(read) as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            yield write

    def test_events_come_until_the_pipe_ends(self, feed):
        follower = follow("-")

        os.write(feed, lines(1, 2).encode() + line(3)[:10].encode())
        (first, second) = next(follower), next(follower)
        assert (first.value, second.value, first.run) == (1, 2, "-")
        os.write(feed, line(3)[10:-1].encode())
        os.close(feed)

        assert [event.value for event in follower] == [3]

    @pytest.mark.parametrize(("last", "values"), [(2, [2, 3]), (10**20, [1, 2, 3])])
    def test_past_is_the_last_of_the_pipe(self, feed, last, values):
        os.write(feed, lines(1, 2, 3).encode())
        os.close(feed)

        assert [event.value for event in follow("-", last=last).past()] == values

    def test_a_pipe_is_followed_alone(self, plain):
        with pytest.raises(
            SettingError, match=r"^'-' is standard input and must be the only path$"
        ):
            follow(["-", plain])


def manifest(session: str, launch: str) -> Manifest:
    start = format_timestamp(START)
    facts = SessionFacts(session, start, start, "host", "boot", 1, launch=launch)
    return Manifest({}, facts)


# What a follower holds open.


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="/proc tells open files")


@needs_proc
@pytest.mark.parametrize(
    ("paths", "options", "error"),
    [
        (["-", "logs"], {}, SettingError),
        (["/dev/null"], {}, PathError),
        (["logs"], {"launch": "other"}, NoDataError),
    ],
    ids=["standard input", "device", "launch"],
)
def test_a_follower_that_cannot_begin_leaves_nothing_open(
    plain, monkeypatch, paths, options, error
):
    monkeypatch.chdir(plain.parents[1])
    before = open_files()

    with pytest.raises(error):
        follow(paths, **options)

    assert open_files() <= before


@needs_proc
def test_an_interrupt_in_the_first_look_leaves_nothing_open(plain, monkeypatch):
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Follower, "_seek_ends", interrupt)
    before = open_files()

    with pytest.raises(KeyboardInterrupt):
        follow(plain)

    assert open_files() <= before


@needs_proc
def test_a_follower_that_nobody_iterates_or_closes_lets_go(plain):
    before = open_files()

    follower = follow(plain)
    assert open_files() > before
    del follower
    gc.collect()

    assert open_files() <= before
