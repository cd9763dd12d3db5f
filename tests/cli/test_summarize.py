import io
import json
import re
import signal
import subprocess
import sys
import time

import pytest

from micrometric_cli.output import ProgressLine, progress
from tests.cli.conftest import SAMPLES, Stream, block, event

OLD = SAMPLES / "oracle_top_k=8"


def test_at_80_columns_the_least_telling_figures_are_left_out_and_named(cli):
    ended = cli("summarize", OLD, columns=80)

    assert ended.out == block(
        """
        metric               location              count    mean     std     p50     max
        ────────────────────────────────────────────────────────────────────────────────
        resear…tion_density  sparse…tom_attention    300  0.1786  0.1416  0.1094  0.4375
        resear…output_error  sparse…tom_attention    300  0.4103  0.2255  0.3807  1.2941
        """
    )
    assert ended.err == block(
        """
        micrometric: left out at 80 columns: min, p95, p99
        """
    )


def test_at_200_columns_there_is_room_for_all(cli):
    ended = cli("summarize", OLD, columns=200)

    assert ended.out == block(
        """
        metric                           location                                                                                          count    mean     std     min     p50     p95     p99     max
        ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        research_attention_density       sparse_attention_hub.sparse_attention.research_attention.base.ResearchAttention.custom_attention    300  0.1786  0.1416  0.0547  0.1094  0.4375  0.4375  0.4375
        research_attention_output_error  sparse_attention_hub.sparse_attention.research_attention.base.ResearchAttention.custom_attention    300  0.4103  0.2255  0.0832  0.3807  0.9015  1.1090  1.2941
        """  # noqa: E501
    )
    assert ended.err == ""


def test_a_metric_is_named_once_for_its_block_of_groups(cli):
    ended = cli("summarize", OLD, "--group-by", "layer_idx", columns=120)

    assert ended.out == block(
        """
        metric                           layer_idx  count    mean     std     min     p50     p95     p99     max
        ─────────────────────────────────────────────────────────────────────────────────────────────────────────
        research_attention_density               0     50  0.1786  0.1428  0.0547  0.1094  0.4375  0.4375  0.4375
                                                 1     50  0.1786  0.1428  0.0547  0.1094  0.4375  0.4375  0.4375
                                                 2     50  0.1786  0.1428  0.0547  0.1094  0.4375  0.4375  0.4375
                                                 3     50  0.1786  0.1428  0.0547  0.1094  0.4375  0.4375  0.4375
                                                 4     50  0.1786  0.1428  0.0547  0.1094  0.4375  0.4375  0.4375
                                                 5     50  0.1786  0.1428  0.0547  0.1094  0.4375  0.4375  0.4375

        research_attention_output_error          0     50  0.4779  0.1352  0.2589  0.4614  0.7005  0.7368  0.7515
                                                 1     50  0.2583  0.1141  0.0841  0.2486  0.4386  0.4568  0.4651
                                                 2     50  0.2714  0.1078  0.0832  0.2877  0.4186  0.4346  0.4433
                                                 3     50  0.3706  0.1037  0.1502  0.3871  0.5162  0.5378  0.5465
                                                 4     50  0.3831  0.1272  0.1287  0.4233  0.5485  0.5697  0.5838
                                                 5     50  0.7005  0.3227  0.1911  0.7700  1.1446  1.2875  1.2941
        """  # noqa: E501
    )


def test_piped_every_line_stands_alone_and_is_never_wrapped(cli):
    ended = cli("summarize", SAMPLES, "-g", "run,layer_idx", "-m", "research*error")

    lines = ended.out.splitlines()
    assert len(lines) == 2 + 18
    assert all(line.startswith("research_attention_output_error ") for line in lines[2:])
    assert "left out" not in ended.err


def test_narrower_than_any_table_the_last_columns_stay(cli):
    ended = cli("summarize", OLD, columns=20)

    assert ended.out == block(
        """
        metric  location    mean
        ────────────────────────
        r…sity  sp…ntion  0.1786
        r…rror  sp…ntion  0.4103
        """
    )


