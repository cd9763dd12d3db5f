"""The benchmarks run, measure what they are asked for, and leave nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.memory import can_measure
from benchmarks.record import check_lines
from benchmarks.recorder import Peer, Recorder
from benchmarks.report import rows
from benchmarks.rounds import EventsDifferError, Measure

WITHOUT_LIBRARIES = """
import sys
sys.modules.update(dict.fromkeys(["structlog", "orjson", "loguru"]))  # None: not to be found
from benchmarks.__main__ import main
from benchmarks.rounds import Plan
tiny = Plan(rounds=1, events=400, latency_events=1000, loop_blocks=1, memory_events=1000)
sys.exit(main([], tiny))
"""


def run(*arguments: str | Path, temporary: Path) -> str:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_table_and_json_hold_the_same_figures_and_no_file_stays(tmp_path: Path) -> None:
    scratch, path = tmp_path / "scratch", tmp_path / "figures.json"
    scratch.mkdir()

    command = ["-m", "benchmarks", "--quick", "--json", path]
    table = run(*command, "--only", "record", "floor", "micrometric", temporary=scratch)

    (measure,) = json.loads(path.read_text(encoding="utf-8"))["measures"].values()
    assert [(row["figure"], row["who"]) for row in measure["rows"]] == [
        ("hot", "floor"),
        ("hot", "micrometric"),
        ("total", "floor"),
        ("total", "micrometric"),
    ]
    for row in measure["rows"]:
        assert 0 < row["lowest"] <= row["median"] <= row["highest"]
        assert f"{row['ratio']:.2f}" in table
    assert list(scratch.iterdir()) == []


@pytest.mark.skipif(not can_measure(), reason="no /proc/self/status: memory is left out as well")
def test_everything_is_measured_without_the_peers_that_are_not_installed(tmp_path: Path) -> None:
    table = run("-c", WITHOUT_LIBRARIES, temporary=tmp_path)

    for measure in ("record", "loops", "guard", "latency", "threads", "memory"):
        assert f"{measure}: " in table
    assert table.endswith(
        "left out: floor-orjson (orjson not installed)\n"
        "left out: structlog (structlog and orjson not installed)\n"
        "left out: loguru (loguru not installed)\n"
    )


@pytest.mark.parametrize("written", [9, 11], ids=["lost", "twice"])
def test_a_peer_that_writes_another_number_of_events_is_refused(
    written: int, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_text("{}\n" * written)
    peer = Peer("careless", lambda _: Recorder(print, print))

    with pytest.raises(EventsDifferError, match=f"to write 10 events, found {written}"):
        check_lines(peer, 10, tmp_path)


def test_a_measure_whose_events_differ_fails_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose(*_) -> None:
        raise EventsDifferError("1 event is lost")

    def measure(*_) -> dict[tuple[str, str], list[float]]:
        return {("hot", "floor"): [1.0]}

    both = (Measure("lossy", "", "", None, lose), Measure("sound", "", "ns", None, measure))
    monkeypatch.setattr("benchmarks.__main__.MEASURES", both)

    code = main([])

    assert code == 1
    table = capsys.readouterr().out
    assert "sound: " in table
    assert table.endswith("failed: lossy: 1 event is lost\n")


def test_medians_are_compared_with_the_baseline_of_the_same_figure() -> None:
    samples = {("hot", "floor"): [1.0, 2.0, 9.0], ("hot", "slow"): [3.0, 8.0, 5.0]}
    measure = Measure("record", "", "ns", "floor", lambda *_: samples)

    floor, slow = rows(measure, samples)

    assert (floor.median, floor.lowest, floor.highest, floor.ratio) == (2.0, 1.0, 9.0, 1.0)
    assert (slow.median, slow.lowest, slow.highest, slow.ratio) == (5.0, 3.0, 8.0, 2.5)
