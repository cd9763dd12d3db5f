"""`micrometric files`: a row for each segment or run, and the total."""

import json

import pytest

from micrometric_cli.render.inventory import size_text
from tests.cli.conftest import SAMPLES, block

UTC = ["--assume-tz", "UTC"]


def test_files_are_listed_with_their_total(cli):
    ended = cli("files", SAMPLES / "oracle_top_k=8", SAMPLES / "topk_attention", *UTC, columns=120)

    assert ended.out == block(
        """
        run             file                 kind    state  events  size      begin                     end
        ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        oracle_top_k=8  micro_metrics.jsonl  active  -         600  152.1 kB  2026-11-23 08:32:33.774Z  2026-11-23 08:32:42.899Z
        topk_attention  micro_metrics.jsonl  active  ended     800  138.5 kB  2026-11-23 15:17:21.996Z  2026-11-23 15:17:22.158Z
        total           -                    -       -        1400  290.6 kB  2026-11-23 08:32:33.774Z  2026-11-23 15:17:22.158Z
        """  # noqa: E501
    )


def test_runs_are_a_row_each(cli):
    ended = cli("files", SAMPLES, "--runs", "-f", "csv")

    rows = [line.split(",") for line in ended.out.splitlines()]
    assert rows[0] == [
        "run", "files", "rank", "launch", "state", "events", "size", "begin", "end",
    ]  # fmt: skip
    assert [row[:2] + row[5:7] for row in rows[1:3]] == [
        ["oracle_top_k=128", "1", "600", "152145"], ["oracle_top_k=32", "1", "600", "152193"],
    ]  # fmt: skip


def test_directories_are_shown_as_a_tree(cli, monkeypatch):
    monkeypatch.chdir(SAMPLES.parent)

    ended = cli("files", "sample_logs", "--tree", *UTC, columns=80)

    assert ended.out == block(
        """
        directory           files  state  events  size      end
        ────────────────────────────────────────────────────────────────────────────
        sample_logs             4  -        2600  594.9 kB  2026-11-23 15:17:22.158Z
          oracle_top_k=8        1  -         600  152.1 kB  2026-11-23 08:32:42.899Z
          oracle_top_k=32       1  -         600  152.2 kB  2026-11-23 08:33:00.565Z
          oracle_top_k=128      1  -         600  152.1 kB  2026-11-23 08:33:21.146Z
          topk_attention        1  ended     800  138.5 kB  2026-11-23 15:17:22.158Z
        """
    )


def test_a_tree_and_runs_exclude_each_other(cli):
    ended = cli("files", SAMPLES, "--tree", "--runs")

    assert ended.code == 2
    assert "--runs and --tree exclude each other" in ended.err


def test_files_without_the_events_that_are_asked_for_are_left_out(cli):
    ended = cli("files", SAMPLES, "--since", "2026-11-23T15:17:22Z", "-m", "accuracy", "-f", "json")

    (row,) = map(json.loads, ended.out.splitlines())
    assert (row["run"], row["size"]) == ("topk_attention", 138519)
    assert 0 < row["events"] < 100


@pytest.mark.parametrize("view", [[], ["--runs"], ["--tree"]], ids=str)
def test_where_no_file_is_left_the_reason_is_said(cli, view):
    ended = cli("files", SAMPLES, *view, "-m", "acuracy")

    assert (ended.code, ended.out) == (1, "")
    assert "no event is of metric 'acuracy'; did you mean 'accuracy'?" in ended.err


def test_programs_get_paths_and_bytes(cli):
    ended = cli("files", SAMPLES, "-f", "json")

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [row["events"] for row in rows] == [600, 600, 600, 800]
    assert rows[0]["file"].endswith("oracle_top_k=128/micro_metrics.jsonl")
    assert rows[0]["size"] == 152145


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
        (12_345_678, "12.3 MB"), (10**18, "1000.0 PB"),
    ],
)  # fmt: skip
def test_sizes_are_read_at_a_glance(size, text):
    assert size_text(size) == text