def test_colour_is_weight_alone(cli):
    ended = cli("summarize", OLD, "--color", "always", "-g", "run")

    assert set(re.findall(r"\x1b\[[0-9;]*m", ended.out)) == {"\x1b[1m", "\x1b[0m"}


def summary_as(cli, run, format_):
    arguments = ["-m", "density", "-g", "layer_idx", "-w", "layer_idx == 0", "--format", format_]
    return cli("summarize", run, *arguments).out


def test_as_a_table(cli, run):
    assert summary_as(cli, run, "table") == block(
        """
        metric   layer_idx  count    mean     std     min     p50     p95     p99     max
        ─────────────────────────────────────────────────────────────────────────────────
        density          0      2  0.2500  0.3536  0.0000  0.2500  0.4750  0.4950  0.5000
        """
    )


def test_as_json_it_is_in_full(cli, run):
    assert summary_as(cli, run, "json") == block(
        """
        {"metric": "density", "layer_idx": 0, "count": 2, "mean": 0.25, "std": 0.3535533905932738, "min": 0.0, "p50": 0.25, "p95": 0.475, "p99": 0.495, "max": 0.5, "non_finite": 0, "non_numeric": 0}
        """  # noqa: E501
    )


def test_as_csv_it_is_in_full(cli, run):
    assert summary_as(cli, run, "csv") == block(
        """
        metric,layer_idx,count,mean,std,min,p50,p95,p99,max,non_finite,non_numeric
        density,0,2,0.25,0.3535533905932738,0.0,0.25,0.475,0.495,0.5,0,0
        """
    )


def test_as_markdown(cli, run):
    assert summary_as(cli, run, "md") == block(
        """
        | metric | layer_idx | count | mean | std | min | p50 | p95 | p99 | max |
        | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
        | density | 0 | 2 | 0.2500 | 0.3536 | 0.0000 | 0.2500 | 0.4750 | 0.4950 | 0.5000 |
        """
    )


def test_as_latex(cli, run):
    assert summary_as(cli, run, "latex") == block(
        r"""
        \begin{tabular}{lrrrrrrrrr}
        \toprule
        metric & layer\_idx & count & mean & std & min & p50 & p95 & p99 & max \\
        \midrule
        density & 0 & 2 & 0.2500 & 0.3536 & 0.0000 & 0.2500 & 0.4750 & 0.4950 & 0.5000 \\
        \bottomrule
        \end{tabular}
        """
    )


def test_more_digits_are_shown_when_asked_for(cli):
    ended = cli("summarize", OLD, "-m", "*error", "-g", "run", "--digits", "8")

    assert ended.out == block(
        """
        metric                           run             count        mean         std         min         p50         p95         p99         max
        ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        research_attention_output_error  oracle_top_k=8    300  0.41028674  0.22545872  0.08319444  0.38074680  0.90149358  1.10901288  1.29411137
        """  # noqa: E501
    )


def test_values_that_are_no_numbers_are_counted_in_columns_of_their_own(cli, run):
    (run / "micro_metrics.jsonl").write_text(event(9, "density", "NaN") + "\n")

    ended = cli("summarize", run, "-g", "run")

    assert ended.out == block(
        """
        metric   run   count    mean     std     min     p50     p95     p99     max  non_finite  non_numeric
        ─────────────────────────────────────────────────────────────────────────────────────────────────────
        density  logs      4  0.3750  0.3227  0.0000  0.3750  0.7125  0.7425  0.7500           1            0
        phase    logs      0       -       -       -       -       -       -       -           0            1
        stray    logs      1       1       -       1       1       1       1       1           0            0
        """  # noqa: E501
    )


def test_36_groups_of_the_real_runs(cli):
    ended = cli("summarize", SAMPLES, "-m", "research*", "-g", "run,layer_idx", "-f", "json")

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert len(rows) == 36
    assert {row["run"] for row in rows} == {f"oracle_top_k={k}" for k in (8, 32, 128)}


