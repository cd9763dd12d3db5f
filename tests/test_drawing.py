"""Files of pictures, by what they say: read back from the figure, the SVG and the page."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from micrometric import plot
from micrometric.drawing.figure import DARK, LIGHT, draw
from micrometric.errors import PathError, SettingError
from micrometric.plots import KINDS
from tests.plotted import SAMPLES, logs, steps

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_the_figure_has_the_values_axes_and_ticks(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [4.0, 2.0, "NaN", 1.0]), {"loss": "nats"})

    (axes,) = draw(plot(path)).axes

    (line,) = axes.lines
    x, y = line.get_data()
    assert list(x) == [0, 1, 2, 3]
    assert [value for value in y if value == value] == [4, 2, 1]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss (nats)")
    assert [text.get_text() for text in axes.get_yticklabels()] == ["1", "2", "3", "4"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "1", "2", "3"]


def test_bars_stand_on_zero_and_boxes_reach_the_extremes(tmp_path: Path) -> None:
    path = logs(tmp_path, steps("loss", [1, 1, 2]))

    (bars,) = draw(plot(path, "hist")).axes
    (box,) = draw(plot(path, "box")).axes

    assert bars.get_ylim()[0] == 0
    assert list(bars.patches[0].get_data().values) == [2, 1]
    assert {float(x) for line in box.lines for x in line.get_xdata()} >= {1.0, 2.0}


def test_a_heatmap_has_its_numbers_written(tmp_path: Path) -> None:
    picture = plot(
        SAMPLES / "topk_attention", metrics="output_error", rows="layer_idx", cols="head"
    )

    axes, bar = draw(picture).axes

    assert [text.get_text() for text in axes.texts[:4]] == ["0.654", "0.653", "0.641", "0.654"]
    assert bar.get_ylabel() == "mean of output_error (1)"
    assert axes.yaxis_inverted()


@pytest.mark.parametrize("kind", ["line", "hist", "box"])
def test_of_names_without_end_as_much_is_drawn_as_leaves_room(tmp_path: Path, kind: str) -> None:
    path = logs(tmp_path, steps("l" * 3000 + "oss", [1, 2, 3]))

    figure = draw(plot(path, kind))
    figure.savefig(tmp_path / "drawn.png")  # A warning where there is no room left is an error.

    (axes,) = figure.axes
    told = [axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()]
    told += [text.get_text() for text in axes.get_yticklabels()]
    assert max(map(len, told)) <= 120
    assert any(text.endswith("loss") and "…" in text for text in told)


def test_svg_says_it_in_text_and_is_the_same_each_time(tmp_path: Path) -> None:
    path = logs(tmp_path / "logs", steps("loss", range(9), name="$x_1$ <b>&"))
    picture = plot(path, by="name")

    picture.save(tmp_path / "a.svg")
    picture.save(tmp_path / "b.svg")

    svg = (tmp_path / "a.svg").read_text()
    assert svg == (tmp_path / "b.svg").read_text()
    assert {"loss", "step", "name=$x_1$ <b>&", "0", "2", "4", "6", "8"} <= set(texts(svg))
    (group,) = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("id") == "series-0"]
    assert group.find(f"{SVG}path") is not None


def test_png_is_a_picture(tmp_path: Path) -> None:
    plot(logs(tmp_path / "logs", steps("loss", range(9)))).save(tmp_path / "a.png")

    with Image.open(tmp_path / "a.png") as image:
        assert (image.format, image.width > 1000) == ("PNG", True)
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 10


def test_dark_has_light_ink(tmp_path: Path) -> None:
    figure = draw(plot(logs(tmp_path, steps("loss", range(9)))), DARK)

    assert figure.get_facecolor()[:3] < (0.1, 0.1, 0.1)
    assert figure.axes[0].xaxis.label.get_color() == DARK.ink


def test_a_page_asks_the_network_for_nothing_and_runs_no_name(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>"
    path = logs(tmp_path / "logs", steps("loss", range(9), name=hostile))

    plot(path, by="name").save(tmp_path / "a.html")

    page = (tmp_path / "a.html").read_text()
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page.replace("xlink:", ""))
    assert "alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<svg") == 2
    assert len(page) < 2_000_000


def test_a_page_has_every_number_and_its_place(tmp_path: Path) -> None:
    import json

    path = logs(tmp_path / "logs", steps("loss", [4.0, 2.0]), {"loss": "nats"})

    plot(path).save(tmp_path / "a.html")

    page = (tmp_path / "a.html").read_text()
    (marks,) = re.findall(r'<script type="application/json">(.*?)</script>', page)
    first, second = json.loads(marks)
    assert first[2] == "step: 0\nloss (nats): 4"
    assert 0 < first[0] < second[0] < 1
    assert 0 < first[1] < second[1] < 1  # Down, as on a page.
    assert "<td>step: 1</td><td>loss (nats): 2</td>" in page


def test_a_notebook_shows_the_picture(tmp_path: Path) -> None:
    shown = plot(logs(tmp_path, steps("loss", [4.0, 2.0])))._repr_html_()

    assert shown.startswith('<main class="mm-plot">')


def test_there_is_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = plot(logs(tmp_path / "logs", steps("loss", [1.0])))
    monkeypatch.setattr(
        "micrometric.drawing._drawn", lambda *_, **__: (_ for _ in ()).throw(OSError(28))
    )

    with pytest.raises(PathError, match="cannot write"):
        picture.save(tmp_path / "a.png")

    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_what_is_there_needs_force(tmp_path: Path) -> None:
    picture = plot(logs(tmp_path / "logs", steps("loss", [1.0])))
    (tmp_path / "a.svg").write_text("mine")

    with pytest.raises(PathError, match="--force writes over it"):
        picture.save(tmp_path / "a.svg")

    assert (tmp_path / "a.svg").read_text() == "mine"
    picture.save(tmp_path / "a.svg", force=True)
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_a_name_that_tells_no_format_is_refused(tmp_path: Path) -> None:
    picture = plot(logs(tmp_path / "logs", steps("loss", [1.0])))

    with pytest.raises(SettingError, match=r"ends with one of .png, .svg, .html; did you mean"):
        picture.save(tmp_path / "a.pmg")


def test_without_matplotlib_the_pip_line_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = plot(logs(tmp_path / "logs", steps("loss", [1.0])))
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(SettingError, match=r"pip install 'micrometric\[plot\]'"):
        picture.save(tmp_path / "a.png")


def test_the_pictures_of_the_documentation_are_made_by_one_command(tmp_path: Path) -> None:
    """Those of the page on pictures, of each kind one, as its commands draw them."""
    kept = Path("docs/pictures")

    command = [sys.executable, "docs/make_pictures.py", tmp_path]
    subprocess.run(command, check=True, capture_output=True)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in kept.iterdir())
    assert sorted(name.split(".")[0] for name in names) == sorted(KINDS)
    for name in names:
        if name.endswith(".svg"):
            assert texts((tmp_path / name).read_text()) == texts((kept / name).read_text())
        else:
            with Image.open(tmp_path / name) as made, Image.open(kept / name) as there:
                assert made.size == there.size


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "hist", "metrics": "accuracy"}, "0.9875 to 1: 81 events"),
        ({"kind": "box", "metrics": "accuracy"}, "all: median 1, middle half 1 to 1, 100 events"),
        ({"metrics": "recall", "rows": "layer_idx", "cols": "head"}, "layer_idx=0, head=0"),
        ({"x": "density", "y": "accuracy", "pair_by": "layer_idx"}, "layer_idx=0"),
        ({"metrics": "accuracy", "x": "time"}, "time (UTC), 2026-11-23: 15:17:22."),
        ({"metrics": "accuracy", "x": "location"}, "location: __main__.Probe.evaluate"),
        ({"metrics": "accuracy", "x": "layer_idx"}, "accuracy (1): 1"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_page_of_each_kind_tells_its_numbers(tmp_path: Path, options: dict, said: str) -> None:
    plot(SAMPLES / "topk_attention", **options).save(tmp_path / "a.html")

    page = (tmp_path / "a.html").read_text()
    assert f"<td>{said}" in page


def test_a_picture_for_dark_pages_has_light_ink_on_dark_paper(tmp_path: Path) -> None:
    picture = plot(logs(tmp_path, steps("loss", [1.0, 2.0])))

    picture.save(tmp_path / "light.svg")
    picture.save(tmp_path / "dark.svg", dark=True)

    assert DARK.paper not in (tmp_path / "light.svg").read_text()
    dark = (tmp_path / "dark.svg").read_text()
    assert f"fill: {DARK.paper}" in dark
    assert f"fill: {DARK.ink}" in dark
    assert LIGHT.ink not in dark
