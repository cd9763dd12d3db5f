"""`micrometric plot`: what it draws and writes, and how it refuses."""

import io
import sys

import pytest

from tests.cli.conftest import SAMPLES

TOPK = SAMPLES / "topk_attention"


def test_a_picture_is_printed_as_wide_as_the_terminal(cli):
    ended = cli("plot", TOPK, "-m", "accuracy", columns=60)

    lines = ended.out.splitlines()
    assert (ended.code, lines[0], lines[1]) == (0, "accuracy", "accuracy (1)")
    assert max(map(len, lines)) == 60
    assert "mean of 100 events of accuracy, at each step" in lines


def test_a_pareto_front_is_drawn_and_listed(cli):
    ended = cli(
        "plot", SAMPLES, "-x", "research*density", "-y", "research*error",
        "--pair-by", "oracle_top_k,layer_idx", "--assume-tz", "UTC",
    )  # fmt: skip

    assert ended.code == 0
    assert "Pareto front: 3 of 18 pairs, taking less x and less y as better" in ended.out
    table = ended.out.splitlines()[-5:]
    assert table[0].split() == [
        "oracle_top_k", "layer_idx", "research_attention_density",
        "research_attention_output_error",
    ]  # fmt: skip
    assert [row.split()[0] for row in table[2:]] == ["8", "32", "128"]


def test_a_file_is_written_once(cli, tmp_path):
    first = cli("plot", TOPK, "-m", "accuracy", "-o", "a.svg")
    again = cli("plot", TOPK, "-m", "accuracy", "-o", "a.svg")
    forced = cli("plot", TOPK, "-m", "accuracy", "-o", "a.svg", "--force")

    assert (first.code, first.out, first.err) == (0, "", "micrometric: wrote a.svg\n")
    assert (again.code, again.err) == (
        2, "micrometric: 'a.svg' is there already; --force writes over it\n",
    )  # fmt: skip
    assert forced.code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-o", "a.pdf"], 2, "'a.pdf' does not tell the format; expected a name that ends with"),
        (["-o", "none/a.png"], 2, "cannot write 'none/a.png': No such file or directory"),
        (["-k", "boxes"], 2, "did you mean 'box'?"),
        (["-m", "acuracy"], 1, "did you mean 'accuracy'?"),
        (["-x", "stpe"], 1, "no event has the key 'stpe'; did you mean 'step'?"),
        (["--rows", "layer_idx"], 2, "a heatmap needs a key for its rows and one for its columns"),
        (["--force"], 2, "--force needs --output"),
        (["--dark"], 2, "--dark needs --output"),
        (["--every", "2"], 2, "--every needs --follow"),
        (["--follow", "-o", "a.png"], 2, "--follow and --output exclude each other"),
        (["--follow", "--strict"], 2, "--strict and --follow exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_a_line(cli, arguments, code, said):
    ended = cli("plot", TOPK, *arguments)

    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_without_matplotlib_the_terminal_still_draws(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    drawn = cli("plot", TOPK, "-m", "accuracy")
    refused = cli("plot", TOPK, "-m", "accuracy", "-o", "a.png")

    assert drawn.code == 0
    assert refused.code == 2
    assert "pip install 'micrometric[plot]'" in refused.err


@pytest.mark.parametrize("kind", ["line", "hist", "box"])
def test_standard_input_is_read_once_for_several_questions(cli, monkeypatch, kind):
    lines = next(TOPK.glob("*.jsonl")).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))

    ended = cli("plot", "-", "-m", "accuracy", "-k", kind, columns=80)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("accuracy")


def test_files_are_in_place_of_the_picture_and_a_front_is_still_listed(cli, tmp_path):
    ended = cli(
        "plot", SAMPLES, "-x", "research*density", "-y", "research*error", "-g", "oracle_top_k",
        "--pair-by", "oracle_top_k,layer_idx", "--assume-tz", "UTC", "-o", "a.html",
    )  # fmt: skip

    assert ended.out.split()[:2] == ["oracle_top_k", "layer_idx"]
    assert "<svg" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_the_list_of_the_front_fits_the_terminal(cli, columns):
    ended = cli(
        "plot", SAMPLES, "-x", "research*density", "-y", "research*error",
        "--pair-by", "oracle_top_k,layer_idx", "--assume-tz", "UTC", columns=columns,
    )  # fmt: skip

    assert max(map(len, ended.out.splitlines())) <= columns
    assert ended.out.splitlines()[-1].split() == ["128", "1", "0.6505", "0.0454"]


def test_where_no_table_fits_the_front_is_a_list(cli):
    ended = cli(
        "plot", SAMPLES, "-x", "research*density", "-y", "research*error",
        "--pair-by", "oracle_top_k,layer_idx", "--assume-tz", "UTC", columns=20,
    )  # fmt: skip

    assert max(map(len, ended.out.splitlines())) <= 20
    told = " ".join(line.strip() for line in ended.out.splitlines()[-3:])
    assert told == "oracle_top_k=128, layer_idx=1: x 0.6505, y 0.04539"