def test_a_key_of_the_path_sorts_as_a_number(cli):
    ended = cli("summarize", SAMPLES, "-m", "*density,!density", "-g", "oracle_top_k", "-f", "csv")

    assert [line.split(",")[1] for line in ended.out.splitlines()[1:]] == ["8", "32", "128"]


def test_a_metric_that_is_missing_beside_others_is_named(cli, run):
    ended = cli("summarize", run, "-m", "density,fase,!other")

    assert ended.code == 0
    assert ended.err == "micrometric: no event is of metric 'fase'; did you mean 'phase'?\n"


def test_what_was_skipped_is_said(cli, run):
    (run / "micro_metrics.jsonl").write_text("rubbish\n")

    ended = cli("summarize", run)

    assert ended.code == 0
    assert "1 line is not an event and was skipped" in ended.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-m", "densty"], "no event is of metric 'densty'; did you mean 'density'?"),
        (["-m", "!density,!phase,!stray"], "--metrics '!density,!phase,!stray' leaves none of"),
        (["-m", "x*"], "no event is of metric 'x*'; there are 'density', 'phase', 'stray'"),
        (["-l", "*.forwrad"], "no event is of location '*.forwrad'"),
        (["-w", "layer_idx > 7"], "none of 6 events meets --where"),
        (["--since", "2026-11-24"], "no event passes --since: the last is of 2026-11-23T08:00:05"),
        (["--until", "2026-11-22"], "no event passes --until: the first is of 2026-11-23T08:00:00"),
        (
            ["-m", "phase", "-w", "layer_idx == 1"],
            "none of the 6 events in 'logs' passes --metrics and --where together",
        ),
        (["-g", "layr_idx"], "no event has the key 'layr_idx'; did you mean 'layer_idx'?"),
        (["--launch", "mourning"], "no events of launch 'mourning'; did you mean 'morning'?"),
    ],
)
def test_an_empty_answer_says_why(cli, run, arguments, why):
    ended = cli("summarize", "logs", *arguments)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"micrometric: {why}")


def test_logs_without_events_are_an_empty_answer(cli, tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text("")

    ended = cli("summarize", tmp_path)

    assert ended.code == 1
    assert ended.err == f"micrometric: there are no events in {str(tmp_path)!r}\n"


def test_standard_input_without_events_is_an_empty_answer(cli, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))

    ended = cli("summarize", "-")

    assert ended.code == 1
    assert ended.err == "micrometric: there are no events in standard input\n"


def test_names_that_command_a_terminal_are_shown_as_escapes(cli, tmp_path):
    nasty = event(1, "a\x1b[31m[red]", 1, location="b\x9b2J\n\u202ec")
    (tmp_path / "micro_metrics.jsonl").write_text(nasty + "\n")

    formats = ("table", "csv", "json")
    shown = {f: cli("summarize", tmp_path, "-f", f, columns=300).out for f in formats}

    assert r"a\x1b[31m[red]" in shown["table"]
    assert r"b\x9b2J\n\u202ec" in shown["table"]
    for text in shown.values():
        assert text.replace("\n", "").isprintable()
    assert json.loads(shown["json"])["location"] == "b\x9b2J\n\u202ec"


