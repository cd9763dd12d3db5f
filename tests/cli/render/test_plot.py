"""Pictures as text: a whole one, and what a terminal of another kind or width shows."""

import re
from pathlib import Path

import pytest

from micrometric import plot
from micrometric_cli.render.plot import picture_lines
from micrometric_cli.render.screen import Screen
from micrometric_cli.render.text import width_of
from tests.cli.conftest import block
from tests.plotted import SAMPLES, logs, steps


def drawn(picture, width: int = 40, **screen: object) -> str:
    lines = picture_lines(picture, Screen(width, **{"rows": 6, **screen}))  # type: ignore[arg-type]
    return "".join(f"{line}\n" for line in lines)


def test_a_line_has_axes_ticks_and_a_caption(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [0.0, 1.0, 2.0, "NaN", 4.0]), {"loss": "nats"})

    assert drawn(plot(path)) == block("""
        loss
        loss (nats)
            │                                  o
            │
        2.5 ┤                ⢀⡀
            │           ⣀⡠⠤⠒⠊⠁
            │     ⢀⣀⠤⠔⠒⠉
        0.0 ┤⢀⡠⠤⠒⠊⠁
            └┴────────┴───────┴───────┴────────┴
             0        1       2       3        4
                          step

        of loss, not drawn: 1 NaN or infinite
    """)


def test_without_braille_each_series_has_a_sign(tmp_path: Path) -> None:
    events = [*steps("loss", [0, 1], run_id="a"), *steps("loss", [1, 0], run_id="b")]

    shown = drawn(plot(logs(tmp_path, events), by="run_id"), unicode=False)

    assert shown.isascii()
    assert "o run_id=a   + run_id=b" in shown
    assert shown.count("o") > 10


def test_a_histogram_has_full_bars_and_its_quantiles_marked(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("heads", [1, 1, 1, 1, 2, 4, 4]))

    assert drawn(plot(path, "hist"), 30) == block("""
        heads
        events
             p5                  p95
        4 ┤████████
          │████████
        2 ┤████████
          │████████           ████████
          │████████▄▄▄▄▄▄     ████████
        0 ┤██████████████     ████████
          └──────────┴────────────┴───
                     2            4
                    heads
        p5 1   p50 1   p95 4

        marked: the 5th, 50th and 95th
          percentile of all values
    """)


def test_a_heatmap_is_read_without_colour() -> None:
    picture = plot(
        SAMPLES / "topk_attention", metrics="output_error", rows="layer_idx", cols="head"
    )

    assert drawn(picture, 50) == block("""
        output_error
                  head
        layer_idx       0      1      2      3
                0   0.654  0.653  0.641  0.654
                1   0.155  0.151  0.146  0.154
                2  0.0417 0.0426 0.0431 0.0433
                3  0.0125 0.0126 0.0134 0.0117
        mean of output_error (1): 0.01168 to 0.6545

        each cell: mean of the events there
    """)
    shaded = drawn(picture, 20)
    assert re.search(r"^ +0 @+$", shaded, re.MULTILINE)
    assert "least .:-=+*#%@" in shaded


def test_boxes_share_an_axis(tmp_path: Path) -> None:
    events = [*steps("loss", range(50), half="a"), *steps("loss", range(50, 101), half="b")]

    assert drawn(plot(logs(tmp_path, events), "box", by="half"), 50) == block("""
        loss
        half=a │ ·───█████┃█████────·
        half=b │                     ────█████┃█████────·
               └─┴──────────────────────────────────────┴─
                 0                                     100
                               loss

        box: the middle half, with the median; whiskers:
          5th to 95th percentile; dots: least and greatest
    """)


def test_a_gap_is_a_gap_and_the_extremes_are_there(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [5, 5, *["NaN"] * 16, 5, 1000]))

    lines = drawn(plot(path), 60).splitlines()

    (low,) = [line for line in lines if "0 ┤" in line and "1000" not in line and "5" not in line]
    assert re.search(r"[⠀-⣿o]+ {20,}[⠀-⣿o]+", low)
    assert lines[1].startswith("1000 ┤")
    assert lines[1].rstrip()[-1] not in "┤ "


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [20, 33, 80, 160])
@pytest.mark.parametrize(
    "options",
    [
        {"metrics": "*_error", "by": "layer_idx"},
        {"kind": "hist", "metrics": "*_error", "by": "layer_idx"},
        {"kind": "ecdf", "metrics": "*_error"},
        {"kind": "box", "metrics": "*_error", "by": "layer_idx"},
        {"metrics": "recall", "rows": "step", "cols": "head"},
        {"x": "research*density", "y": "research*error", "pair_by": "oracle_top_k,layer_idx"},
        {"metrics": "recall", "x": "location"},
    ],
    ids=lambda options: "-".join(options),
)
def test_nothing_is_wider_than_the_terminal(options: dict, width: int, unicode: bool) -> None:
    picture = plot(SAMPLES, assume_tz="UTC", **options)

    lines = drawn(picture, width, unicode=unicode).splitlines()

    assert max(map(width_of, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)


def test_colours_only_where_they_are_asked_for(tmp_path: Path) -> None:
    events = [*steps("loss", [0, 1], run_id="a"), *steps("loss", [1, 0], run_id="b")]
    picture = plot(logs(tmp_path, events), by="run_id")

    plain, colourful = drawn(picture), drawn(picture, colour=True)

    assert "\x1b" not in plain
    assert "\x1b[38;5;166m" in colourful
    assert re.sub(r"\x1b\[[0-9;]*m", "", colourful) == plain


def test_a_label_that_is_wider_than_the_terminal_goes_on_below(tmp_path: Path) -> None:
    path = logs(tmp_path, [("loss", value, {}) for value in (4.0, 2.0)])

    assert "    time (UTC),\n     2026-11-23\n" in drawn(plot(path), 20)


def test_whole_numbers_have_a_tick_each_where_there_is_room(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", range(6)))

    assert re.search(r"^ +0 +1 +2 +3 +4 +5$", drawn(plot(path)), re.MULTILINE)
