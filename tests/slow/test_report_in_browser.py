"""The report in headless Chromium: nothing is asked of the network, nothing fails, all can be used.

Wants a chromium on the path, and `pip install playwright axe-playwright-python`.
"""

import shutil
from pathlib import Path

import pytest

from micrometric import make_report, plot

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
SAMPLES = Path(__file__).parents[2] / "sample_logs"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    make_report(SAMPLES, by="layer_idx", pair_by="occurrence", assume_tz="UTC").save(path)
    return path


class Opened:
    """A page, and what it asked for and complained about."""

    def __init__(self, browser, path: Path, **options) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(path.as_uri())


@pytest.fixture
def opened(browser, report):
    opened = Opened(browser, report)
    yield opened
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [report.as_uri()]
    opened.context.close()


def column(page, caption: str, number: int) -> list[str]:
    """Return what is shown in a column of a table."""
    rows = page.locator(f"table:has(caption:text-is('{caption}')) tbody tr:visible")
    return rows.locator(f"td:nth-child({number})").all_inner_texts()


def test_tables_sort_by_mouse_and_keyboard(opened):
    page = opened.page
    table = page.locator("table:has(caption:text-is('Figures by layer_idx'))")
    head = table.locator("th", has_text="mean")

    head.locator("button").click()
    ascending = column(page, "Figures by layer_idx", 4)
    assert head.get_attribute("aria-sort") == "ascending"
    assert [*map(float, ascending)] == sorted(map(float, ascending))

    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, "Figures by layer_idx", 4) == ascending[::-1]

    table.locator("th", has_text="metric").locator("button").click()
    assert head.get_attribute("aria-sort") is None
    names = column(page, "Figures by layer_idx", 1)
    assert names == sorted(names)


def test_rows_are_found_and_counted(opened):
    page = opened.page
    figures = page.locator("#figures")

    figures.get_by_label("Find rows").fill("ERROR 2")
    shown = column(page, "Figures by layer_idx", 1)
    assert shown
    assert all("error" in name for name in shown)
    assert figures.get_by_role("status").inner_text() == f"{len(shown)} of 32 rows"

    figures.get_by_label("Find rows").fill("")
    assert len(column(page, "Figures by layer_idx", 1)) == 32


def test_what_is_under_the_pointer_is_told(opened):
    page = opened.page
    figure = page.locator("figure.mm-figure", has=page.locator("svg[aria-label^='heatmap']")).first
    figure.scroll_into_view_if_needed()
    marks = figure.evaluate("f => JSON.parse(f.querySelector('script').textContent)")
    box = figure.locator(".mm-canvas").bounding_box()
    x, y, text = marks[0]

    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    assert figure.locator("output").inner_text() == text
    assert "layer_idx=0" in text


def test_pictures_zoom_by_button_key_and_back(opened):
    page = opened.page
    figure = page.locator("figure.mm-figure").first
    figure.scroll_into_view_if_needed()
    svg = figure.locator("svg.mm-light")
    whole = svg.get_attribute("viewBox")

    figure.get_by_label("Zoom in").click()
    near = svg.get_attribute("viewBox")
    assert float(near.split()[2]) == pytest.approx(0.7 * float(whole.split()[2]))

    figure.locator(".mm-canvas").focus()
    page.keyboard.press("ArrowRight")
    assert float(svg.get_attribute("viewBox").split()[0]) > float(near.split()[0])

    marks = figure.evaluate("f => JSON.parse(f.querySelector('script').textContent)")
    view = [*map(float, svg.get_attribute("viewBox").split())]
    full = [*map(float, whole.split())][2:]
    inside = next(
        mark for mark in marks
        if 0.2 < (mark[0] * full[0] - view[0]) / view[2] < 0.8
        and 0.2 < (mark[1] * full[1] - view[1]) / view[3] < 0.8
    )  # fmt: skip
    box = figure.locator(".mm-canvas").bounding_box()
    page.mouse.move(
        box["x"] + (inside[0] * full[0] - view[0]) / view[2] * box["width"],
        box["y"] + (inside[1] * full[1] - view[1]) / view[3] * box["height"],
    )
    assert figure.locator("output").inner_text() == inside[2]

    page.keyboard.press("0")
    again = [*map(float, svg.get_attribute("viewBox").split())]
    assert again == pytest.approx([*map(float, whole.split())], abs=0.001)