def test_piped_csv_keeps_names_as_they_are(cli, tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text(event(1, "a\x1b[31m", 1) + "\n")

    assert "a\x1b[31m" in cli("summarize", tmp_path, "-f", "csv").out


def test_values_can_be_counted(cli, tmp_path):
    values = ["warm", "cold", "warm", 0.5, True, None, "NaN"]
    lines = [event(n, "phase", value) for n, value in enumerate(values)]
    (tmp_path / "micro_metrics.jsonl").write_text("\n".join(lines) + "\n")

    ended = cli("summarize", tmp_path, "-g", "value", "-f", "json")

    assert ended.out == block(
        """
        {"metric": "phase", "value": 0.5, "count": 1, "mean": 0.5, "std": null, "min": 0.5, "p50": 0.5, "p95": 0.5, "p99": 0.5, "max": 0.5, "non_finite": 0, "non_numeric": 0}
        {"metric": "phase", "value": true, "count": 1, "mean": 1.0, "std": null, "min": 1.0, "p50": 1.0, "p95": 1.0, "p99": 1.0, "max": 1.0, "non_finite": 0, "non_numeric": 0}
        {"metric": "phase", "value": "NaN", "count": 0, "mean": null, "std": null, "min": null, "p50": null, "p95": null, "p99": null, "max": null, "non_finite": 1, "non_numeric": 0}
        {"metric": "phase", "value": "cold", "count": 0, "mean": null, "std": null, "min": null, "p50": null, "p95": null, "p99": null, "max": null, "non_finite": 0, "non_numeric": 1}
        {"metric": "phase", "value": "warm", "count": 0, "mean": null, "std": null, "min": null, "p50": null, "p95": null, "p99": null, "max": null, "non_finite": 0, "non_numeric": 2}
        {"metric": "phase", "value": null, "count": 0, "mean": null, "std": null, "min": null, "p50": null, "p95": null, "p99": null, "max": null, "non_finite": 0, "non_numeric": 1}
        """  # noqa: E501
    )


def test_a_key_can_be_spread_over_columns(cli):
    topk = SAMPLES / "topk_attention"

    ended = cli("summarize", topk, "-g", "layer_idx", "--pivot", "head", "-m", "output_error")

    assert ended.out == block(
        """
        metric        layer_idx  head=0  head=1  head=2  head=3
        ───────────────────────────────────────────────────────
        output_error          0  0.6537  0.6534  0.6407  0.6545
        output_error          1  0.1548  0.1511  0.1456  0.1537
        output_error          2  0.0417  0.0426  0.0431  0.0433
        output_error          3  0.0125  0.0126  0.0134  0.0117
        """
    )


def test_a_key_that_is_called_like_a_figure_can_be_spread(cli, tmp_path):
    lines = [event(n, "m", n, metadata={"max": n % 2}) for n in range(4)]
    (tmp_path / "micro_metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))

    ended = cli("summarize", tmp_path, "-g", "metric", "--pivot", "max", "--stats", "max")

    assert ended.out == block(
        """
        metric  metadata.max=0  metadata.max=1
        ──────────────────────────────────────
        m                    2               3
        """
    )


def test_a_spread_key_names_its_figures_and_what_is_missing(cli, run):
    arguments = ["summarize", run, "-g", "metric", "--pivot", "layer_idx", "--stats", "count,sum"]

    ended = cli(*arguments, "-m", "density,stray", "-f", "csv")

    assert ended.out == block(
        """
        metric,count layer_idx=0,sum layer_idx=0,count layer_idx=1,sum layer_idx=1,count layer_idx=-,sum layer_idx=-
        density,2,0.5,2,1.0,,
        stray,,,,,1,1.0
        """  # noqa: E501
    )


def test_columns_of_a_spread_key_that_do_not_fit_are_named(cli):
    topk = SAMPLES / "topk_attention"

    ended = cli("summarize", topk, "-g", "metric", "--pivot", "step", "-m", "density", columns=60)

    assert "step=0" in ended.out
    assert "left out at 60 columns: step=" in ended.err
    assert max(map(len, ended.out.splitlines())) <= 60


def test_totals_stand_behind_the_groups_of_a_metric(cli, run):
    ended = cli("summarize", run, "-g", "layer_idx", "--stats", "count,sum", "--totals", columns=80)

    assert ended.out == block(
        """
        metric   layer_idx  total  count     sum
        ────────────────────────────────────────
        density          0  -          2  0.5000
                         1  -          2  1.0000
                         -  all        4  1.5000

        phase            -  -          0       -
                         -  all        0       -

        stray            -  -          1       1
                         -  all        1       1
        """
    )


def test_groups_are_sorted_and_the_rest_is_counted(cli, run):
    arguments = ["summarize", run, "-g", "layer_idx", "--stats", "sum", "-f", "csv"]

    assert [line.split(",")[0] for line in cli(*arguments, "--sort", "sum").out.split()] == [
        "metric", "density", "density", "stray", "phase",
    ]  # fmt: skip
    ended = cli(*arguments, "--sort", "-sum", "--top", 2)
    assert ended.out.split() == ["metric,layer_idx,sum", "density,1,1.0", "stray,,1.0"]
    assert ended.err.endswith("micrometric: 2 of 4 groups shown\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sort", "maen"], "cannot sort by 'maen'; did you mean 'mean'?"),
        (
            ["--stats", "meen"],
            "(percentiles are p0 to p100); did you mean 'mean' or 'median'?",
        ),
        (["--pivot", "layer_idx", "--totals"], "--totals and --pivot exclude each other"),
        (["--watch", "--stats", "mean"], "--stats and --watch exclude each other"),
        (["--watch", "--engine", "nope"], "--engine and --watch exclude each other"),
        (["--watch", "--master", "x"], "--master and --watch exclude each other"),
        (["--watch", "--memory-limit", "1MB"], "--memory-limit and --watch exclude each other"),
        (["--watch", "--approximate"], "--approximate and --watch exclude each other"),
        (["--memory-limit", "much"], "'much' is no amount of memory"),
        (["--memory-limit", " -1"], "' -1' is no amount of memory"),
        (["--memory-limit", "1B"], "the query needs more memory than it may use: failed to all"),
        (["--watch", "--every", "inf"], "invalid value for '--every'"),
    ],
)
def test_what_does_not_fit_a_summary_is_refused(cli, run, arguments, said):
    ended = cli("summarize", run, *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_progress_is_drawn_on_a_terminal_and_erased(monkeypatch):
    stream = Stream(terminal=True)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("micrometric_cli.output._PATIENCE", 0.0)

    with progress("summarizing") as tell:
        assert tell is not None
        tell(0.25)

    assert stream.text() == "\r\x1b[Ksummarizing  25%\r\x1b[K"


@pytest.mark.parametrize(
    ("terminal", "term", "shown"),
    [(True, "xterm", "\r\x1b[Ka lo\r\x1b[K"), (True, "dumb", ""), (False, "xterm", "")],
)
def test_a_line_of_progress_is_cut_and_only_where_it_can_be_removed(
    monkeypatch, terminal, term, shown
):
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "5")

    line = ProgressLine(patience=0.0)
    line.show("a long line")
    line.clear()
    line.clear()

    assert stream.text() == shown


