"""Workers of a real Ray: each event once, one launch, and the plain name left alone."""

from collections import Counter

import pytest

from micrometric import iter_events
from tests.programs import run

pytest.importorskip("ray", reason="ray is not installed")

pytestmark = pytest.mark.slow

PROGRAM = """
import os
import time
import ray

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)

@ray.remote
def work(who):
    from micrometric import MicroMetricLogger

    MicroMetricLogger.register_metric("n", int)
    logger = MicroMetricLogger(os.environ["LOGS"], flush_interval=0.1, metrics_to_log="all")
    for number in range(2000):
        logger.log("n", number, {"who": who})
    time.sleep(0.5)  # Ray kills its workers: what they log in the last interval may be lost.

os.environ["LOGS"] = os.path.abspath("logs")
runtime = {"env_vars": {"LOGS": os.environ["LOGS"]}}
ray.get([work.options(runtime_env=runtime).remote(who) for who in range(6)])
ray.shutdown()
"""


def test_workers_log_each_event_once_in_one_launch(tmp_path) -> None:
    finished = run(tmp_path, PROGRAM, seconds=100.0)

    assert finished.returncode == 0, finished.stderr
    events = [*iter_events(tmp_path / "logs")]
    assert Counter((event.metadata["who"], event.value) for event in events) == Counter(
        (who, number) for who in range(6) for number in range(2000)
    )
    assert len({event.launch for event in events}) == 1
    assert not (tmp_path / "logs" / "micro_metrics.jsonl").exists()
