"""The benchmarks of following run, tell what lacks, and leave nothing behind."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import follow
from benchmarks.bursts import append_bursts, lines, write_log
from benchmarks.follow import FollowPlan, main

TINY = FollowPlan(
    rounds=1,
    latency_events=3,
    flood_seconds=0.01,
    printed=50,
    idle_seconds=0.1,
    files=2,
    big_bytes=10_000,
    starts=1,
)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists() or not shutil.which("tail"),
    reason="no /proc/PID/stat, or no tail to compare with",
)


def measured(name: str, scratch: Path) -> dict[str, dict[str, float]]:
    path = scratch / "figures.json"
    assert main(["--only", name, "--json", str(path)], TINY) == 0
    (measure,) = json.loads(path.read_text(encoding="utf-8"))["measures"].values()
    found: dict[str, dict[str, float]] = {}
    for row in measure["rows"]:
        found.setdefault(row["figure"], {})[row["who"]] = row["median"]
    return found


def test_latency_is_measured_of_each_reader(tmp_path: Path) -> None:
    figures = measured("latency", tmp_path)

    assert list(figures) == ["p50", "p95"]
    for who in ("tail -F", "json", "coloured"):
        assert 0 < figures["p50"][who] <= figures["p95"][who]


def test_a_flood_arrives_whole(tmp_path: Path) -> None:
    figures = measured("flood", tmp_path)

    assert set(figures["200k/s: lacking"].values()) == {0}
    assert list(figures["150k/s: lacking"]) == ["coloured"]
    assert figures["200k/s: arrived/s"]["json"] > 0


@pytest.mark.parametrize(
    ("name", "figure", "who"),
    [
        ("print", "50 lines", "coloured"),
        ("last", "peak MiB", "json"),
        ("start", "start", "validate"),
    ],
)
def test_a_command_is_timed(name: str, figure: str, who: str, tmp_path: Path) -> None:
    assert measured(name, tmp_path)[figure][who] > 0


def test_idle_time_is_a_share(tmp_path: Path) -> None:
    figures = measured("idle", tmp_path)

    assert list(figures) == ["1 file", "2 files"]
    assert all(0 <= share <= 250 for each in figures.values() for share in each.values())


def test_programs_that_are_not_installed_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(follow.shutil, "which", lambda name: name != "jq" or None)

    main(["--only", "print"], TINY)

    assert capsys.readouterr().out.endswith("left out: jq (jq not installed)\n")


def test_idle_time_is_left_out_where_the_system_does_not_tell_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(follow, "can_tell_time", lambda: False)

    main(["--only", "idle"], TINY)

    assert capsys.readouterr().out == "left out: idle (no /proc/PID/stat on this system)\n"


def test_a_log_and_a_flood_have_the_lines_they_tell(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_log(path, 10_003)

    written, _ = append_bursts(path, 2000, 0.003)

    assert written == 6
    assert path.read_bytes().count(b"\n") == 10_009
    assert {len(line) for line in lines(20).splitlines()} == {len(lines(1)) - 1}
