"""A report of every item of the corpus of damage: a page that is whole and holds nothing live."""

import json
import re
from html.parser import HTMLParser

import pytest

from tests.cli.conftest import cli as cli
from tests.cli.test_damage_corpus import item as item

pytestmark = pytest.mark.slow


class _Page(HTMLParser):
    """What a browser would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.live: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            is_address = name in ("href", "src", "action") and not (value or "").startswith("#")
            if name.startswith("on") or (is_address and not (value or "").startswith("data:")):
                self.live.append(f"{tag} {name}={value}")


def test_a_report_holds_nothing_that_runs_or_fetches(cli, item, tmp_path):
    item.place(tmp_path / "logs")

    ended = cli("report", "logs", "-o", "page.html")

    assert ended.code == (2 if "*" in item.codes else 0), ended.err
    if ended.code == 0:
        text = (tmp_path / "page.html").read_text()
        page = _Page()
        page.feed(text)
        assert page.live == []
        assert all(line.isprintable() for line in text.split("\n"))
        assert len(re.findall(r"<script", text)) == len(re.findall(r"</script>", text))
        for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text):
            json.loads(data)
