"""Each step at the file system failing in turn, and the power gone before each.

Either the state before is there, or the state after, never neither; nothing is lost or doubled,
and the next time finishes what was begun.
"""

import gzip
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from micrometric import check, compact, iter_events, prune, repair
from micrometric.manifest import Accounting, Counts, Manifest, SegmentFacts, write_manifest
from micrometric.registry import Metric
from micrometric.segment import PLAIN_NAME, closed_name, manifest_name
from tests.cli.conftest import SESSION, event, facts
from tests.faults import run_with_fault

HOW = pytest.mark.parametrize("how", ["fail", "cut"])


def make_logs(root: Path) -> Path:
    """Make a run that has ended: a plain, a closed and a compressed segment, with an account."""
    path = root / "logs"
    path.mkdir()
    lines = [event(n, "n", n) + "\n" for n in range(30)]
    (path / closed_name(SESSION, 0)).write_text("".join(lines[:10]))
    (path / closed_name(SESSION, 1, ".jsonl.gz")).write_bytes(
        gzip.compress("".join(lines[10:20]).encode())
    )
    (path / PLAIN_NAME).write_text("".join(lines[20:]))
    names = [closed_name(SESSION, 0), closed_name(SESSION, 1, ".jsonl.gz"), PLAIN_NAME]
    told = tuple(SegmentFacts(name, n, 10, 1) for n, name in enumerate(names))
    manifest = Manifest(
        {"n": Metric("int")},
        facts(segments=told, plain=True),
        Accounting(Counts(logged=30, written=30)),
    )
    write_manifest(path / manifest_name(SESSION), manifest)
    for file in path.iterdir():
        os.utime(file, (1e9, 1e9))
    return path


def values(path: Path) -> list[int]:
    return sorted(event.value for event in iter_events(path))


def each_step(program: str, folder: Path, how: str, verdict: Callable[[Path, bool], None]) -> int:
    """Run a program once for each of its steps, in fresh logs; return how many there were."""
    step = 0
    while True:
        step += 1
        place = folder / f"step{step}"
        place.mkdir()
        make_logs(place)
        code, steps, said = run_with_fault(program, step, how, place)
        errors = ("OSError", "PathError", "SettingError")
        assert "Traceback" not in said or any(name in said for name in errors), said
        verdict(place, code == 0 and steps < step)
        shutil.rmtree(place)
        if steps < step:
            return step - 1


@HOW
def test_compaction(tmp_path, how):
    def verdict(place: Path, finished: bool) -> None:
        logs = place / "logs"
        assert values(logs) == [*range(30)]
        assert not set(check(logs).counts) - {"twin", "leftover"}

        done = compact(logs)

        assert not done.refused
        assert values(logs) == [*range(30)]
        # A file with two names may be in somebody's hands; it waits for ten minutes.
        assert not done.left or all("two names" in reason for reason in done.left.values())
        left = [path for path in logs.glob("*.jsonl") if path not in done.left]
        assert done.left or not left
        assert not (finished and done.compacted)

    program = "from micrometric import compact\narmed = True\ncompact('logs')"
    assert each_step(program, tmp_path, how, verdict) > 15


@HOW
def test_pruning(tmp_path, how):
    def verdict(place: Path, finished: bool) -> None:
        logs = place / "logs"
        kept = values(logs)
        assert kept[-10:] == [*range(20, 30)] or set(kept) >= {*range(10)}
        assert len(kept) % 10 == 0
        assert not set(check(logs).counts) - {"leftover"}

        done = prune(logs, keep_segments=1, yes=True)

        assert len(values(logs)) == 10
        assert not set(check(logs).counts) - {"leftover"}
        assert not (finished and done.deleted)

    program = (
        "from micrometric import prune\narmed = True\nprune('logs', keep_segments=1, yes=True)"
    )
    assert each_step(program, tmp_path, how, verdict) > 5


@HOW
def test_repairing(tmp_path, how):
    def verdict(place: Path, finished: bool) -> None:
        assert values(place / "logs") == [*range(30)]
        assert check(place / "logs").defects == []
        if (place / "out").exists():
            assert values(place / "out") == [*range(30)]
            assert check(place / "out").defects == []
        else:
            assert not finished
            repair(place / "logs", place / "out")
        if how == "fail":
            assert {path.name for path in place.iterdir()} == {"logs", "out"}

    program = "from micrometric import repair\narmed = True\nrepair('logs', 'out')"
    assert each_step(program, tmp_path, how, verdict) > 5


LOGGER = """
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("n", int)
armed = True
for run in range(2):
    logger = MicroMetricLogger(
        "new", metrics_to_log="all", rotate_bytes=4000, compression="gzip", flush_interval=None,
        flush_every=10, keep_segments=KEEP,
    )
    for number in range(60):
        logger.log("n", 60 * run + number)
    logger.close()
"""


@HOW
@pytest.mark.parametrize("keep", [None, 2])
def test_rotation_compression_and_retention(tmp_path, how, keep):
    def verdict(place: Path, finished: bool) -> None:
        new = place / "new"
        if not new.exists():
            return
        found = values(new) if [*new.glob("micro_metrics*.gz"), *new.glob("*.jsonl")] else []
        counts = Counter(found)
        assert set(counts.values()) <= {1}
        if how == "fail" and keep is None:
            assert found == [*range(120)]
        if found and keep is None:
            # Whatever was cut off, what is there is a beginning of each session.
            first = [value for value in found if value < 60]
            assert first == [*range(len(first))]
        if new.exists() and found:
            kinds = set(check(new).counts)
            assert not kinds - {"killed", "leftover", "missing", "no manifest", "twin"}, kinds
            if "missing" in kinds:
                assert how == "cut"
        for path in new.glob("*.jsonl"):
            for line in path.read_bytes().splitlines():
                json.loads(line)

    assert each_step(LOGGER.replace("KEEP", repr(keep)), tmp_path, how, verdict) > 10
