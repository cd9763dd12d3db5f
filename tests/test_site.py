"""The site that Sphinx makes of `docs/`: built without a warning, and asking no other server."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import micrometric

LOADED = {
    ("audio", "src"),
    ("embed", "src"),
    ("iframe", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("link", "href"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "src"),
}
"""What a browser fetches by itself; a link is followed only by who clicks on it."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
    return folder


class Page(HTMLParser):
    """What a page loads, where it leads, and the names that a link can lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.names.add(value or "")
            elif value and (tag, name) in LOADED:
                self.loads.append(value)
            elif value and (tag, name) == ("a", "href"):
                self.links.append(value)


def test_no_page_loads_anything_from_another_server(site: Path) -> None:
    loaded = 0
    for path in site.rglob("*.html"):
        for url in Page(path).loads:
            if not url.startswith("data:"):
                assert (path.parent / re.split("[?#]", url)[0]).exists(), (path, url)
                loaded += 1

    assert loaded > 100


def test_no_style_or_script_loads_anything_from_another_server(site: Path) -> None:
    for path in site.rglob("*.css"):
        for url in re.findall(r"(?:url\(|@import )['\"]?([^'\")]+)", path.read_text()):
            assert url.startswith("data:") or (path.parent / url).exists(), (path, url)

    scripts = "".join(path.read_text() for path in site.rglob("*.js"))
    assert not re.search(r"(?:fetch|import|open|src\s*=)\s*\(?\s*['\"`](?:https?:)?//", scripts)


def test_every_page_is_reached_and_every_link_leads_somewhere(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    reached = set()
    for path, page in pages.items():
        for link in page.links:
            if not link.startswith(("https://", "mailto:")):
                target, _, name = link.partition("#")
                aim = (path.parent / target).resolve() if target else path
                assert aim.exists(), (path, link)
                assert not name or aim not in pages or name in pages[aim].names, (path, link)
                reached.add(aim)

    for page in Path("docs").rglob("*.md"):
        assert (site / page.relative_to("docs").with_suffix(".html")) in reached


def test_the_page_on_python_has_every_public_name(site: Path) -> None:
    names = Page(site / "api.html").names

    public = {name for name in micrometric.__all__ if not name.startswith("__")}
    assert {f"micrometric.{name}" for name in public} <= names
    assert "micrometric.MicroMetricLogger.log" in names
