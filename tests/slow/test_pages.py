"""Pages that need more than Python: torchrun itself, Spark with Java, a browser for the site."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.terminal import ENVIRONMENT
from tests.test_pages import PAGES, assert_true

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_the_page_on_torchrun_is_true_of_the_real_one(tmp_path: Path) -> None:
    torchrun = tmp_path / "bin" / "torchrun"
    torchrun.parent.mkdir()
    torchrun.write_text(f'#!/bin/sh\nexec {sys.executable} -m torch.distributed.run "$@"\n')
    torchrun.chmod(0o755)
    (tmp_path / "walk").mkdir()

    path = f"{torchrun.parent}:{ENVIRONMENT['PATH']}"
    assert_true(PAGES["how-to/torchrun.md"], tmp_path / "walk", PATH=path)


@pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None, reason="there is no Spark here"
)
def test_the_page_on_spark_is_true(tmp_path: Path) -> None:
    assert_true(PAGES["how-to/spark.md"], tmp_path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_site_works_without_a_network(tmp_path: Path, scheme: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium here")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "docs", tmp_path], check=True)
    asked, said = [], []

    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(color_scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: said.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for path in sorted(tmp_path.rglob("*.html")):
            page.goto(path.as_uri())
            drawn = "Array.from(document.images).every(image => image.naturalWidth > 0)"
            assert page.evaluate(drawn), path
        browser.close()

    assert len(asked) > 100
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