def test_on_a_narrow_page_pictures_are_moved_through_and_still_tell(browser, report):
    opened = Opened(browser, report)
    page = opened.page
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 400

    canvas = page.locator(".mm-canvas", has=page.locator("svg[aria-label^='line']"))
    canvas.scroll_into_view_if_needed()
    canvas.evaluate("canvas => { canvas.scrollLeft = canvas.scrollWidth; }")
    assert canvas.evaluate("canvas => canvas.scrollLeft") > 100
    picture = canvas.locator("svg.mm-light").bounding_box()
    marks = canvas.evaluate(
        "canvas => JSON.parse(canvas.parentElement.querySelector('script').textContent)"
    )
    x, y, text = max(marks)
    page.mouse.move(picture["x"] + x * picture["width"], picture["y"] + y * picture["height"])

    assert canvas.locator("output").inner_text() == text
    assert opened.said == []
    opened.context.close()


def paper(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_dark_and_light_are_the_reader_s_choice(browser, report):
    opened = Opened(browser, report, color_scheme="dark")
    page = opened.page
    assert paper(page) == "rgb(13, 17, 23)"
    assert page.locator("svg.mm-dark").first.is_visible()
    assert not page.locator("svg.mm-light").first.is_visible()

    page.get_by_role("button", name="Switch between light and dark").click()

    assert paper(page) != "rgb(13, 17, 23)"
    assert page.locator("svg.mm-light").first.is_visible()
    assert not page.locator("svg.mm-dark").first.is_visible()
    assert opened.said == []
    opened.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_automated_check_of_accessibility_finds_nothing(browser, report, scheme):
    opened = Opened(browser, report, color_scheme=scheme)

    found = axe.Axe().run(opened.page)

    told = [(one["id"], [n["html"][:200] for n in one["nodes"]][:3]) for one in
            found.response["violations"]]  # fmt: skip
    assert told == []
    opened.context.close()


def test_without_scripts_all_of_it_is_there(browser, report):
    opened = Opened(browser, report, java_script_enabled=False)
    page = opened.page

    assert len(column(page, "Figures by layer_idx", 1)) == 32
    assert page.locator("svg.mm-light").first.is_visible()
    assert page.locator("button").count() == 0
    assert page.locator("details").count() == page.locator("figure.mm-figure").count()
    opened.context.close()


def test_it_prints_in_light_without_what_is_clicked(browser, report, tmp_path):
    opened = Opened(browser, report, color_scheme="dark")
    page = opened.page
    page.emulate_media(media="print", color_scheme="dark")

    assert page.locator("svg.mm-light").first.is_visible()
    assert not page.locator("svg.mm-dark").first.is_visible()
    assert not page.get_by_role("button", name="Zoom in").first.is_visible()
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    opened.context.close()


def test_what_logs_say_is_not_run(browser, tmp_path):
    nasty = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    line = (
        '{"timestamp":"2026-11-23T08:00:0%d.000000Z","metric":"m","value":%d,'
        '"metadata":{"k":"%s"},"location":"%s"}\n'
    )
    (tmp_path / "micro_metrics.jsonl").write_text(
        "".join(line % (n, n, nasty, nasty) for n in range(5)) + nasty + "\n"
    )
    make_report(tmp_path, by="k").save(tmp_path / "r.html")

    opened = Opened(browser, tmp_path / "r.html")

    assert opened.said == []
    assert len(opened.asked) == 1
    assert opened.page.locator("img").count() == 0
    opened.context.close()


def test_a_picture_alone_zooms_too(browser, tmp_path):
    plot(SAMPLES, "hist", metrics="density").save(tmp_path / "p.html")
    opened = Opened(browser, tmp_path / "p.html")
    svg = opened.page.locator("svg.mm-light")
    whole = svg.get_attribute("viewBox")

    opened.page.get_by_label("Zoom in").click()

    assert svg.get_attribute("viewBox") != whole
    assert opened.said == []
    assert axe.Axe().run(opened.page).violations_count == 0
    opened.context.close()
