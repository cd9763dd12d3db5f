"""What pictures hold: the numbers of their marks, their axes, and what is said below."""

import math
import random
import re
from pathlib import Path

import pytest

from micrometric import plot, summarize
from micrometric.engines.duckdb_engine import DuckDBEngine
from micrometric.errors import NoDataError, SettingError
from micrometric.pictures import Bars, Box, Boxes, Grid, Line, Picture, Points
from tests.plotted import SAMPLES, logs, steps


def only(picture: Picture, kind: type) -> list:
    (panel,) = picture.panels
    return [mark for mark in panel.marks if isinstance(mark, kind)]


def test_a_line_runs_along_the_steps_unless_told(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [4.0, 2.0, 1.0]), {"loss": "nats"})

    picture = plot(path)

    (line,) = only(picture, Line)
    (panel,) = picture.panels
    assert (line.x, line.y, line.low) == ((0, 1, 2), (4, 2, 1), ())
    assert (panel.x.label, panel.y.label) == ("step", "loss (nats)")
    assert picture.caption == ()


def test_a_line_runs_along_the_time_where_there_are_no_steps(tmp_path: Path) -> None:
    path = logs(tmp_path, [("loss", value, {}) for value in (4.0, 2.0)])

    (panel,) = plot(path).panels

    (line,) = panel.marks
    assert isinstance(line, Line)
    assert line.x == (1795420800.0, 1795420800.1)
    assert (panel.x.label, panel.x.scale) == ("time (UTC), 2026-11-23", "time")


def test_a_line_by_group_is_what_a_summary_says() -> None:
    picture = plot(
        SAMPLES, metrics="*_output_error", x="oracle_top_k", by="layer_idx", assume_tz="UTC"
    )
    rows = summarize(SAMPLES, by="oracle_top_k,layer_idx", metrics="*_output_error")

    lines = {line.name: dict(zip(line.x, line.y, strict=True)) for line in only(picture, Line)}
    expected = {(f"layer_idx={row['layer_idx']}", row["oracle_top_k"]): row["mean"] for row in rows
                if row["oracle_top_k"] is not None}  # fmt: skip
    drawn = {(name, x): y for name, line in lines.items() for x, y in line.items()}
    assert drawn == pytest.approx(expected)
    assert len(drawn) == 18


def test_many_steps_are_aggregated_and_said(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", (step % 10 for step in range(10_000))))

    picture = plot(path)

    (line,) = only(picture, Line)
    assert len(line.x) == 200
    assert line.y == pytest.approx([4.5] * 200)
    assert line.x[0] == 24.5
    assert line.low == pytest.approx([0.0] * 200)
    assert line.high == pytest.approx([9.0] * 200)
    assert picture.caption == (
        "mean of 10,000 events of loss in up to 200 bins of step, each at the mean of its bin",
        "band: the 5th to the 95th percentile of the events there",
    )


def test_missing_steps_and_values_are_gaps(tmp_path: Path) -> None:
    values = [1.0, 2.0, 3.0, "NaN", 5.0]
    late = [("loss", 9.0, {"step": step}) for step in (20, 21)]
    path = logs(tmp_path, [*steps("loss", values), *late])

    picture = plot(path)

    (line,) = only(picture, Line)
    assert line.y == (1, 2, 3, None, 5, None, 9, 9)
    assert picture.caption == ("of loss, not drawn: 1 NaN or infinite",)


def test_uneven_steps_have_no_gaps(tmp_path: Path) -> None:
    path = logs(tmp_path, [("loss", 1.0, {"step": 2**power}) for power in range(9)])

    (line,) = only(plot(path), Line)

    assert None not in line.y


def test_a_pause_between_bursts_is_a_gap(tmp_path: Path) -> None:
    bursts = [start + step + step % 3 * 0.2 for start in (0, 100) for step in range(10)]
    path = logs(tmp_path, [("loss", 1.0, {"at": place}) for place in bursts])

    (line,) = only(plot(path, x="at"), Line)

    assert line.y.count(None) == 1
    assert line.y[10] is None


@pytest.mark.parametrize(
    "places",
    [[1.2**power for power in range(250)], [*range(1, 2001)]],
    ids=["powers", "even"],
)
def test_a_logarithmic_axis_makes_no_gaps(tmp_path: Path, places: list[float]) -> None:
    path = logs(tmp_path, [("loss", 1.0, {"at": place}) for place in places])

    (line,) = only(plot(path, x="at", log_x=True), Line)

    assert None not in line.y
    assert len(line.y) > 100


def test_several_runs_are_never_averaged_unsaid(tmp_path: Path) -> None:
    for name, value in (("first", 1.0), ("second", 3.0)):
        logs(tmp_path / name, steps("loss", [value, value]))

    lines = only(plot(tmp_path), Line)

    assert {line.name: line.y for line in lines} == {"run=first": (1, 1), "run=second": (3, 3)}


def test_smoothing_has_no_pull_to_zero_and_begins_anew_after_a_gap(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [4.0, 4.0, 0.0, "NaN", 8.0]))

    picture = plot(path, smooth=0.5)

    (line,) = only(picture, Line)
    assert line.y == pytest.approx((4, 4, 12 / 7, None, 8))
    assert "smoothed: a point keeps 0.5 of those before it" in picture.caption


