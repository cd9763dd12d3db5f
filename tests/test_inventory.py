"""The files there are: whose, how large, which time they span, and all those of a run."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger
from micrometric.inventory import take_inventory
from micrometric.segment import active_name, closed_name
from tests.cli.conftest import SESSION, event
from tests.sessions import NOW, leave

OTHER = "20261123T090000000000Z-r1-4712"


def at(second: int) -> datetime:
    return datetime(2026, 11, 23, 8, 0, second, tzinfo=UTC)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs: a compressed, a closed and an active segment, and one without events."""
    first, second = tmp_path / "runs" / "a", tmp_path / "runs" / "b"
    first.mkdir(parents=True)
    second.mkdir()
    lines = [event(n, "density", n) + "\n" for n in range(6)]
    (first / closed_name(SESSION, 0, ".jsonl.gz")).write_bytes(
        gzip.compress("".join(lines[1::-1]).encode())
    )
    (first / closed_name(SESSION, 1)).write_text("".join(lines[2:4]))
    (first / active_name(OTHER)).write_text(lines[5] + "rubbish\n")
    (second / "micro_metrics.jsonl").write_text("")
    return tmp_path / "runs"


def test_each_segment_is_told_with_its_events_and_span(runs: Path) -> None:
    told = take_inventory(runs)

    assert [(f.run, f.kind, f.events, f.begin, f.end) for f in told] == [
        ("a", "compressed", 2, at(0), at(1)),
        ("a", "closed", 2, at(2), at(3)),
        ("a", "active", 1, at(5), at(5)),
        ("b", "active", 0, None, None),
    ]
    assert [(f.session, f.rank) for f in told][1:3] == [(SESSION, None), (OTHER, 1)]
    assert [f.size for f in told] == [Path(f.path).stat().st_size for f in told]
    assert told.report.skipped == 1


@pytest.mark.parametrize(
    ("filters", "counted"),
    [
        ({"since": at(1)}, [(1, at(1), at(1)), (2, at(2), at(3)), (1, at(5), at(5))]),
        ({"until": at(1)}, [(2, at(0), at(1))]),
        ({"where": "value == 3"}, [(1, at(3), at(3))]),
        ({"where": "rank == 1"}, [(1, at(5), at(5))]),
        ({"metrics": "other"}, []),
        ({"location": "*.backward"}, []),
    ],
    ids=str,
)
def test_filters_choose_the_events_that_are_counted(runs, filters, counted) -> None:
    told = take_inventory(runs, **filters)

    assert [(f.events, f.begin, f.end) for f in told] == counted
    assert [f.size for f in told] == [Path(f.path).stat().st_size for f in told]


def test_a_run_is_all_its_files(runs: Path) -> None:
    first, second = take_inventory(runs).runs()

    assert (first.run, first.files, first.events, first.begin, first.end) == (
        "a", 3, 5, at(0), at(5),
    )  # fmt: skip
    assert first.size == sum(path.stat().st_size for path in (runs / "a").iterdir())
    assert (second.run, second.events, second.begin) == ("b", 0, None)


def test_a_session_that_lives_is_told(tmp_path: Path) -> None:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(tmp_path / "logs", flush_every=1, metrics_to_log="all")
    logger.log("m", 1)

    (live,) = take_inventory(tmp_path)
    logger.close()
    (ended,) = take_inventory(tmp_path)

    assert (live.state, ended.state) == ("live", "ended")
    assert live.launch == ended.launch is not None


@pytest.mark.parametrize("copy", ["a", "z"], ids=["before", "behind"])
def test_a_copy_of_a_run_is_told_by_its_own_manifest(tmp_path: Path, copy: str) -> None:
    leave(tmp_path / "m", end=NOW.isoformat())
    leave(tmp_path / copy)

    told = {one.run: one.state for one in take_inventory(tmp_path)}

    assert told == {"m": "ended", copy: "live"}


def test_only_the_name_of_a_segment_says_that_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "run.5.jsonl"
    path.write_text(event(1, "density", 1) + "\n")

    assert [one.kind for one in take_inventory(path)] == ["active"]


def test_a_tree_has_each_directory_with_all_below_it(runs: Path) -> None:
    for count in (8, 32, 128):
        deep = runs / "sweep" / "inner" / f"top_k={count}"
        deep.mkdir(parents=True)
        (deep / "micro_metrics.jsonl").write_text(event(count, "density", count) + "\n")
    (runs / "sweep" / "inner" / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")

    tree = take_inventory(runs).tree()

    assert [(b.depth, b.name, b.stored.files, b.stored.events) for b in tree] == [
        (0, str(runs), 8, 9),
        (1, "a", 3, 5),
        (1, "b", 1, 0),
        (1, "sweep/inner", 4, 4),
        (2, "top_k=8", 1, 1),
        (2, "top_k=32", 1, 1),
        (2, "top_k=128", 1, 1),
    ]
    assert [b.stored.path for b in tree[3:5]] == [
        str(runs / "sweep" / "inner"), str(runs / "sweep" / "inner" / "top_k=8"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name"), [(".", "."), ("micro_metrics.jsonl", "."), ("./a", "a")], ids=str
)
def test_a_tree_of_relative_paths_begins_where_they_do(runs, monkeypatch, path, name) -> None:
    monkeypatch.chdir(runs)
    (runs / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")

    assert take_inventory(path).tree()[0].name == name
