"""Reports: the page says what the logs hold, escapes what they say, and needs nothing beside it."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from micrometric import NoDataError, PathError, SettingError, log_report, make_report, summarize
from micrometric.segment import PLAIN_NAME, closed_name
from tests.cli.conftest import SESSION, event

SAMPLES = Path(__file__).parents[1] / "sample_logs"
NASTY = "<script>alert(1)</script>\x1b[31m\u202e\"'&"


class Page(HTMLParser):
    """What a page holds: tables by caption, headings, scripts, and everything it points to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[str] = []
        self.points_to: list[str] = []
        self.tags: list[str] = []
        self._inside: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "xlink:href", "action", "data") and value:
                self.points_to.append(value)
        if tag in ("caption", "h1", "h2", "h3"):
            self._inside.append(tag)
            self._caption = "" if tag == "caption" else self._caption
            if tag != "caption":
                self.headings.append("")
        elif tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._inside.append(tag)
            self._rows[-1].append("")

    def handle_data(self, data):
        match self._inside[-1:]:
            case ["caption"]:
                self._caption += data
            case ["td" | "th"]:
                self._rows[-1][-1] += data
            case ["h1" | "h2" | "h3"]:
                self.headings[-1] += data

    def handle_endtag(self, tag):
        if self._inside[-1:] == [tag]:
            self._inside.pop()
        if tag == "table":
            self.tables[self._caption] = self._rows


@pytest.fixture(scope="module")
def samples() -> tuple[str, Page]:
    text = make_report(SAMPLES, by="layer_idx", pair_by="occurrence", assume_tz="UTC").html()
    return text, Page(text)


def test_the_page_has_a_section_for_each_thing(samples):
    _, page = samples

    assert [head for head in page.headings if head[0].isupper()] == [
        "Runs", "Sessions", "Metrics", "Figures", "Comparison", "Pictures", "Defects",
    ]  # fmt: skip


def test_its_figures_are_those_of_summarize(samples):
    text, page = samples
    (heads, *rows) = page.tables["Figures by layer_idx"]
    summary = summarize(SAMPLES, "layer_idx", assume_tz="UTC")

    assert heads[:4] == ["metric", "layer_idx", "count", "mean"]
    assert [(row[0], row[1], row[2], row[3]) for row in rows] == [
        (row["metric"], str(row["layer_idx"]), str(row["count"]), f"{row['mean']:.5g}")
        for row in summary.rows
    ]
    for row in summary.rows:
        assert f'data-n="{row["p95"]!r}"' in text


def test_it_tells_runs_sessions_and_metrics(samples):
    _, page = samples

    runs = page.tables["Runs, their files, events and times"]
    assert [row[:3] for row in runs[1:]] == [
        ["oracle_top_k=128", "1", "600"], ["oracle_top_k=32", "1", "600"],
        ["oracle_top_k=8", "1", "600"], ["topk_attention", "1", "800"],
    ]  # fmt: skip
    (heads, session) = page.tables["Sessions, and the account of their events"]
    told = dict(zip(heads, session, strict=True))
    assert (told["state"], told["logged"], told["written"]) == ("ended", "800", "800")
    assert told["balances"] == "yes"
    metrics = {row[0]: row[1] for row in page.tables["Metrics, as registered and as seen"][1:]}
    assert metrics["density"] == "float"
    assert metrics["research_attention_density"] == "unregistered"


def test_values_of_the_key_that_differs_are_compared(samples):
    _, page = samples
    (heads, *rows) = next(rows for name, rows in page.tables.items() if "base" in name)

    told = [dict(zip(heads, row, strict=True)) for row in rows]
    error = [row for row in told if row["metric"].endswith("output_error")]
    assert {row["other"] for row in told} == {"dir.oracle_top_k=32", "dir.oracle_top_k=128"}
    assert {row["effect"] for row in error} == {"lower"}
    assert error[0]["base"] == "0.47786"


def test_pictures_are_lines_heatmaps_and_boxes(samples):
    text, page = samples

    assert page.tags.count("svg") == 2 * text.count('class="mm-figure"') == 8
    for kind in ("line", "heatmap", "box"):
        assert f'aria-label="{kind}: ' in text
    for data in re.findall(r'<script type="application/json">(.*?)</script>', text):
        marks = json.loads(data)
        assert marks
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y, _ in marks)


GRID = [{"layer": layer, "head": head} for layer in (1, 2) for head in (1, 2)]


@pytest.mark.parametrize("where", [None, "layer > 0 or head > 0"])
@pytest.mark.parametrize(
    "name",
    ["m" * 12_000, "\ud800", "a*", "!b", "all", 'it\'s "q" \\', "a\nb", "\0"],
    ids=["long", "surrogate", "glob", "exclusion", "all", "quotes", "break", "nul"],
)
def test_a_metric_of_any_name_has_its_own_heatmap(tmp_path, name, where):
    lines = [event(n, name, n, metadata=keys) for n, keys in enumerate(GRID)]
    lines += [event(n, "other", n, metadata=keys) for n, keys in enumerate(GRID)]
    (tmp_path / PLAIN_NAME).write_text("".join(f"{line}\n" for line in lines))

    told = make_report(tmp_path, where=where)

    assert [picture.kind for picture in told.pictures] == ["line", "heatmap", "heatmap", "hist"]
    assert [len(picture.panels) for picture in told.pictures[1:3]] == [1, 1]
    assert told.notes == []