def test_what_is_not_above_zero_has_no_place_on_a_logarithmic_axis(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [-1.0, 0.0, 10.0, 100.0]))

    picture = plot(path, log_x=True, log_y=True)

    (line,) = only(picture, Line)
    assert (line.x, line.y) == ((1, 2, 3), (None, 10, 100))
    assert picture.caption == (
        "without a number above 0 as step, left out: 1 event",
        "points that are not above 0 have no place on a logarithmic axis: gaps there",
    )


def test_a_key_of_names_is_an_axis_of_names(tmp_path: Path) -> None:
    events = [("loss", value, {"phase": phase}) for phase, value in (("a", 1.0), ("b", 2.0))]
    path = logs(tmp_path, [*events, ("loss", 3.0, {})])

    picture = plot(path, x="phase")

    (panel,) = picture.panels
    (line,) = panel.marks
    assert panel.x.names == ("a", "b")
    assert isinstance(line, Line)
    assert (line.x, line.y) == ((0, 1), (1, 2))
    assert picture.caption == ("without phase, left out: 1 event",)


def test_the_groups_with_the_most_events_are_shown_and_the_rest_is_said(tmp_path: Path) -> None:
    events = [("loss", 1.0, {"step": 0, "group": group}) for group in range(1000)]
    large = [("loss", 2.0, {"step": step, "group": 777}) for step in range(3)]
    path = logs(tmp_path, [*events, *large])

    picture = plot(path, by="group")
    two = plot(path, by="group", top=2)

    assert len(only(picture, Line)) == 8
    assert "group=777" in [line.name for line in only(two, Line)]
    assert "8 of 1,000 groups of loss shown, those with the most events" in picture.caption


def test_the_bars_of_a_histogram_hold_every_event(tmp_path: Path) -> None:
    source = random.Random(3)
    values = [source.gauss(0, 1) for _ in range(1000)]
    path = logs(tmp_path, steps("loss", values))

    (panel,) = plot(path, "hist").panels

    (bars,) = panel.marks
    assert isinstance(bars, Bars)
    assert sum(bars.heights) == 1000
    assert (bars.edges[0], bars.edges[-1]) == (min(values), max(values))
    spans = zip(bars.edges[:-1], bars.edges[1:], bars.heights, strict=True)
    assert all(
        abs(height - sum(low <= value < high for value in values)) <= (high == max(values))
        for low, high, height in spans
    )
    assert panel.y.zero
    (row,) = summarize(path, by="metric", stats="p5,p50,p95")
    assert dict(bars.quantiles) == {name: row[name] for name in ("p5", "p50", "p95")}


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "line"},
        {"kind": "hist", "by": "half"},
        {"kind": "ecdf"},
        {"kind": "box", "by": "half"},
        {"rows": "half", "cols": "step"},
        {"x": "loss", "y": "recall", "pair_by": "step"},
    ],
    ids=lambda options: "-".join(options),
)
def test_logs_are_read_once_for_a_picture(tmp_path: Path, monkeypatch, options: dict) -> None:
    path = logs(tmp_path, [*steps("loss", [0.1, 0.2], half=1), *steps("recall", [3, 4], half=2)])
    read = []
    load = DuckDBEngine.load
    monkeypatch.setattr(
        DuckDBEngine, "load", lambda self, request: [read.append(request), load(self, request)][1]
    )

    plot(path, **options)

    assert len(read) == 1


