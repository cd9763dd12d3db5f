"""The benchmark of pictures: it draws every kind, beside a summary that asks as much."""

import json

import pytest

from benchmarks.plots import PICTURES, PlotPlan, main
from benchmarks.summaries import make_log
from micrometric import plot
from micrometric.plots import KINDS

TINY = PlotPlan(rounds=1, events=600)


def test_every_picture_stands_beside_its_summary(tmp_path, capsys):
    told = tmp_path / "told.json"

    code = main(["--json", str(told), "--only", *PICTURES], TINY)

    assert code == 0
    measures = json.loads(told.read_text())["measures"]
    assert measures.keys() == PICTURES.keys()
    for measure in measures.values():
        assert [row["who"] for row in measure["rows"]] == ["summary", "picture"]
        assert measure["rows"][1]["ratio"] > 0
    assert "ratio to summary" in capsys.readouterr().out


def test_the_commands_are_those_of_the_pictures(tmp_path):
    told = tmp_path / "told.json"

    main(["--json", str(told), "--only", "command"], TINY)

    rows = json.loads(told.read_text())["measures"]["command"]["rows"]
    assert [row["who"] for row in rows if row["figure"] == "wall s"] == ["summary", *PICTURES]


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_have_something_to_show(tmp_path, name):
    path = make_log(tmp_path, 600)

    picture = plot(path, **PICTURES[name].options)

    assert picture.panels


def test_every_kind_is_measured(tmp_path):
    path = make_log(tmp_path, 600)

    assert {plot(path, **drawn.options).kind for drawn in PICTURES.values()} == {*KINDS}
