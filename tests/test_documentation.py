"""The pages of `docs/` against the code: they list what there is, and links lead somewhere."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from micrometric import MicroMetricLogger, bounds, checking, compact, event, manifest, where
from micrometric import limits as _limits
from micrometric.registry import Metric
from micrometric.settings import Settings
from micrometric_cli.app import app
from tests.pages import walk

DOCS = Path("docs")
PACKAGES = (Path("micrometric"), Path("micrometric_cli"))
PYTHON = (DOCS / "api.md").read_text()
PAGES = [Path("README.md"), *sorted(DOCS.rglob("*.md"))]


def test_the_command_reference_is_up_to_date(tmp_path: Path) -> None:
    made = tmp_path / "commands.md"

    subprocess.run([sys.executable, DOCS / "make_commands.py", made], check=True)

    assert made.read_text() == (DOCS / "commands.md").read_text(), "python docs/make_commands.py"


def test_the_command_reference_names_every_option_that_help_names() -> None:
    def helped(*command: str) -> str:
        return CliRunner().invoke(app, [*command, "--help"]).output

    reference = (DOCS / "commands.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", reference, re.DOTALL | re.MULTILINE))

    assert [*sections] == re.findall(r"^  (\w+)  +.*\.$", helped(), re.MULTILINE)
    for name, section in sections.items():
        options = helped(name).split("Options:")[1]
        listed = re.findall(r"^  (-.*?)(?:  |$| <| [A-Z])", options, re.MULTILINE)
        assert listed.pop() == "-h, --help"
        rows = re.findall(r"^\| `(-[^`]*)`", section, re.MULTILINE)
        assert _options(rows) == _options(listed)


def _options(texts: list[str]) -> set[str]:
    return {option for text in texts for option in re.findall(r"(?<![\w|])--?[\w-]+", text)}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_between_pages_lead_to_something(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_picture_of_the_design_names_modules_that_there_are() -> None:
    drawn = re.findall(r'class="name"[^>]*>([^<]+)<', (DOCS / "flow.svg").read_text())
    named = re.findall(r"`([a-z_]+)`", (DOCS / "design.md").read_text())
    modules = [*" ".join(drawn).split(), *(name for name in named if name != "log")]

    there = {path.stem for package in PACKAGES for path in package.iterdir()}
    assert len(modules) > 20
    assert {*modules} <= there


def test_the_page_on_python_has_every_setting_with_its_default() -> None:
    (signature,) = re.findall(r"autoclass:: MicroMetricLogger\((.*?)\)\n", PYTHON, re.DOTALL)
    told = dict(part.split("=") for part in re.findall(r"\w+=[\w.]+", signature))

    defaults = {name: str(getattr(Settings(), name)) for name in Settings.__slots__}
    assert told == {**defaults, "metrics_to_log": "None"}


def rows(page: str, head: str) -> list[str]:
    """Return the first column of the table of a page that has such a head, without its quotes."""
    (table,) = re.findall(rf"^\| {head} \|.*\n\|-.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    return re.findall(r"`([^`]+)`", "".join(line.split("|")[1] for line in table.splitlines()))


def test_the_page_on_the_format_has_every_field_in_its_order() -> None:
    page = (DOCS / "format.md").read_text()

    assert rows(page, "key") == [*event.FIELDS]
    for struct in (
        Metric,
        manifest.SessionFacts,
        manifest.SegmentFacts,
        manifest.DeletedFacts,
        manifest.Counts,
    ):
        assert rows(page, struct.__name__) == [*struct.__struct_fields__]
    assert f"`{manifest.FORMAT}`; `version` is {manifest.VERSION}," in page


def test_the_page_on_the_format_is_true_of_what_a_program_writes(tmp_path: Path) -> None:
    page = (DOCS / "format.md").read_text()
    for _ in walk(DOCS / "format.md", tmp_path):
        pass
    (path,) = (tmp_path / "logs").glob("*.manifest.json")

    written = json.loads(path.read_text())
    session, account = written["session"], written["accounting"]
    lines = [
        json.loads(line)
        for segment in session["segments"]
        for line in (tmp_path / "logs" / segment["name"]).read_text().splitlines()
    ]

    assert all([*line] == rows(page, "key") for line in lines)
    assert len(lines) == account["total"]["written"]
    assert {*session} <= {*rows(page, "SessionFacts")}
    for metric in written["metrics"].values():
        assert {*metric} <= {*rows(page, "Metric")}
    for segment in session["segments"]:
        assert [*segment] == rows(page, "SegmentFacts")
    for counts in (account["total"], *account["metrics"].values()):
        assert {*counts} <= {*rows(page, "Counts")}


def test_the_page_on_the_format_has_every_column_of_parquet(tmp_path: Path) -> None:
    MicroMetricLogger.register_metric("density", float)
    logger = MicroMetricLogger(tmp_path, 1, None, "all", rotate_bytes=1)
    logger.log("density", 0.5, {"layer_idx": 3})
    logger.close()
    compact(tmp_path)
    (path,) = tmp_path.glob("*.parquet")

    schema = pq.read_schema(path)

    listed = rows((DOCS / "format.md").read_text(), "column")
    assert schema.names == [*listed[:-1], "metadata.layer_idx"]
    assert {f"micrometric.{name}".encode() for name in ("format", "version", "keys")} <= {
        *schema.metadata
    }


def test_every_fault_that_is_told_of_has_tests_that_are_there() -> None:
    page = (DOCS / "what-can-go-wrong.md").read_text()
    rows = [row for row in re.findall(r"^\| (.*) \|$", page, re.MULTILINE) if "---" not in row]
    named = [re.findall(r"`(tests/\S+\.py)::(test_\w+)`", row) for row in rows]

    assert [row for row, tests in zip(rows, named, strict=True) if not tests] == [
        "fault | what holds | test"
    ] * page.count("| fault |")
    for path, name in {test for tests in named for test in tests}:
        assert re.search(rf"^ *def {name}\(", Path(path).read_text(), re.MULTILINE), name


def test_the_limits_that_are_told_are_those_that_hold() -> None:
    page = Path("SECURITY.md").read_text()
    limits = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", page, re.MULTILINE))

    assert limits["a line"] == f"{bounds.LINE_LIMIT >> 20} MiB"
    assert limits["lists and objects inside each other, in a line"] == str(bounds.NESTING_LIMIT)
    assert limits["digits of an integer"] == f"{bounds.DIGITS_LIMIT:,}"
    assert limits["a manifest"] == f"{bounds.MANIFEST_LIMIT >> 20} MiB"
    assert limits["axes (`dims`) of a metric, or of `--explode`"] == str(bounds.AXES_LIMIT)
    told = f"{where.LENGTH_LIMIT:,} characters, {where.DEPTH_LIMIT} deep"
    assert limits["`--where`"] == told
    assert limits["`--fail-if`"] == f"{_limits._LENGTH:,} characters, {_limits._DEPTH} deep"
    assert limits["defects that `check` remembers one by one"] == f"{checking.KEPT:,}"