def test_each_of_few_whole_numbers_has_a_bar(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("heads", [1, 1, 2, 4, 4, 4]))

    (bars,) = only(plot(path, "hist"), Bars)

    assert bars.edges == (0.5, 1.5, 2.5, 3.5, 4.5)
    assert bars.heights == (2, 1, 0, 3)


def test_histograms_by_group_share_their_edges(tmp_path: Path) -> None:
    events = [*steps("loss", [0.1, 0.2], half="low"), *steps("loss", [0.8, 0.9], half="high")]

    picture = plot(logs(tmp_path, events), "hist", by="half")

    high, low = (panel.marks[0] for panel in picture.panels)
    assert isinstance(high, Bars)
    assert isinstance(low, Bars)
    assert high.edges == low.edges
    assert sum(high.heights[: len(high.heights) // 2]) == 0
    assert [panel.title for panel in picture.panels] == ["loss half=high", "loss half=low"]


def test_the_ecdf_is_the_share_up_to_each_value(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [1.0, 2.0, 2.0, 5.0]))

    (line,) = only(plot(path, "ecdf"), Line)

    assert (line.x, line.y, line.steps) == ((1, 1, 2, 5), (0, 0.25, 0.75, 1), True)


def test_a_box_reaches_to_the_extremes(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", range(101)))

    (boxes,) = only(plot(path, "box"), Boxes)

    assert boxes.boxes == (Box("all", 0, 5, 25, 50, 75, 95, 100, 101),)


@pytest.mark.parametrize(
    "options",
    [{"rows": "count", "cols": "events"}, {"x": "step", "by": "at"}, {"x": "high", "by": "low"},
     {"kind": "hist", "by": "whole"}, {"kind": "box", "by": "p50"}, {"x": "name", "by": "max"}],
    ids=str,
)  # fmt: skip
def test_keys_may_be_called_like_what_rows_hold(tmp_path: Path, options: dict) -> None:
    keys = ("count", "events", "step", "at", "high", "low", "whole", "p50", "name", "max")
    told = [("m", float(n), dict.fromkeys(keys, n) | {"name": "ab"[n % 2]}) for n in range(4)]
    other = [(m, value, {f"x{key}": held for key, held in keys.items()}) for m, value, keys in told]

    drawn = plot(logs(tmp_path / "a", told), **options)
    expected = plot(
        logs(tmp_path / "b", other),
        **{name: held if name == "kind" else f"x{held}" for name, held in options.items()},
    )

    own_names = re.sub(rf"\bx({'|'.join(keys)})\b", r"\1", repr(expected.panels))
    assert repr(drawn.panels).replace("metadata.", "") == own_names


def test_keys_that_no_event_has_both_of_are_no_wrong_use(tmp_path: Path) -> None:
    path = logs(tmp_path, [("m", 1.0, {"a": 1}), ("m", 2.0, {"b": 1})])

    with pytest.raises(NoDataError, match="no event has both 'a' and 'b'"):
        plot(path, rows="a", cols="b")


def test_a_heatmap_takes_heads_from_the_dims() -> None:
    picture = plot(SAMPLES / "topk_attention", metrics="recall", rows="layer_idx", cols="head")

    (grid,) = only(picture, Grid)
    (panel,) = picture.panels
    rows = summarize(SAMPLES / "topk_attention", by="layer_idx,head", metrics="recall")
    assert [cell for row in grid.cells for cell in row] == [row["mean"] for row in rows]
    assert (panel.x.names, panel.y.names) == (("0", "1", "2", "3"), ("0", "1", "2", "3"))
    assert grid.label == "mean of recall (1)"


def test_a_cell_without_events_is_empty(tmp_path: Path) -> None:
    cells = [("loss", 1.0, {"row": 0, "col": 0}), ("loss", 2.0, {"row": 1, "col": 1})]

    (grid,) = only(plot(logs(tmp_path, cells), rows="row", cols="col", stat="max"), Grid)

    assert grid.cells == ((1, None), (None, 2))


PAIRS = {"a": (1, 9), "b": (2, 5), "c": (3, 6), "d": (4, 1), "e": (4, 2)}


def paired(directory: Path) -> Path:
    return logs(
        directory,
        [
            (metric, value, {"name": name})
            for name, pair in PAIRS.items()
            for metric, value in zip(("cost", "error"), pair, strict=True)
        ],
    )


@pytest.mark.parametrize(
    ("better", "front"),
    [
        ({}, "abd"),
        ({"minimize": "x,y"}, "abd"),
        ({"maximize": "x,y"}, "ace"),
        ({"maximize": "y"}, "a"),
        ({"maximize": "x"}, "d"),
    ],
)
def test_the_front_is_what_no_other_beats(tmp_path: Path, better: dict, front: str) -> None:
    picture = plot(paired(tmp_path), x="cost", y="error", pair_by="name", **better)

    assert [row["name"] for row in picture.front] == list(front)
    (points,) = only(picture, Points)
    assert set(zip(points.x, points.y, strict=True)) == set(PAIRS.values())
    assert points.labels[0] == "name=a"


def test_thousands_of_pairs_are_thinned_out_but_the_front_is_whole(tmp_path: Path) -> None:
    events = [
        (metric, value, {"n": n})
        for n in range(5000)
        for metric, value in (("a", n), ("b", 4999 - n if n == 3333 else 9999 - n))
    ]

    picture = plot(logs(tmp_path, events), x="a", y="b", pair_by="n")

    (points,) = only(picture, Points)
    assert len(points.x) < 5000
    assert 3333 in points.x
    assert {0, 4999} <= set(points.x)
    assert any("of 5,000 pairs drawn: one in 3" in sentence for sentence in picture.caption)


def test_pairs_by_occurrence_take_the_nth_events_together(tmp_path: Path) -> None:
    path = logs(tmp_path, [*steps("a", [1, 2]), *steps("b", [7, 8, 9])])

    picture = plot(path, x="a", y="b", pair_by="occurrence")

    (points,) = only(picture, Points)
    assert set(zip(points.x, points.y, strict=True)) == {(1, 7), (2, 8)}
    assert "with one of the two metrics only, left out: 1 group" in picture.caption


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["NaN", "Infinity"], "of m, not drawn: 2 NaN or infinite"),
        (["warm", "cold"], "of m, not drawn: 2 no numbers"),
    ],
    ids=["not finite", "texts"],
)
@pytest.mark.parametrize("kind", ["line", "hist", "ecdf", "box"])
def test_no_numbers_are_nothing_to_plot(
    tmp_path: Path, kind: str, values: list[str], said: str
) -> None:
    with pytest.raises(NoDataError, match=said):
        plot(logs(tmp_path, steps("m", values)), kind)


