"""`micrometric export`: where it writes, and what it says."""

import csv
import io
import json
import subprocess
import sys

from tests.cli.conftest import event


def test_it_writes_a_file_and_says_so(cli, run, tmp_path):
    ended = cli("export", run, "-o", tmp_path / "o.csv", "-m", "density")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"micrometric: wrote 4 events to {tmp_path / 'o.csv'}\n"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text())))
    assert [row["value"] for row in rows] == ["0.0", "0.25", "0.5", "0.75"]


def test_standard_output_has_the_data_alone(cli, run):
    ended = cli("export", run, "-o", "-", "-f", "csv", "-w", "layer_idx == 1")

    assert (ended.code, ended.err) == (0, "")
    assert [row["layer_idx"] for row in csv.DictReader(io.StringIO(ended.out))] == ["1", "1"]


def test_standard_input_is_read_once_and_written_whole(tmp_path):
    lines = "".join(event(n, "density", n) + "\n" for n in range(3))
    command = [sys.executable, "-m", "micrometric_cli", "export", "-", "-o", "-", "-f", "csv"]

    ended = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)

    assert [row["value"] for row in csv.DictReader(io.StringIO(ended.stdout))] == ["0", "1", "2"]


def test_an_empty_answer_is_an_empty_file_and_says_why(cli, run, tmp_path):
    ended = cli("export", run, "-o", tmp_path / "o.csv", "-m", "densty")

    assert ended.code == 0
    assert "did you mean 'density'" in ended.err
    assert (tmp_path / "o.csv").read_text().count("\n") == 1


def test_what_was_skipped_is_said_once(cli, run, tmp_path):
    with next(run.glob("*.0.jsonl")).open("a") as file:
        file.write("rubbish\n")

    ended = cli("export", run, "-o", tmp_path / "o.parquet")

    assert ended.err.count("1 line is not") == 1


def test_lines_can_be_read_again(cli, run, tmp_path):
    cli("export", run, "-o", tmp_path / "o.jsonl")

    again = cli("tail", tmp_path / "o.jsonl", "--no-follow", "-n", 1, "-f", "json")

    assert json.loads(again.out)["run"] == "logs"
    assert json.loads(again.out)["metric"] == "stray"


def test_a_target_in_no_directory_is_refused_in_a_line(cli, run, tmp_path):
    ended = cli("export", run, "-o", tmp_path / "nowhere" / "o.csv")

    assert ended.code == 2
    target = tmp_path / "nowhere" / "o.csv"
    assert ended.err == f"micrometric: cannot write '{target}': No such file or directory\n"
