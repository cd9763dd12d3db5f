"""Many threads, orderly endings, kills and forks."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger
from micrometric.machine import this_machine
from micrometric.manifest import read_manifest, session_state
from tests.loops import register, run_threads, written


def test_every_event_of_every_thread_is_written_once(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 100, 0.01, "all")

    def work() -> None:
        me = threading.current_thread().name
        for count in range(5000):
            logger.log("m", count, {"thread": me})

    run_threads(work, 4)
    logger.close()

    seen = [
        (json.loads(line)["metadata"]["thread"], json.loads(line)["value"])
        for line in (logs / "micro_metrics.jsonl").read_text().splitlines()
    ]
    assert len(seen) == len(set(seen)) == 20_000
    counts = manifest().accounting.total
    assert (counts.logged, counts.written, counts.pending) == (20_000, 20_000, 0)


ENDINGS = {
    "return": "",
    "exception": "raise SystemError",
    "sys-exit": "import sys; sys.exit(3)",
    "later-exit-handler": "",
    "thread": "import threading; threading.Thread(target=lambda: log(3.0)).start()",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_orderly_ending_loses_nothing(tmp_path, ending) -> None:
    script = f"""
import atexit
if {ending == "later-exit-handler"}:
    atexit.register(lambda: log(3.0))  # registered before the logger's own, so it runs after
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("m", float)
logger = MicroMetricLogger("logs", metrics_to_log="all")
def log(value): logger.log("m", value)
log(1.0)
log(2.0)
{ENDINGS[ending]}
"""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True
    )

    extra = [3.0] if ending in ("later-exit-handler", "thread") else []
    assert written(tmp_path / "logs") == [1.0, 2.0, *extra]
    (path,) = (tmp_path / "logs").glob("*.manifest.json")
    told = json.loads(path.read_text())
    assert told["session"]["end"] is not None
    assert told["accounting"]["total"]["written"] == 2 + len(extra)


def test_a_killed_process_leaves_whole_lines_up_to_the_last_interval(tmp_path) -> None:
    script = """
import sys, time
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("m", int)
logger = MicroMetricLogger("logs", flush_interval=0.05, metrics_to_log="all")
for number in range(1000):
    logger.log("m", number)
time.sleep(0.5)
print("waited", flush=True)
while True:
    logger.log("m", -1)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waited\n"
        process.kill()

    *whole, _ = (tmp_path / "logs" / "micro_metrics.jsonl").read_bytes().split(b"\n")
    values = [json.loads(line)["value"] for line in whole]
    assert values[:1000] == list(range(1000))
    assert set(values[1000:]) <= {-1}
    (path,) = (tmp_path / "logs").glob("*.manifest.json")
    facts = read_manifest(path).session
    assert session_state(facts, now=datetime.now(UTC), machine=this_machine()) == "killed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_writes_a_file_of_its_own_and_nothing_of_its_parent(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, 3600.0, "all")
    logger.log("m", 1.0)
    logger.flush()
    logger.log("m", 2.0)
    child = os.fork()
    if child == 0:
        try:
            logger.log("m", 3.0)
            logger.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    logger.close()

    assert written(logs) == [1.0, 2.0]
    (other,) = logs.glob(f"micro_metrics.*-{child}.jsonl")
    assert json.loads(other.read_text())["value"] == 3.0
    manifests = [json.loads(path.read_text()) for path in logs.glob("*.manifest.json")]
    assert len({told["session"]["launch"] for told in manifests}) == 1


def test_threads_that_log_hard_all_get_their_turn(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, 0.01, "m")

    def work() -> None:
        for number in range(5000):
            logger.log("m", number, {"who": threading.get_ident()})

    run_threads(work, 8)
    logger.close()

    assert sorted(written(logs)) == sorted([*range(5000)] * 8)
    assert manifest().accounting.total.written == 40_000