@pytest.mark.parametrize("values", [[3.5], [2.0] * 9, [1.7e308, -1.7e308] * 4, [0.0]],
                         ids=["one", "equal", "huge", "zero"])  # fmt: skip
@pytest.mark.parametrize("kind", ["line", "hist", "ecdf", "box"])
def test_axes_have_a_width_whatever_the_values(
    tmp_path: Path, kind: str, values: list[float]
) -> None:
    (panel,) = plot(logs(tmp_path, steps("m", values)), kind).panels

    for low, high in (panel.range_x(), panel.range_y()):
        assert -math.inf < low < high < math.inf
    low, high = panel.range_y() if kind == "line" else panel.range_x()
    assert low <= min(values)
    assert max(values) <= high


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"kind": "lines"}, SettingError, "no picture is called 'lines'.*did you mean 'line'"),
        ({"smooth": 1.0}, SettingError, "smooth is 1, expected from 0 to below 1"),
        ({"stat": "mead"}, SettingError, "no figure is called 'mead'"),
        ({"rows": "step"}, SettingError, "a heatmap needs a key for its rows and one for"),
        ({"rows": "step", "cols": "step"}, SettingError, "must be two keys"),
        ({"kind": "box", "smooth": 0.5}, SettingError, "smooth is an option of line, not of box"),
        ({"x": "stepp"}, NoDataError, "no event has the key 'stepp'; did you mean 'step'"),
        ({"x": "time", "log_x": True}, SettingError, "time has no logarithmic axis"),
        ({"x": "1m"}, SettingError, "expected one key, time or occurrence"),
        ({"x": "value"}, SettingError, "see kind ecdf"),
        ({"metrics": "lss"}, NoDataError, "no event is of metric 'lss'; did you mean 'loss'"),
        ({"x": "a", "y": "loss"}, NoDataError, "no metric matches 'a'"),
        ({"x": "l*", "y": "l*", "minimize": "z"}, SettingError, "'z' is no axis"),
        ({"x": "l*", "y": "l*", "minimize": "x", "maximize": "x"}, SettingError, "both"),
        ({"kind": "scatter", "x": "loss"}, SettingError, "a scatter plot needs two metrics"),
        ({"x": "loss", "y": "loss", "pair_by": "step"}, SettingError, "x and y are both 'loss'"),
    ],
)
def test_what_cannot_be_plotted_is_told(
    tmp_path: Path, options: dict, error: type, said: str
) -> None:
    path = logs(tmp_path, steps("loss", [1.0, 2.0]))

    with pytest.raises(error, match=said):
        plot(path, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"by": "group"},
        {"kind": "hist", "by": "group"},
        {"kind": "box", "by": "group"},
        {"rows": "group", "cols": "step"},
        {"x": "a", "y": "b", "pair_by": "group"},
    ],
    ids=lambda options: "-".join(options),
)
def test_of_no_events_it_is_told_that_there_are_none(tmp_path: Path, options: dict) -> None:
    with pytest.raises(NoDataError, match="there are no events in"):
        plot(logs(tmp_path, []), **options)