@pytest.mark.parametrize("delay", [0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6])
def test_ctrl_c_ends_it_at_once_wherever_it_is(tmp_path, delay):
    lines = "".join(event(n % 60, "density", n, metadata={"step": n}) + "\n" for n in range(20_000))
    (tmp_path / "micro_metrics.jsonl").write_text(lines * 12)
    command = [sys.executable, "-m", "micrometric_cli", "summarize", str(tmp_path), "-g", "step"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    # Before it has begun and after it has ended, the signal itself ends it.
    assert process.returncode in (130, -signal.SIGINT) or out
    assert b"Traceback" not in err


def test_headings_say_which_figures_are_approximate(cli):
    arguments = ["summarize", SAMPLES, "-m", "density", "--stats", "mean,p50", "--approximate"]

    table, latex, json_ = (cli(*arguments, "-f", name) for name in ("table", "latex", "json"))
    exact = cli(*arguments, "--engine", "polars")

    assert table.out.splitlines()[0].split() == ["metric", "location", "mean", "≈", "p50"]
    assert r"mean & $\approx$ p50 \\" in latex.out
    assert '"p50":' in json_.out
    assert "≈" not in exact.out
    assert "quantiles are approximate, by a t-digest of the values" in table.err
    assert "the engine 'polars' has no sketch for --approximate; quantiles are exact" in exact.err
