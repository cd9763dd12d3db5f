"""Every command on every item of the corpus of damage: right, safe to look at, and harmless."""

import csv
import hashlib
import importlib.util
import io
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from micrometric.defects import KINDS
from micrometric.printable import is_printable
from tests.damage import ITEMS, Item

ENGINES = [name for name in ("duckdb", "pandas", "polars") if importlib.util.find_spec(name)]
_SKIPPED = re.compile(r"([\d,]+) lines? (?:is not an event|are not events) and w\w+ skipped")
_PROGRESS = re.compile(r"\r\x1b\[K(?:\w+ +\d+%)?")


@pytest.fixture(params=ITEMS, ids=lambda item: item.name)
def item(request: pytest.FixtureRequest) -> Item:
    return request.param


@pytest.fixture
def ask(cli, item: Item, tmp_path: Path):
    """Ask a command about the item, whose files are afterwards what they were."""
    place = tmp_path / "logs"
    item.place(place)
    before = state_of(place)

    def run(*command: str, columns: int | None = None):
        ended = cli(*command, columns=columns)
        said = ended.err if columns is None else _PROGRESS.sub("", ended.out + ended.err)
        assert all(is_safe(line) for line in said.split("\n")), command
        assert ended.code == code_of(item, command), (command, ended.err[-500:])
        return ended

    yield run
    assert state_of(place) == before


def is_safe(line: str) -> bool:
    """Say whether a line shows all that it holds; what a picture leaves empty is an empty sign."""
    return is_printable(line.replace("\u2800", " "))


def state_of(place: Path) -> dict[str, object]:
    """Return what is in a directory, to the byte."""
    state: dict[str, object] = {}
    for path in sorted(place.rglob("*")):
        is_file = path.is_file() and not path.is_symlink()
        told = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else path.lstat().st_mode
        state[str(path)] = told
    return state


def code_of(item: Item, command: tuple[str, ...]) -> int:
    """Return how a command ends."""
    name = command[0]
    for told in (name, "*"):
        if told in item.codes:
            return item.codes[told]
    if name == "check":
        return int(any(KINDS[kind].is_finding for kind in item.defects))
    if name == "validate":
        return 0 if item.registered else 2
    if name == "list" and item.listed is not None:
        return 0
    if name == "list" and item.registered:
        return int("--strict" in command and item.skipped > 0)
    if name == "compact" and "--to" in command:
        return int(item.is_refused)
    if name == "repair":
        return int(item.left > 0)
    if name in ("list", "tail", "summarize", "compare", "plot") and not item.values:
        return 1
    return int("--strict" in command and item.skipped > 0)


def rows(text: str) -> list[dict[str, Any]]:
    # Not by splitlines: texts may hold signs that are a break to it.
    sys.set_int_max_str_digits(0)
    try:
        return [json.loads(line) for line in text.split("\n") if line]
    finally:
        sys.set_int_max_str_digits(4300)


def told(values: list[Any]) -> str:
    """Return values as a text, in which a number beyond doubles is infinite however written."""
    return repr([_plain(value) for value in values])


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def computes(cell: str) -> bool:
    """Say whether a spreadsheet would take a cell, or what it divides from one, for a formula."""
    begins = re.search(r"(?:\A|[;\t\r\n])[\s\0\ufeff\u200b]*[=+\-@]|\A[\t\r\n]", cell)
    return begins is not None and not re.fullmatch(r"-[0-9.e+]*|-inf", cell)


def skipped_in(err: str) -> int:
    """Return how many lines were said to be skipped, which is said at most once."""
    counts = _SKIPPED.findall(err)
    if not counts and "skipped a line that is no event" in err:
        return 1
    assert len(counts) <= 1, err
    return int(counts[0].replace(",", "")) if counts else 0


def test_readers_give_the_events_and_count_what_is_none(ask, item):
    if "*" in item.codes:
        return
    exported = ask("export", "logs", "-o", "-", "-f", "jsonl", "--strict")
    tailed = ask("tail", "logs", "--no-follow", "--from-start", "-f", "json")

    assert told([row["value"] for row in rows(exported.out)]) == told(item.values)
    assert told([row["value"] for row in rows(tailed.out)]) == told(item.values)
    for ended in (exported, tailed):
        assert skipped_in(ended.err) == item.skipped
        assert ended.err.count(" unfinished") == item.unfinished

    table = ask("export", "logs", "-o", "-", "-f", "csv")
    heading, *cells = csv.reader(io.StringIO(table.out, newline=""))
    assert heading[:4] == ["timestamp", "metric", "value", "location"]
    assert len(cells) == len(item.values)
    assert not [cell for row in [heading, *cells] for cell in row if computes(cell)]

    files = ask("files", "logs", "-f", "json", "--strict")
    assert sum(row["events"] for row in rows(files.out)) == len(item.values)
    assert skipped_in(files.err) == item.skipped