def test_names_are_shown_as_escapes(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [1.0], name="\x1b[31m\u202e<b>"))

    (line,) = only(plot(path, by="name"), Line)

    assert line.name == "name=\\x1b[31m\\u202e<b>"


def test_a_logarithmic_histogram_leaves_out_and_says_what_has_no_logarithm(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [-1.0, 0.0, 1.0, 10.0, 100.0, 100.0]))

    picture = plot(path, "hist", log_x=True)

    (bars,) = only(picture, Bars)
    ratios = {
        round(high / low, 9) for low, high in zip(bars.edges[:-1], bars.edges[1:], strict=True)
    }
    assert (bars.edges[0], bars.edges[-1], sum(bars.heights), len(ratios)) == (1, 100, 4, 1)
    assert [name for name, _ in bars.quantiles] == ["p50", "p95"]
    assert picture.caption[0] == "not above 0, without a place on a logarithmic axis: 2 values"


@pytest.mark.parametrize("kind", ["hist", "ecdf", "box"])
def test_nothing_above_zero_is_nothing_on_a_logarithmic_axis(tmp_path: Path, kind: str) -> None:
    with pytest.raises(NoDataError, match="above 0"):
        plot(logs(tmp_path, steps("loss", [-1.0, -2.0])), kind, log_x=True)


def test_of_too_many_boxes_rows_and_panels_the_rest_is_said(tmp_path: Path) -> None:
    events = [("loss", 1.0, {"a": n, "b": 0}) for n in range(100)]
    metrics = [(f"m{n:02}", 1.0, {"step": 0}) for n in range(20)]

    boxes = plot(logs(tmp_path / "boxes", events), "box", by="a")
    grid = plot(tmp_path / "boxes", rows="a", cols="b")
    panels = plot(logs(tmp_path / "panels", metrics))

    assert "24 of 100 groups of loss shown, those with the most events" in boxes.caption
    assert "64 of 100 values of a shown, those with the most events" in grid.caption
    assert "12 of 20 panels shown; choose with metrics or where" in panels.caption
    assert len(panels.panels) == 12


def test_pairs_without_a_place_are_told(tmp_path: Path) -> None:
    events = [("a", 0.0, {"n": 0}), ("b", 1.0, {"n": 0}), ("a", "NaN", {"n": 1}),
              ("b", 1.0, {"n": 1}), ("a", 2.0, {"n": 2}), ("b", 3.0, {"n": 2})]  # fmt: skip

    picture = plot(logs(tmp_path, events), x="a", y="b", pair_by="n", log_x=True)

    assert [(row["n"], row["a"], row["b"]) for row in picture.front] == [(2, 2, 3)]
    assert "without finite numbers, left out: 1 pair" in picture.caption
    assert "not above 0, without a place on a logarithmic axis: 1 pair" in picture.caption


def test_metrics_that_share_no_key_cannot_be_paired(tmp_path: Path) -> None:
    path = logs(tmp_path, [("a", 1.0, {"n": 0}), ("b", 1.0, {"n": 1})])

    with pytest.raises(NoDataError, match="have no n in common; name what both have"):
        plot(path, x="a", y="b", pair_by="n")


def test_groups_beyond_the_colours_share_one(tmp_path: Path) -> None:
    events = [(metric, float(n), {"n": n}) for n in range(20) for metric in ("a", "b")]

    picture = plot(logs(tmp_path, events), x="a", y="b", by="n")

    points = only(picture, Points)
    assert len(points) == 8
    assert (points[-1].name, len(points[-1].x)) == ("others", 13)
    assert "7 of 20 groups have a colour, the largest" in picture.caption
