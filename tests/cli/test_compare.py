"""`micrometric compare`: the tables, what is said beside them, and the gate."""

import csv
import io
import json

import pytest

from tests.cli.conftest import SAMPLES, block, event

TOP_8, TOP_32 = SAMPLES / "oracle_top_k=8", SAMPLES / "oracle_top_k=32"
ERROR = ["-g", "layer_idx", "-m", "*error", "--assume-tz", "UTC"]
PAIRED = [*ERROR, "--pair-by", "occurrence", "-w", "layer_idx < 2"]


def test_one_other_stands_beside_the_base(cli):
    ended = cli("compare", TOP_8, TOP_32, *PAIRED, columns=130)

    assert ended.out == block(
        """
        metric                           layer_idx  oracle_top_k=8  oracle_top_k=32  difference      low     high   ratio  effect
        ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        research_attention_output_error          0          0.4779           0.3195     -0.1584  -0.1714  -0.1453  0.6686  lower
                                                 1          0.2583           0.1448     -0.1135  -0.1241  -0.1029  0.5607  lower
        """  # noqa: E501
    )
    assert "oracle_top_k=32 compared with oracle_top_k=8\n" in ended.err
    assert "2 intervals of the difference of means from pairs by occurrence" in ended.err
    assert "at 95% together, 97.50% each" in ended.err.replace("\n ", "")


@pytest.mark.parametrize("names", [("low", "high"), ("difference", "effect"), ("metric", "base")])
def test_logs_may_be_called_like_columns(cli, tmp_path, monkeypatch, names):
    for value, name in enumerate((*names, "ratio"), 1):
        (tmp_path / name).mkdir()
        (tmp_path / name / "micro_metrics.jsonl").write_text(event(1, "m", value) + "\n")
    monkeypatch.chdir(tmp_path)

    beside = cli("compare", *names, "-g", "metric").out.splitlines()
    across = cli("compare", *names, "ratio", "-g", "metric").out.splitlines()
    last = names[1]

    assert beside[0].split() == ["metric", *names, "difference", "ratio"]
    assert beside[2].split() == ["m", "1", "2", "1", "2"]
    assert across[0].split() == ["metric", *names, "Δ", last, "ratio", "Δ", "ratio"]
    assert across[2].split() == ["m", "1", "2", "1", "3", "2"]


def test_many_logs_may_be_called_like_columns(cli, tmp_path, monkeypatch):
    names = ["value", "other", "difference", "effect", "Δ", "logs", "metric"]
    for value, name in enumerate(names, 1):
        (tmp_path / name).mkdir()
        line = event(1, "m", value, metadata={"logs": 0, "Δ": 0})
        (tmp_path / name / "micro_metrics.jsonl").write_text(f"{line}\n")
    monkeypatch.chdir(tmp_path)

    heading, _, *rows = cli("compare", *names, "-g", "logs,Δ").out.splitlines()

    assert heading.split() == ["metric", "logs", "Δ", "logs", "mean", "Δ"]
    assert [row.split()[-2:] for row in rows[1:]] == [[str(n + 1), str(n)] for n in range(1, 7)]


def test_the_values_of_a_key_stand_side_by_side(cli):
    ended = cli("compare", SAMPLES, "--by", "oracle_top_k", "--base", 128, *ERROR)

    heading, _, *rows = ended.out.splitlines()
    assert heading.split() == [
        "metric", "layer_idx", "oracle_top_k=128", "8", "Δ", "8", "32", "Δ", "32",
    ]  # fmt: skip
    assert len(rows) == 6
    assert rows[0].split()[1:] == ["0", "0.1148", "0.4779", "0.3631", "0.3195", "0.2047"]
    assert "no interval in 12 rows: a side has one run" in ended.err


def test_what_does_not_fit_goes_from_the_last(cli):
    arguments = ["--by", "oracle_top_k", *ERROR, "--pair-by", "occurrence"]

    ended = cli("compare", SAMPLES, *arguments, columns=80)

    assert max(map(len, ended.out.splitlines())) <= 80
    assert "Δ 32" in ended.out
    assert "left out at 80 columns:" in ended.err


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_programs_get_a_row_for_each_group_figure_and_other(cli, format_):
    arguments = ["--by", "oracle_top_k", *PAIRED, "--stat", "mean,p95", "-f", format_]

    ended = cli("compare", SAMPLES, *arguments)

    if format_ == "json":
        rows = [json.loads(line) for line in ended.out.splitlines()]
    else:
        rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert len(rows) == 8
    assert list(rows[0]) == [
        "base_name", "metric", "layer_idx", "figure", "other", "base", "value", "difference",
        "ratio", "low", "high", "effect", "units", "reason", "count_base", "count",
    ]  # fmt: skip
    assert (rows[0]["base_name"], rows[0]["other"]) == ("oracle_top_k=8", "oracle_top_k=32")
    assert float(rows[0]["low"]) < float(rows[0]["difference"]) < float(rows[0]["high"])


def test_a_pull_request_gets_markdown(cli):
    ended = cli("compare", TOP_8, TOP_32, *ERROR, "-w", "layer_idx == 0", "-f", "md")

    assert ended.out == block(
        """
        | metric | layer_idx | oracle_top_k=8 | oracle_top_k=32 | difference | ratio |
        | --- | ---: | ---: | ---: | ---: | ---: |
        | research_attention_output_error | 0 | 0.4779 | 0.3195 | -0.1584 | 0.6686 |

        oracle_top_k=32 compared with oracle_top_k=8; no interval in 1 row: a side has one run, whose events are not independent of each other; --unit names a key whose values are, --pair-by pairs events.
        """  # noqa: E501
    )
    assert ended.err == ""


