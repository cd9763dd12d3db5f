"""Processes killed at random moments in the middle of writing, and segments cut at every byte."""

import json
import mmap
import random
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger, iter_events
from micrometric.report import Report
from tests.programs import finish, read_left, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 200
LANES = 2
"""Kills that go on at one time; more would make the processes wait for a processor."""
TOLERANCE = 0.2
"""Seconds that a thread may have to wait for its turn on a machine that is busy."""
MOST_EVENTS = 400_000
_HEAD = struct.Struct("<q")

# A nursery has imported the library once and forks the processes that are to be killed. Each
# notes the moment of each call before it makes it, in memory that survives it.
NURSERY = """
import json, mmap, os, random, signal, struct, sys, time
from micrometric import MicroMetricLogger

MicroMetricLogger.register_metric("n", int)
MOST = int(sys.argv[1])

def work(plan):
    logger = MicroMetricLogger(
        plan["logs"],
        metrics_to_log="all",
        flush_interval=plan["flush_interval"],
        flush_every=plan["flush_every"],
    )
    chance = random.Random(plan["seed"])
    sizes = [chance.choice([0, 10, 100, 1000, plan["longest"]]) for _ in range(97)]
    pads = ["\\u00e4x\\n\\"" * (size // 4) for size in sizes]
    pause = plan["pause"]
    shared, note = plan["memory"], struct.Struct("<q").pack_into
    for number in range(MOST):
        note(shared, 8 * number, time.monotonic_ns())
        logger.log("n", number, {"who": "me", "pid": 0, "pad": pads[number % 97]})
        if number % plan["burst"] == 0:
            time.sleep(pause)
    time.sleep(60)

for line in sys.stdin:
    plan = json.loads(line)
    with open(plan["stamps"], "w+b") as file:
        file.truncate(8 * MOST)
        plan["memory"] = mmap.mmap(file.fileno(), 8 * MOST)
    child = os.fork()
    if child == 0:
        work(plan)
    while plan["memory"][:8] == bytes(8):
        time.sleep(0.001)
    time.sleep(plan["delay"])
    killed = time.monotonic_ns()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    plan["memory"].close()
    print(killed, flush=True)
"""


def make_plan(directory: Path, number: int) -> dict:
    chance = random.Random(20261123 + number)
    return {
        "logs": str(directory / f"{number}" / "logs"),
        "stamps": str(directory / f"{number}" / "stamps"),
        "seed": number,
        "flush_interval": round(chance.uniform(0.01, 0.2), 3),
        "flush_every": chance.choice([1, 2, 10, 100, 500, 1000]),
        "longest": chance.choice([100, 5000, 100_000]),
        "burst": chance.choice([1, 1, 16]),
        "pause": chance.choice([0.0005, 0.001, 0.003]),
        "delay": chance.uniform(0.0, 0.7),
    }


def lane(directory: Path, plans: list[dict]) -> list[tuple[dict, int]]:
    """Carry out some plans one after the other; return them with the moment of the kill."""
    process = start(directory, NURSERY, MOST_EVENTS)
    killed = []
    for plan in plans:
        Path(plan["logs"]).parent.mkdir()
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        killed.append((plan, int(process.stdout.readline())))
    finished = finish(process)
    assert (finished.returncode, finished.stderr) == (0, "")
    return killed


def stamps_of(path: str) -> list[int]:
    """Return the moments of the calls of `log`, in nanoseconds."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as shared:
        stamps = []
        for (stamp,) in _HEAD.iter_unpack(shared):
            if stamp == 0:
                break
            stamps.append(stamp)
    return stamps


def test_a_kill_in_the_middle_of_writing_leaves_a_prefix_up_to_the_last_interval(tmp_path) -> None:
    plans = [make_plan(tmp_path, number) for number in range(KILLS)]
    with ThreadPoolExecutor(LANES) as pool:
        lanes = pool.map(
            lambda n: lane(tmp_path / f"lane-{n}", plans[n::LANES]), range(LANES), timeout=500
        )
        killed = [one for outcomes in lanes for one in outcomes]

    assert len(killed) == KILLS
    late, torn, events = [], 0, 0
    for plan, moment in killed:
        left = read_left(Path(plan["logs"]))
        values, stamps = left.values("me"), stamps_of(plan["stamps"])
        assert values == list(range(len(values))), plan
        assert len(values) <= len(stamps)
        assert len(left.tails) <= 1
        torn += len(left.tails)
        events += len(values)
        missing = stamps[len(values)] if len(values) < len(stamps) else moment
        # The last call had only begun when nothing waits between call and disk.
        interval = plan["flush_interval"] if plan["flush_every"] > 1 else 0.0
        if (moment - missing) / 1e9 > interval + TOLERANCE:
            late.append(((moment - missing) / 1e9, plan))
        if plan["flush_every"] == 1:
            assert len(values) >= len(stamps) - 1
        for manifest in left.manifests:
            assert manifest.accounting.total.balances
            assert manifest.accounting.total.written <= len(values)
        check_reading(Path(plan["logs"]), values, bool(left.tails))
    assert late == []
    assert events > 20 * KILLS


def check_reading(logs: Path, values: list[int], torn: bool) -> None:
    """Check that the reader finds the events that are whole, and calls nothing else damaged."""
    if not values:
        return
    report = Report()
    read = [event.value for event in iter_events(logs, report=report)]
    # An event that lacks only its newline is whole, too.
    assert read[: len(values)] == values
    assert len(read) - len(values) + len(report.unfinished) == torn
    assert report.skipped == 0


def test_a_segment_cut_at_any_byte_reads_as_a_prefix_of_its_events(tmp_path) -> None:
    MicroMetricLogger.register_metric("any", object)
    logger = MicroMetricLogger(tmp_path / "logs", flush_every=1000, metrics_to_log="all")
    values = [
        *(0, -1, 10**30, 0.1, 1e300, float("nan"), float("-inf"), True, None),
        *("", 'quote " and \\ and \n', "ä€😀", "}", "x" * 300),
        *([1, [2, {"a": "]"}]], {"k": {"deep": [None, "}\n"]}}, {}, []),
    ]
    for number, value in enumerate(values):
        logger.log("any", value, {"step": number, "text": "{ü}\n"})
    logger.close()
    whole = (tmp_path / "logs" / "micro_metrics.jsonl").read_bytes()
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(whole)
    everything = [repr(event) for event in iter_events(cut)]
    assert len(everything) == len(values)

    for size in range(len(whole), -1, -1):
        with cut.open("r+b") as file:
            file.truncate(size)
        report = Report()

        read = [repr(event) for event in iter_events(cut, report=report)]

        lines = whole[:size].count(b"\n")
        lacks_only_its_newline = whole[size : size + 1] == b"\n"
        assert read == everything[: lines + lacks_only_its_newline]
        assert report.skipped == 0
