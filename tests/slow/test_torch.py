"""Values, threads, compilation and launches of a real torch, on the CPU."""

import json
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger, iter_events

torch = pytest.importorskip("torch", reason="torch is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture
def logger(logs) -> MicroMetricLogger:
    MicroMetricLogger.register_metric("any", object)
    MicroMetricLogger.register_metric("off", float)
    return MicroMetricLogger(logs, flush_every=1, metrics_to_log="any")


def values(logs: Path) -> list[object]:
    return [event.value for event in iter_events(logs)]


@pytest.mark.parametrize(
    ("tensor", "written"),
    [
        (torch.tensor(0.25, dtype=torch.bfloat16), 0.25),
        (torch.tensor([0.5, 1.5], dtype=torch.float16), [0.5, 1.5]),
        (torch.tensor(0.1, dtype=torch.float64), 0.1),
        (torch.tensor(True), True),
        (torch.tensor([[True], [False]]), [[True], [False]]),
        (torch.tensor(2**62 + 1), 2**62 + 1),
        (torch.tensor(255, dtype=torch.uint8), 255),
        (torch.tensor([]), []),
        (torch.tensor(1.5, requires_grad=True), 1.5),
        (torch.tensor([1.0], requires_grad=True) * 2, [2.0]),
        (torch.tensor([1.0, float("inf")]), [1.0, float("inf")]),
        (torch.arange(6.0).reshape(2, 3)[:, 1], [1.0, 4.0]),
        (torch.nn.Parameter(torch.ones(2)), [1.0, 1.0]),
        (torch.Size([2, 3]), [2, 3]),
        (torch.float32, "torch.float32"),
    ],
    ids=str,
)
def test_a_tensor_is_written_as_its_numbers(logger, logs, tensor, written) -> None:
    logger.log("any", tensor, {"key": tensor})

    (event,) = iter_events(logs)
    assert event.value == written
    assert type(event.value) is type(written)
    assert event.metadata["key"] == (
        written if written != [1.0, float("inf")] else [1.0, "Infinity"]
    )


@pytest.mark.parametrize(
    "tensor",
    [torch.ones(2, device="meta"), torch.eye(2).to_sparse(), torch.tensor(1 + 2j)],
    ids=["meta", "sparse", "complex"],
)
def test_a_tensor_without_plain_numbers_is_kept_by_its_repr(logger, logs, tensor) -> None:
    logger.log("any", tensor)

    (event,) = iter_events(logs)
    assert isinstance(event.value, str)


def test_a_view_that_is_changed_after_the_call_is_written_as_it_was(logs) -> None:
    MicroMetricLogger.register_metric("any", object)
    logger = MicroMetricLogger(logs, 1000, 60.0, "all")
    base = torch.zeros(4)
    for _ in range(100):
        logger.log("any", base[1:3], {"view": base[0]})
        base += 1
    logger.flush()

    expected = [[float(number)] * 2 for number in range(100)]
    assert values(logs) == expected
    assert [event.metadata["view"] for event in iter_events(logs)] == [
        float(number) for number in range(100)
    ]


def test_inference_mode_changes_nothing(logger, logs) -> None:
    with torch.inference_mode():
        logger.log("any", torch.ones(1).sum())

    assert values(logs) == [1.0]


def test_a_hook_on_another_thread_sees_the_process_context_alone(logger, logs) -> None:
    """Autograd runs the hooks of a device on a thread of its own; here we start one."""
    logger.set_context(run="a")
    weight = torch.ones(2, requires_grad=True)
    weight.register_hook(lambda grad: logger.log("any", grad.sum()))

    with logger.context(step=1):
        thread = threading.Thread(target=lambda: (weight * 3).sum().backward())
        thread.start()
        thread.join()
        (weight * 3).sum().backward()

    assert values(logs) == [6.0, 6.0]
    assert [event.metadata for event in iter_events(logs)] == [
        {"run": "a"},
        {"run": "a", "step": 1},
    ]


# torch.compile.


def guarded_by_held(logger, x):
    if logger.is_metric_enabled("off"):
        logger.log("off", x.sum())
    return x * 2 + 1


def guarded_by_call(_, x):
    if MicroMetricLogger().is_metric_enabled("off"):
        MicroMetricLogger().log("off", x.sum())
    return x * 2 + 1


@pytest.mark.parametrize("function", [guarded_by_held, guarded_by_call])
def test_the_guard_of_a_metric_that_is_off_breaks_no_graph(logger, function) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(function, backend="eager", fullgraph=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = compiled(logger, torch.ones(2))
        explained = torch._dynamo.explain(function)(logger, torch.ones(2))

    assert result.tolist() == [3.0, 3.0]
    assert explained.graph_break_count == 0


COMPILED = """
import sys, warnings
warnings.simplefilter("ignore")
import torch
from micrometric import MicroMetricLogger, iter_events
MicroMetricLogger.register_metric("any", object)
logger = MicroMetricLogger("logs", metrics_to_log="all")

class Layer(torch.nn.Module):
    def forward(self, x):
        logger.log("any", (x * 2).sum(), {"layer_idx": 1})
        logger.log("any", 0.5)
        return x + 1

layer = torch.compile(Layer(), backend="eager")
for number in range(5):
    layer(torch.ones(3) * number)
logger.close()
for event in iter_events("logs"):
    print(event.value, event.location)
print(torch._dynamo.explain(Layer())(torch.ones(3)).graph_break_count)
"""


def test_log_breaks_a_graph_and_writes_what_it_would_without(tmp_path) -> None:
    (tmp_path / "program.py").write_text(COMPILED)
    told = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    *events, breaks = told.stdout.splitlines()
    assert events == [
        f"{value} __main__.Layer.forward" for number in range(5) for value in (6.0 * number, 0.5)
    ]
    assert int(breaks) >= 1


# torchrun.

RANK = """
import os
import torch.distributed as dist
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("any", float)
logger = MicroMetricLogger("logs", metrics_to_log="all")
dist.init_process_group("gloo")
for step in range(1000):
    logger.log("any", float(dist.get_rank()), {"step": step})
dist.destroy_process_group()
"""


def test_torchrun_labels_each_rank_and_one_launch(tmp_path) -> None:
    (tmp_path / "train.py").write_text(RANK)
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "train.py"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    events = [*iter_events(tmp_path / "logs")]
    assert len(events) == 4000
    assert all(event.value == event.rank for event in events)
    launches = {event.launch for event in events}
    assert len(launches) == 2
    for launch in launches:
        counts = [event.rank for event in events if event.launch == launch]
        assert (counts.count(0), counts.count(1)) == (1000, 1000)
    plain = (tmp_path / "logs" / "micro_metrics.jsonl").read_text().splitlines()
    assert {json.loads(line)["value"] for line in plain} == {0.0}