def test_figures_are_those_of_the_events(ask, item):
    listed = ask("list", "logs", "-f", "json", "--strict")

    if item.values:
        events = len(item.values) if item.listed is None else item.listed
        assert sum(row["events"] for row in rows(listed.out)) == events

    answers = []
    for engine in ENGINES:
        ended = ask(
            *(
                "summarize",
                "logs",
                "-g",
                "location,layer_idx",
                "--stats",
                "count,sum,p50,non_finite,non_numeric",
            ),
            *("--engine", engine, "-f", "json"),
        )
        found = rows(ended.out)
        if item.values:
            counts = ("count", "non_finite", "non_numeric")
            total = sum(row[name] for row in found for name in counts)
            assert total == item.observations
            assert skipped_in(ended.err) == item.skipped
        answers.append(sorted(repr({k: _rounded(v) for k, v in row.items()}) for row in found))
    assert all(answer == answers[0] for answer in answers)


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, float) else value


def test_what_people_are_shown_is_safe_to_look_at(ask, item):
    for command in (
        ("tail", "logs", "--no-follow", "-n", "1000"),
        ("tail", "logs", "--no-follow", "-n", "1000", "-f", "csv"),
        ("export", "logs", "-o", "-", "-f", "csv"),
        ("files", "logs"),
        ("check", "logs"),
        ("validate", "logs", "-m", "all"),
        ("plot", "logs"),
        ("compact", "logs", "--dry-run"),
        ("prune", "logs", "--older-than", "1s"),
    ):
        ask(*command, columns=100)
    if item.is_hostile:
        for command in (
            *(("summarize", "logs", "-g", "location,layer_idx", "-f", f) for f in FORMATS),
            *(("list", "logs", "-f", f) for f in FORMATS),
            ("files", "logs", "--runs", "-f", "md"),
            ("check", "logs", "-f", "csv"),
            ("export", "logs", "-o", "-", "-f", "jsonl"),
            ("plot", "logs", "--kind", "box", "-g", "location"),
        ):
            shown = ask(*command, columns=100)
            if command[-1] == "md":
                assert not re.search(r"(?<!\\)\](?=\()|(?<!\\)<", shown.out)
        ask("tail", "logs", "--no-follow", "--summary")


FORMATS = ("table", "json", "csv", "md", "latex")


def test_sides_are_compared(ask, item, tmp_path):
    item.place(tmp_path / "others")

    ended = ask("compare", "logs", "others", "-f", "json")

    if item.values:
        assert all(row["base"] == row["value"] for row in rows(ended.out))


def test_check_finds_every_kind(ask, item):
    ended = ask("check", "logs", "-f", "json")

    assert Counter(row["kind"] for row in rows(ended.out)) == Counter(item.defects)


def test_repair_keeps_every_event_and_accounts_for_the_rest(ask, item, cli):
    if "*" in item.codes:
        return
    ended = ask("repair", "logs", "-o", "fixed", "-f", "json")

    done = rows(ended.out)
    values = item.values if item.repaired is None else item.repaired
    aside = item.skipped + item.unfinished if item.aside is None else item.aside
    assert sum(row["events"] for row in done) == len(values)
    assert sum(row["rejected"] for row in done) == aside
    assert all(row["bytes"] == row["kept"] + row["set aside"] for row in done)
    if done:
        again = cli("export", "fixed", "-o", "-", "-f", "jsonl", "--strict")
        assert again.code == 0
        assert told([row["value"] for row in rows(again.out)]) == told(values)
        once_more = cli("repair", "fixed", "-o", "again", "-f", "json")
        assert once_more.code == 0
        assert contents(Path("again")) == contents(Path("fixed"))


def contents(place: Path) -> dict[str, bytes]:
    """Return the segments and manifests of repaired logs, by name."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("micro_metrics.*")
        if not path.name.endswith(".rejected")
    }


def test_managing_writes_elsewhere_or_nothing(ask, item, tmp_path):
    ask("compact", "logs", "--to", "packed")
    ask("prune", "logs", "--keep-runs", "0")
    if item.name in REPORTED:
        ask("report", "logs", "-o", "page.html")

    assert {path.name for path in tmp_path.iterdir()} <= {"logs", "packed", "page.html"}
    if item.name in REPORTED:
        page = (tmp_path / "page.html").read_text()
        assert all(is_safe(line) for line in page.split("\n"))
        assert not re.search(r"<img src=x|<svg onload|alert\(1\)</script>|</style></svg>", page)


REPORTED = (
    *("escape_sequences", "markup_of_html", "manifest_hostile_texts"),
    "signs_that_nobody_sees",
)
"""Items with a report here; each has one in tests/slow/test_damage_reports.py, which takes long."""


def test_all_items_at_once_are_the_sum_of_each(cli, tmp_path):
    for one in ITEMS:
        if "*" not in one.codes:
            one.place(tmp_path / one.name)

    ended = cli("export", ".", "-o", "-", "-f", "jsonl")

    assert ended.code == 0
    assert len(rows(ended.out)) == sum(len(one.values) for one in ITEMS)
    assert skipped_in(ended.err) == sum(one.skipped for one in ITEMS)


def test_there_are_many_kinds_and_each_kind_of_defect_is_among_them():
    kinds = {kind for item in ITEMS for kind in item.defects}

    assert len(ITEMS) >= 60
    assert set(KINDS) - kinds <= {"length", "unreadable"}  # Too long for git; root reads all.
    assert all(item.what.endswith(".") for item in ITEMS)
