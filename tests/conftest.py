"""A clean world for each test: no configuration, no registration, no environment settings."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from micrometric import MicroMetricLogger
from micrometric.manifest import Manifest, read_manifest
from micrometric.testing import reset
from tests.programs import is_strange

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell; what is started here would inherit it and never be ended.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import os

    for name in [*os.environ]:
        if is_strange(name):
            monkeypatch.delenv(name)
    reset()
    yield
    reset()
    # A session of this test must not hand its launch to the next.
    os.environ.pop("MICROMETRIC_LAUNCH", None)


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[str]:
    from tests.storage import s3_server

    with s3_server() as address:
        yield address


@pytest.fixture(scope="module")
def _network() -> Iterator[None]:
    from tests.storage import no_network_left

    with no_network_left():
        yield


@pytest.fixture
def s3(_s3_server: str, _network: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of S3, which the environment names with credentials for it."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", _s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield _s3_server
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def many_files() -> Iterator[None]:
    """So many open files that what is opened next has a number beyond what select(2) takes."""
    import os
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("this user may not open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1024)]
    yield
    for descriptor in opened:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def logger(logs: Path) -> MicroMetricLogger:
    """A logger that writes before `log` returns, with one float metric `density`."""
    MicroMetricLogger.register_metric("density", float)
    return MicroMetricLogger(logs, flush_every=1, metrics_to_log="all")


@pytest.fixture
def lines(logs: Path) -> Callable[[], list[dict[str, Any]]]:
    """Read the lines of the plain segment as plain JSON."""

    def read() -> list[dict[str, Any]]:
        text = (logs / "micro_metrics.jsonl").read_text()
        assert text.endswith("\n")
        return [json.loads(line, parse_constant=_refuse) for line in text.splitlines()]

    return read


def _refuse(token: str) -> None:
    raise AssertionError(f"{token} is not JSON")


@pytest.fixture
def manifest(logs: Path) -> Callable[[], Manifest]:
    """Read the only manifest of the log directory."""

    def read() -> Manifest:
        (path,) = logs.glob("*.manifest.json")
        return read_manifest(path)

    return read
