"""The pages of `docs/` are true: what they have in code is written and run as it stands there."""

import os
import subprocess
from pathlib import Path

import boto3
import pytest
import yaml

from tests.launchers import install
from tests.pages import blocks, commands, walk
from tests.terminal import ENVIRONMENT

DOCS = Path("docs")
PAGES = {str(path.relative_to(DOCS)): path for path in sorted(DOCS.rglob("*.md"))}
ELSEWHERE = {
    "tutorial.md": "tests/test_tutorial.py",
    "how-to/ci.md": "below, with its workflow",
    "how-to/s3.md": "below, with a server of S3",
    "how-to/spark.md": "tests/slow/test_pages.py, with Java",
}
"""Pages whose commands are run by other tests than the first."""
WALKED = [
    name
    for name, page in PAGES.items()
    if name not in ELSEWHERE and any(block.language == "console" for block in blocks(page))
]


def assert_true(page: Path, folder: Path, **environment: str) -> None:
    """Walk down a page, with the sample logs at hand, and compare what its commands print."""
    (folder / "sample_logs").symlink_to(Path("sample_logs").resolve())
    for command, shown, printed in walk(page, folder, **environment):
        assert printed == shown, command


@pytest.mark.parametrize("name", WALKED)
def test_commands_print_what_a_page_shows(name: str, tmp_path: Path) -> None:
    launchers = install(tmp_path / "launchers")
    (tmp_path / "walk").mkdir()

    assert_true(PAGES[name], tmp_path / "walk", PATH=f"{launchers}:{ENVIRONMENT['PATH']}")


def test_the_page_on_buckets_is_true_of_a_server_of_s3(s3: str, tmp_path: Path) -> None:
    bucket = boto3.resource("s3").create_bucket(Bucket="bucket")
    samples = Path("sample_logs")
    for path in samples.glob("oracle_top_k=*/*"):
        bucket.put_object(Key=f"runs/{path.relative_to(samples)}", Body=path.read_bytes())

    # What `s3` set is not in the environment that a terminal has otherwise.
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    assert_true(PAGES["how-to/s3.md"], tmp_path, **{name: os.environ[name] for name in names})

    bucket.objects.delete()
    bucket.delete()


@pytest.mark.parametrize("name", PAGES)
def test_no_code_on_a_page_is_left_untried(name: str) -> None:
    for block in blocks(PAGES[name]):
        kind = block.note.split(": ")[0]
        assert kind in ("", "file", "cell", "not run"), block
        if block.language == "console":
            assert commands(block.text), block
        elif block.language != "text" and not block.language.startswith("{"):
            assert kind, block


def test_what_is_not_run_are_commands_with_a_reason() -> None:
    for page in PAGES.values():
        for block in blocks(page):
            if block.note.startswith("not run"):
                assert block.language == "sh", block
                assert block.note.removeprefix("not run: "), block


def test_the_page_on_gates_and_its_workflow_are_true(tmp_path: Path) -> None:
    assert_true(PAGES["how-to/ci.md"], tmp_path)
    workflow = yaml.safe_load((tmp_path / "workflow.yml").read_text())

    steps = [step["run"] for step in workflow["jobs"]["gate"]["steps"] if "run" in step]

    assert steps.pop(0) == "pip install micrometric"
    environment = {**ENVIRONMENT, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    for step in steps:  # as GitHub runs them
        subprocess.run(["bash", "-e", "-c", step], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "summary.md").read_text().startswith("| metric | layer_idx |")
    assert (tmp_path / "report.html").stat().st_size > 10_000
