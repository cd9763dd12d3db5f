"""Spark on a real cluster: a master and two workers, processes of their own, read where files lie.

So they do in a bucket, on a real server of S3. Needs Java 17.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrometric import MicrometricError, NoDataError, SettingError, compact, query, summarize
from micrometric.filesystems import Remote
from micrometric.manifest import Manifest, write_manifest
from micrometric.registry import Metric
from micrometric.remote_file import RemoteFile
from tests.cli.conftest import SAMPLES
from tests.storage import no_network_left, s3_server, upload
from tests.test_engines import QUESTIONS, answer, assert_same, segments, write

pyspark = pytest.importorskip("pyspark")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EVENT = (
    '{"timestamp":"2026-11-23T08:00:13.000000Z","metric":"m","value":%d,"metadata":{},'
    '"location":"a.f"}\n'
)
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
def storage() -> Iterator[str]:
    """The address of a server of S3, which this process and those it starts know how to reach."""
    with s3_server() as address, no_network_left(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", address)
        yield address


@pytest.fixture(scope="module")
def master(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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
    from micrometric.engines.spark_session import started as started_session

    # A core of each worker, so that others find some too.
    pyspark.SparkContext._ensure_initialized()
    properties = pyspark.SparkContext._jvm.java.lang.System
    properties.setProperty("spark.cores.max", "2")
    properties.setProperty("spark.executor.cores", "1")
    session = started_session(master, str(tmp_path_factory.mktemp("local")))
    yield session
    session.stop()


def test_a_cluster_gives_the_same_figures(master: str) -> None:
    options = {"by": "oracle_top_k,layer_idx", "stats": "count,mean,std,p12.5,p99,first,last,rate"}

    found = summarize(SAMPLES, **options, engine="spark", master=master)

    expected = summarize(SAMPLES, **options)
    assert len(found) == len(expected) > 10
    for row, wanted in zip(found, expected, strict=True):
        assert row.keys() == wanted.keys()
        for name, figure in wanted.items():
            number = isinstance(figure, float)
            assert row[name] == (pytest.approx(figure, rel=1e-9) if number else figure), name
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
    monkeypatch.setattr("micrometric.engines.spark_reading.PIECE", 5_000)
    shutil.copytree(SAMPLES / "topk_attention", tmp_path / "logs")
    path = next((tmp_path / "logs").rglob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:200], b"rubbish\n", *lines[200:], b'{"timest']))

    found = summarize(tmp_path, "layer_idx,head", engine="spark")

    expected = summarize(tmp_path, "layer_idx,head")
    assert [row["count"] for row in found] == [row["count"] for row in expected]
    assert [str(skipped) for skipped in found.report.examples] == [f"{path}:201: not JSON"]
    assert found.report.unfinished == [path]


@pytest.fixture
def bucket(storage: str, request: pytest.FixtureRequest) -> Iterator[tuple[str, object]]:
    """The name of a bucket of the test's own, and what fills it."""
    import boto3

    name = f"spark-{abs(hash(request.node.name))}"
    client = boto3.client("s3", endpoint_url=storage)
    yield name, client
    client.close()


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all that this process, and no executor, fetches or opens under URLs."""
    names: list[str] = []
    get, open_ = Remote.get, RemoteFile.open

    def get_and_tell(remote: Remote, place, *rest: object) -> None:
        names.append(place.parts[-1])
        get(remote, place, *rest)

    def open_and_tell(file: RemoteFile) -> object:
        names.append(file.shown)
        return open_(file)

    monkeypatch.setattr(Remote, "get", get_and_tell)
    monkeypatch.setattr(RemoteFile, "open", open_and_tell)
    return names


def test_executors_read_a_bucket_where_it_lies(session, bucket, fetched, tmp_path) -> None:
    """Segments of every form, of which the driver sees the manifests alone."""
    logs = tmp_path / "logs"
    shutil.copytree(SAMPLES, logs)
    plain, first, second = sorted(logs.rglob("micro_metrics*.jsonl"))[:3]
    first.with_name(first.name + ".gz").write_bytes(gzip.compress(first.read_bytes()))
    packed = zstandard.ZstdCompressor().compress(second.read_bytes())
    second.with_name(second.name + ".zst").write_bytes(packed)
    compact(plain, to=tmp_path / "packed", now=datetime(2030, 1, 1, tzinfo=UTC))
    (made,) = (tmp_path / "packed").rglob("*.parquet")
    shutil.copy(made, plain.parent)
    for path in (plain, first, second):
        path.unlink()
    write_manifest(
        logs / "micro_metrics.20261123T080000000000Z-r0-1.manifest.json",
        Manifest({"recall": Metric("float", dims=("head",))}),
    )
    upload(bucket[1], logs, bucket[0], "runs/")
    question = {"by": "oracle_top_k,layer_idx,head", "assume_tz": "UTC"}

    found = summarize(f"s3://{bucket[0]}/runs/", **question, engine="spark")

    expected = summarize(logs, **question)
    assert [row["count"] for row in found] == [row["count"] for row in expected]
    assert [row["p50"] for row in found] == pytest.approx([row["p50"] for row in expected])
    assert fetched
    assert [name for name in fetched if not name.endswith("manifest.json")] == []


def test_large_files_of_a_bucket_are_read_in_pieces(
    session, bucket, fetched, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("micrometric.engines.spark_reading.PIECE", 5_000)
    shutil.copytree(SAMPLES / "topk_attention", tmp_path / "logs")
    path = next((tmp_path / "logs").rglob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:200], b"rubbish\n", *lines[200:], b'{"timest']))
    upload(bucket[1], tmp_path, bucket[0])
    url = f"s3://{bucket[0]}/logs"

    found = summarize(url, "layer_idx,head", engine="spark")

    expected = summarize(tmp_path, "layer_idx,head")
    file = f"{url}/{path.name}"
    assert [row["count"] for row in found] == [row["count"] for row in expected]
    assert [str(skipped) for skipped in found.report.examples] == [f"{file}:201: not JSON"]
    assert found.report.unfinished == [file]
    assert [name for name in fetched if name == file] == [file]  # For the number of the bad line.


def test_what_no_event_has_is_told_without_reading_it_all_here(
    session, bucket, fetched, monkeypatch
) -> None:
    monkeypatch.setattr("micrometric.unknown_keys._GLANCE", 5)
    upload(bucket[1], SAMPLES / "topk_attention", bucket[0])
    url = f"s3://{bucket[0]}"

    with pytest.raises(NoDataError, match="no event has the key 'layr_idx'; did you mean 'layer"):
        summarize(url, "layr_idx", engine="spark")
    found = summarize(url, "layer_idx", where="step < 0", engine="spark")

    assert (found.rows, [name for name in fetched if name.endswith(".jsonl")][1:]) == ([], [])


def test_what_goes_from_a_bucket_meanwhile_is_one_line(
    session, bucket, tmp_path, monkeypatch
) -> None:
    shutil.copytree(SAMPLES / "topk_attention", tmp_path / "logs")
    upload(bucket[1], tmp_path, bucket[0])
    key = next((tmp_path / "logs").rglob("*.jsonl")).relative_to(tmp_path)
    before = query.open_engine

    def after(*arguments: object) -> object:
        bucket[1].delete_object(Bucket=bucket[0], Key=str(key))
        return before(*arguments)

    monkeypatch.setattr(query, "open_engine", after)

    with pytest.raises(MicrometricError, match=rf"cannot read 's3://{bucket[0]}/{key}': it was"):
        summarize(f"s3://{bucket[0]}", engine="spark")


def test_quantiles_may_be_by_a_sketch_and_it_is_said(session, tmp_path) -> None:
    logs = tmp_path / "micro_metrics.jsonl"
    logs.write_text("".join(EVENT % n**2 for n in range(1, 30_001)))
    options = {"by": "metric", "stats": "p50,p99,mean", "engine": "spark"}

    (exact,) = summarize(logs, **options)
    sketched = summarize(logs, **options, approximate=True)
    (again,) = summarize(logs, **options)

    (row,) = sketched
    assert (row["mean"], again) == (exact["mean"], exact)
    for name in ("p50", "p99"):
        assert row[name] != exact[name]
        assert row[name] == pytest.approx(exact[name], rel=1e-3)
    assert "quantiles are approximate, by Spark's percentile_approx" in sketched.report.notes[0]


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
