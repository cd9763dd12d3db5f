"""Spark on a real cluster: a master and two workers, processes of their own, read where files lie.

Needs Java 17.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrometric import MicrometricError, SettingError, summarize
from tests.cli.conftest import SAMPLES
from tests.test_engines import QUESTIONS, answer, assert_same, segments, write

pyspark = pytest.importorskip("pyspark")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
DEPLOY = "org.apache.spark.deploy"


def started(log: Path, *command: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    with log.open("wb") as said:
        return subprocess.Popen(
            [str(CLASS), *command], stdout=said, stderr=subprocess.STDOUT, env=environment
        )


def wait_for(log: Path, pattern: str) -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if found := re.search(pattern, log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a cluster with two workers."""
    folder = tmp_path_factory.mktemp("spark")
    logs = [folder / f"{name}.log" for name in ("master", "one", "two")]
    options = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    processes = [started(logs[0], f"{DEPLOY}.master.Master", *options)]
    try:
        url = wait_for(logs[0], r"spark://127\.0\.0\.1:\d+")
        for log in logs[1:]:
            work = ["--cores", "2", "--memory", "3g", "--work-dir", str(folder / log.stem)]
            processes.append(started(log, f"{DEPLOY}.worker.Worker", *options, *work, url))
        for log in logs[1:]:
            wait_for(log, "Successfully registered with master")
        yield url
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def session(master: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A session that goes on between summaries, as in a notebook."""
    from micrometric.engines.spark_engine import _started

    # A core of each worker, so that others find some too.
    limits = "--conf spark.cores.max=2 --conf spark.executor.cores=1 pyspark-shell"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", limits)
        session = _started(master, str(tmp_path_factory.mktemp("local")))
    yield session
    session.stop()


def test_a_cluster_gives_the_same_figures(master: str) -> None:
    options = {"by": "oracle_top_k,layer_idx", "stats": "count,mean,std,p12.5,p99,first,last,rate"}

    found = summarize(SAMPLES, **options, engine="spark", master=master)

    expected = summarize(SAMPLES, **options)
    assert len(found) == len(expected) > 10
    for row, wanted in zip(found, expected, strict=True):
        assert row == pytest.approx(wanted, rel=1e-9)
    assert found.report.sentences() == expected.report.sentences()


@settings(max_examples=8, deadline=None, suppress_health_check=[*HealthCheck])
@given(segments, st.sampled_from(QUESTIONS))
def test_a_cluster_agrees_however_damaged_the_logs_are(session: object, contents, question) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), contents)

        assert_same(answer(folder, "spark", question), answer(folder, "duckdb", question))


def test_large_files_are_read_in_pieces(
    session: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("micrometric.engines.spark_engine._PIECE", 5_000)
    shutil.copytree(SAMPLES / "topk_attention", tmp_path / "logs")
    path = next((tmp_path / "logs").rglob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:200], b"rubbish\n", *lines[200:], b'{"timest']))

    found = summarize(tmp_path, "layer_idx,head", engine="spark")

    expected = summarize(tmp_path, "layer_idx,head")
    assert [row["count"] for row in found] == [row["count"] for row in expected]
    assert [str(skipped) for skipped in found.report.examples] == [f"{path}:201: not JSON"]
    assert found.report.unfinished == [path]


def test_a_file_that_cannot_be_read_is_one_line(session: object, tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "topk_attention", tmp_path / "logs")
    path = next((tmp_path / "logs").rglob("*.jsonl"))
    code = f"""
import os, sys
from micrometric import query, summarize
before = query.open_engine
def after(*arguments):
    os.unlink({str(path)!r}); os.mkdir({str(path)!r})
    return before(*arguments)
query.open_engine = after
summarize({str(tmp_path)!r}, engine="spark")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("micrometric.errors.MicrometricError: Spark could not finish: ")
    assert "Is a directory" in last


def test_a_master_that_does_not_answer_is_told_at_once() -> None:
    start = time.monotonic()

    with pytest.raises(SettingError, match=r"no Spark master answers at 'spark://127.0.0.1:1'"):
        summarize(SAMPLES, engine="spark", master="spark://127.0.0.1:1")

    assert time.monotonic() - start < 10
    assert issubclass(SettingError, MicrometricError)


def test_the_command_says_nothing_but_its_answer(master: str, tmp_path: Path) -> None:
    options = ["--engine", "spark", "--master", master, "--assume-tz", "UTC", "--stats", "mean"]
    command = [sys.executable, "-m", "micrometric_cli", "summarize", str(SAMPLES), *options]

    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    assert ended.returncode == 0
    assert len(ended.stdout.splitlines()) > 3
    assert [line for line in ended.stderr.splitlines() if "timestamps without" not in line] == []
    assert list(tmp_path.iterdir()) == []