def test_a_paper_gets_what_intervals_rest_on_in_the_caption(cli):
    ended = cli("compare", TOP_8, TOP_32, *PAIRED, "-f", "latex")

    assert r"\caption{oracle\_top\_k=32 compared with oracle\_top\_k=8; 2 intervals of" in ended.out
    assert r"0 & 0.4779 & 0.3195 & $-$0.1584 & $-$0.1714 & $-$0.1453" in ended.out


def test_effects_are_marked_in_words_and_colour(cli):
    ended = cli("compare", TOP_8, TOP_32, *PAIRED, "--color", "always")

    assert "\x1b[1;36mlower" in ended.out


def test_a_gate_that_holds_is_fine(cli):
    ended = cli("compare", TOP_8, TOP_32, *ERROR, "--fail-if", "*error.mean > base")

    assert ended.code == 0
    assert ended.err.endswith("micrometric: 6 checks passed\n")


def test_a_gate_tells_what_failed_and_by_how_much(cli):
    limits = ["--fail-if", "*error.mean > 0.55 * base", "--fail-if", "*error.non_finite > 0"]

    ended = cli("compare", TOP_8, TOP_32, *ERROR, *limits)

    assert ended.code == 1
    assert (
        "micrometric: failed: research_attention_output_error.mean at layer_idx=0: 0.319489 > "
        "0.262822, by 0.0567 (*error.mean > 0.55 * base)\n"
    ) in ended.err
    assert ended.err.endswith("micrometric: 4 of 12 checks failed\n")
    assert ended.out


def test_a_summary_has_a_gate_without_a_base(cli):
    arguments = ["summarize", TOP_8, *ERROR, "--stats", "mean"]

    kept = cli(*arguments, "--fail-if", "*error.max > 2")
    broken = cli(*arguments, "--fail-if", "*error.max > 1", "-f", "csv")

    assert (kept.code, kept.err) == (0, "micrometric: 6 checks passed\n")
    assert broken.code == 1
    assert broken.out.splitlines()[0] == "metric,layer_idx,mean"
    assert "failed: research_attention_output_error.max at layer_idx=5: 1.29411 > 1" in broken.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare"], "missing argument 'BASE [OTHER]...'"),
        (["compare", TOP_8], "there is nothing to compare with"),
        (["compare", TOP_8, TOP_32, "--stat", "maen"], "no figure is called 'maen'"),
        (["compare", TOP_8, TOP_32, "--fail-if", "a.mean > x"], "at column 10"),
        (["summarize", TOP_8, "--fail-if", "a.mean > base"], "asks for a base, which only compare"),
        (["compare", TOP_8, "nowhere"], "no such path: 'nowhere'"),
    ],
)
def test_wrong_use_is_one_line(cli, arguments, said):
    ended = cli(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.fixture
def sweep(tmp_path):
    """Nine runs of two metrics, at two layers."""
    for k in range(1, 10):
        run = tmp_path / f"top_k={k}"
        run.mkdir()
        lines = [
            {
                "timestamp": f"2026-11-23T08:00:0{step}.000000Z",
                "metric": metric,
                "value": value + step / 100 * (-1) ** k,
                "metadata": {"layer": layer, "step": step},
                "location": "a.f",
            }
            for metric, value in (("density", k / 10), ("error", 1 / k))
            for layer in (0, 1)
            for step in range(4)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (run / "micro_metrics.jsonl").write_text(text)
    return tmp_path


def test_dozens_of_logs_are_a_matrix_with_a_row_for_each(cli, sweep):
    ended = cli("compare", sweep, "--by", "top_k", "--base", 8, "-m", "density")

    heading, _, base, first, *rest = ended.out.splitlines()
    assert heading.split() == ["metric", "location", "top_k", "mean", "Δ"]
    assert base.split() == ["density", "a.f", "8", "(base)", "0.8150", "-"]
    assert first.split() == ["density", "a.f", "1", "0.0850", "-0.7300"]
    assert len(rest) == 7
    assert "8 logs, top_k=1, top_k=2, top_k=3, top_k=4, …, top_k=9 compared with top_k=8" in (
        " ".join(ended.err.split())
    )


def test_groups_stand_across_a_matrix(cli, sweep):
    arguments = ["--by", "top_k", "-g", "layer", "--pair-by", "step", "--stat", "mean,max"]

    wide = cli("compare", sweep, *arguments, columns=200)
    narrow = cli("compare", sweep, *arguments, columns=80)

    heading, _, base, *rows = wide.out.splitlines()
    assert heading.split() == [
        "metric", "figure", "top_k", "layer=0", "Δ", "0", "±", "0", "effect", "0",
        "layer=1", "Δ", "1", "±", "1", "effect", "1",
    ]  # fmt: skip
    assert base.split()[:5] == ["density", "mean", "1", "(base)", "0.0850"]
    assert rows[7].split()[:2] == ["mean", "9"]
    assert rows[7].split()[-1] == "higher"
    assert sum(line.count("(base)") for line in wide.out.splitlines()) == 4
    assert max(map(len, narrow.out.splitlines())) <= 80
    assert "layer=1" in narrow.out.splitlines()[0]
    assert "left out at 80 columns:" in narrow.err


def test_more_groups_than_logs_stay_down(cli, sweep):
    ended = cli("compare", sweep, "--by", "top_k", "-g", "layer,step", "--base", 3)

    assert ended.out.splitlines()[0].split()[:5] == ["metric", "layer", "step", "top_k=3", "1"]
