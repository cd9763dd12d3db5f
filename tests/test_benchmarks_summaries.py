"""The benchmark of summaries: it measures everybody, and what they find is the same."""

import json
import subprocess
import sys

import pytest

from benchmarks import summaries
from benchmarks.summaries import SummaryPlan, main
from micrometric import summarize

TINY = SummaryPlan(rounds=1, events=600, files=3)


def test_every_measure_has_its_contenders(tmp_path, capsys):
    told = tmp_path / "told.json"

    code = main(["--json", str(told), "--only", "keys", "files", "where", "small"], TINY)

    assert code == 0
    measures = json.loads(told.read_text())["measures"]
    who = {name: {row["who"] for row in each["rows"]} for name, each in measures.items()}
    assert who == {
        "small": {"imports", "micrometric", "pandas"},
        "keys": {"one key", "three keys"},
        "files": {"one file", "3 files"},
        "where": {"none", "1 %"},
    }
    assert "ratio to one key" in capsys.readouterr().out


def test_by_hand_and_the_command_find_the_same(tmp_path):
    path = summaries.make_log(tmp_path, 600)

    code = summaries._BY_HAND.format(path)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    ours = [tuple(row.values())[:-2] for row in summarize(path)]
    by_hand = [tuple(row) for row in eval(told.stdout)]  # what a list of tuples prints
    assert [row[:3] for row in by_hand] == [row[:3] for row in ours]
    for row, other in zip(by_hand, ours, strict=True):
        assert row[3:] == pytest.approx(other[3:])
