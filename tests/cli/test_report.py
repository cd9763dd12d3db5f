"""`micrometric report`: where it writes, what it says, and its exit codes."""

import pytest

from tests.cli.conftest import SAMPLES


def test_a_page_is_written_and_said(cli, tmp_path):
    ended = cli("report", SAMPLES, "-o", "report.html", "--assume-tz", "UTC", "--title", "Sweep")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err.endswith("micrometric: wrote report.html\n")
    text = (tmp_path / "report.html").read_text()
    assert "<h1>Sweep</h1>" in text
    assert "2,600 events in 4 files of 4 runs" in text


def test_a_page_goes_to_standard_output(cli):
    ended = cli("report", SAMPLES / "topk_attention", "-o", "-", "-m", "density")

    assert ended.code == 0
    assert ended.out.startswith("<!doctype html>")
    assert "wrote" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((SAMPLES,), "missing option"),
        (("nowhere", "-o", "r.html"), "no such path"),
        ((SAMPLES, "-o", "there.html"), "there already"),
        ((SAMPLES, "-o", "no/such/r.html"), "cannot write"),
        ((SAMPLES, "-o", "r.html", "--base", "8"), "name the key"),
        ((SAMPLES, "-o", "r.html", "-w", "1 +"), "--where"),
        ((SAMPLES, "-o", "r.html", "-g", "no_such"), "no_such"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(cli, tmp_path, arguments, said):
    (tmp_path / "there.html").write_text("mine")

    ended = cli("report", *arguments)

    assert ended.code in (1, 2)
    assert said in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]
    assert (tmp_path / "there.html").read_text() == "mine"