def test_a_picture_that_cannot_be_drawn_is_left_out_and_told(tmp_path, monkeypatch):
    lines = [event(n, "m", n, metadata=keys) for n, keys in enumerate(GRID)]
    (tmp_path / PLAIN_NAME).write_text("".join(f"{line}\n" for line in lines))
    drawn = log_report.plot

    def fail(files, kind, **options):
        if kind == "line":
            raise SettingError("no such thing")
        return drawn(files, kind, **options)

    monkeypatch.setattr(log_report, "plot", fail)

    told = make_report(tmp_path)

    assert [picture.kind for picture in told.pictures] == ["heatmap", "hist"]
    assert told.notes == ["no line: no such thing"]


def test_keys_that_never_meet_have_no_heatmap(tmp_path):
    lines = [event(n, "m", n, metadata={key: n}) for n, key in enumerate(["a", "b"] * 2)]
    (tmp_path / PLAIN_NAME).write_text("".join(f"{line}\n" for line in lines))

    told = make_report(tmp_path)

    assert [picture.kind for picture in told.pictures] == ["line", "hist"]
    assert told.notes == ["no heatmap: no event has both 'a' and 'b'; see micrometric tail"]


def test_it_asks_for_nothing_and_is_not_large(samples):
    text, page = samples

    assert all(target.startswith(("#", "data:image/png;base64,")) for target in page.points_to)
    assert "default-src 'none'" in text
    assert not re.findall(r"url\((?!#)", text)
    assert len(text.encode()) < 2_000_000


def test_what_logs_say_is_shown_and_never_run(tmp_path):
    run = tmp_path / "a=<b>"
    run.mkdir()
    lines = [
        event(n, NASTY, n, metadata={NASTY: n % 2, "layer": n % 2}, location=NASTY)
        for n in range(6)
    ]
    (run / closed_name(SESSION, 0)).write_text("\n".join([*lines, NASTY]) + "\n")

    text = make_report(tmp_path, by=["location", "layer"], title=NASTY).html()
    page = Page(text)

    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert page.tags.count("script") == 2 + text.count("application/json")
    shown = r"<script>alert(1)</script>\x1b[31m\u202e" + "\"'&"
    assert page.headings[0] == shown
    assert page.tables["Figures by location, layer"][1][0] == shown
    excerpts = page.tables["The first 2 of them"]
    assert any("<script>" in cell for row in excerpts for cell in row)


def test_defects_are_told(tmp_path):
    good = event(0, "density", 1)
    (tmp_path / closed_name(SESSION, 0)).write_text(f"{good}\n{good[:50]}\n{good}{good}\n")

    page = Page(make_report(tmp_path).html())

    kinds = {row[0]: row[1] for row in page.tables["Defects by kind"][1:]}
    assert kinds == {"torn": "1", "merged": "1", "no manifest": "1"}
    assert any("not events" in note for note in make_report(tmp_path).notes)


def test_a_metric_without_numbers_still_makes_a_page(tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text(event(0, "phase", "warm") + "\n")

    made = make_report(tmp_path)

    assert made.pictures == []
    assert any("no finite number" in note for note in made.notes)
    assert "phase" in made.html()


def test_many_groups_are_cut_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("micrometric.log_report._MOST_ROWS", 3)
    lines = [event(n, "density", n, metadata={"k": n}) for n in range(10)]
    (tmp_path / "micro_metrics.jsonl").write_text("\n".join(lines) + "\n")

    assert "7 more groups are not shown" in make_report(tmp_path, by="k").html()


def test_it_is_written_whole_and_not_over_another(tmp_path):
    made = make_report(SAMPLES / "topk_attention")

    made.save(tmp_path / "r.html")
    with pytest.raises(PathError, match="there already"):
        made.save(tmp_path / "r.html")
    made.save(tmp_path / "r.html", force=True)

    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    assert (tmp_path / "r.html").read_text().endswith("</html>\n")


def test_without_what_draws_the_line_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(SettingError, match=r"pip install 'micrometric\[plot\]'"):
        make_report(SAMPLES)


def test_a_base_needs_a_key():
    with pytest.raises(SettingError, match="name the key"):
        make_report(SAMPLES, base=8)


def test_no_such_launch_is_told():
    with pytest.raises(NoDataError, match="launch"):
        make_report(SAMPLES, launch="nope")


def test_progress_goes_to_the_end():
    told = []

    make_report(SAMPLES, progress=told.append)

    assert told == sorted(told)
    assert told[-1] == 1.0
