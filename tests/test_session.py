"""A session: the names it takes, and what its manifest tells while it goes on."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from micrometric import MicroMetricLogger
from micrometric.manifest import session_state
from micrometric.segment import PLAIN_NAME, active_name
from micrometric.session import new_session
from micrometric.settings import Settings
from tests.sessions import HERE, NOW


def begin(directory: Path, **changes: object):
    options = {
        "settings": Settings(),
        "spec": "all",
        "launch": "one",
        "may_claim": True,
        **changes,
    }
    session = new_session(directory, HERE, NOW, **options)
    session.begin({})
    return session


def test_a_worker_never_claims_the_plain_name(tmp_path: Path) -> None:
    session = begin(tmp_path, may_claim=False)

    assert session.active.path.name == active_name(session.facts.id)
    assert not (tmp_path / PLAIN_NAME).exists()


@pytest.mark.parametrize(("rank", "plain"), [("0", True), ("3", False)])
def test_the_plain_name_is_rank_0s(tmp_path: Path, monkeypatch, rank: str, plain: bool) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "4")

    session = begin(tmp_path)

    assert session.facts.plain == plain
    assert session.facts.rank == int(rank)
    assert f"-r{rank}-" in session.facts.id


def test_a_session_without_thread_promises_no_heartbeat(tmp_path: Path) -> None:
    assert begin(tmp_path).facts.heartbeat_interval == 30.0
    quiet = begin(tmp_path, settings=Settings(flush_interval=None))
    assert quiet.facts.heartbeat_interval is None


def test_the_manifest_of_a_live_session_tells_what_was_written(logs, manifest) -> None:
    MicroMetricLogger.register_metric("m", float, unit="1")
    logger = MicroMetricLogger(logs, 1, metrics_to_log="m")
    logger.log("m", 1.0)

    told = manifest()
    assert told.session is not None
    assert told.session.end is None
    assert told.session.spec == "m"
    assert told.session.segments[0].name == PLAIN_NAME
    assert session_state(told.session, now=datetime.now(UTC), machine=HERE) == "live"
    assert told.metrics["m"].unit == "1"
    logger.close()
    size = (logs / PLAIN_NAME).stat().st_size
    assert manifest().session.segments[0].bytes == size


def test_the_manifest_tells_what_was_enabled_later(logs, manifest) -> None:
    for name in ("a", "b", "c"):
        MicroMetricLogger.register_metric(name, float)
    logger = MicroMetricLogger(logs, 1, metrics_to_log="a,!b")
    logger.log("a", 1.0)
    assert manifest().session.spec == "a,!b"

    logger.enable_metric("c")
    logger.disable_metric("a")
    logger.flush()
    logger.log("c", 1.0)
    logger.close()

    assert manifest().session.spec == "a,!b,!a,c"


def test_a_manifest_that_cannot_be_written_warns_once(logs) -> None:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(logs, 1, metrics_to_log="m")
    logger.log("m", 1.0)
    (path,) = logs.glob("*.manifest.json")
    path.unlink()
    path.mkdir()

    with pytest.warns(UserWarning, match="the manifest cannot be written for now"):
        logger.close()

    assert msgspec.json.decode((logs / PLAIN_NAME).read_bytes())["value"] == 1.0
