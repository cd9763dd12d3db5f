"""Threads, forks, rotation, compression, sampling nothing, and a disk that is full for a while.

Every single event is counted by the program itself, as `log` returns, and looked for in the files.
"""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from micrometric.manifest import read_manifest
from tests.programs import finish, program, start, wait_for
from tests.slow.test_full_disk import FILL, disk

__all__ = ["disk"]  # The mount is that of the full disk, with more room.

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROGRAM = """
import mmap, struct, warnings
warnings.simplefilter("ignore")
THREADS, GENERATIONS, EVENTS = 4, 6, 6_000

# One counter a thread, kept where a killed process leaves it: how many calls have returned.
counters = mmap.mmap(os.open("counters", os.O_RDWR), 8 * THREADS * (1 + GENERATIONS))

def work(process, thread):
    at = 8 * (process * THREADS + thread)
    for number in range(EVENTS):
        logger.log("n", number, {"process": process, "thread": thread, "pad": "x" * (number % 40)})
        struct.pack_into("q", counters, at, number + 1)
        if number % 500 == 0:
            time.sleep(0.02)

def crowd(process):
    threads = [threading.Thread(target=work, args=(process, n)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads

threads = crowd(0)
children = []
for generation in range(1, GENERATIONS + 1):
    time.sleep(0.05)
    if (child := os.fork()) == 0:
        for thread in crowd(generation):
            thread.join()
        wait_for(lambda: os.path.exists("calm"))  # What ends on a full disk cannot write.
        sys.exit()
    children.append(child)
    if generation == 3:
        fill()
        time.sleep(0.5)
        os.unlink("logs/ballast")
        open("calm", "x").close()
for thread in threads:
    thread.join()
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""


def lines_of(logs: Path) -> list[dict]:
    lines = []
    for path in sorted(logs.glob("micro_metrics*.jsonl*")):
        data = path.read_bytes()
        whole = gzip.decompress(data) if path.suffix == ".gz" else data
        assert whole == b"" or whole.endswith(b"\n"), path.name
        lines += [json.loads(line) for line in whole.splitlines()]
    return lines


@pytest.mark.parametrize("disk", ["64m"], indirect=True)
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_every_event_of_a_wild_program_is_in_the_files_once(tmp_path, disk, compression) -> None:
    (tmp_path / "counters").write_bytes(b"\0" * 8 * 4 * 7)
    source = program(
        FILL + PROGRAM,
        flush_interval=0.05,
        flush_every=300,
        rotate_bytes=200_000,
        compression=compression,
    )
    finished = finish(start(tmp_path, source), 200.0)

    assert (finished.returncode, finished.stderr) == (0, "")
    counted = memoryview((tmp_path / "counters").read_bytes()).cast("q").tolist()
    assert counted == [6_000] * 28
    found = Counter(
        (line["metadata"]["process"], line["metadata"]["thread"], line["value"])
        for line in lines_of(disk)
    )
    assert len(found) == 28 * 6_000
    assert set(found.values()) == {1}
    manifests = [read_manifest(path) for path in disk.glob("*.manifest.json")]
    assert len(manifests) == 7
    for manifest in manifests:
        account = manifest.accounting.total
        assert account.balances
        assert (account.logged, account.written, account.failed) == (24_000, 24_000, 0)
        assert manifest.session.end is not None
        assert sum(segment.events for segment in manifest.session.segments) == 24_000
        for segment in manifest.session.segments:
            assert (disk / segment.name).stat().st_size == segment.bytes
    assert not [*disk.glob(".*")]


def test_a_wild_program_that_is_killed_loses_no_more_than_its_last_interval(tmp_path) -> None:
    (tmp_path / "counters").write_bytes(b"\0" * 8 * 4 * 7)
    (tmp_path / "logs").mkdir()
    wild = PROGRAM.replace("fill()", "open('logs/ballast', 'x').close()")
    source = program(wild, flush_interval=0.05, flush_every=300, rotate_bytes=200_000)
    process = start(tmp_path, source)
    counters = tmp_path / "counters"
    wait_for(lambda: sum(memoryview(counters.read_bytes()).cast("q")) > 40_000)
    process.kill()
    (tmp_path / "calm").touch()
    counted_by_parent = memoryview(counters.read_bytes()).cast("q").tolist()[:4]
    finish(process, 60.0)

    numbers: dict[int, list[int]] = {thread: [] for thread in range(4)}
    for path in (tmp_path / "logs").glob("micro_metrics*.jsonl"):
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                continue
            event = json.loads(line)
            if event["metadata"]["process"] == 0:
                numbers[event["metadata"]["thread"]].append(event["value"])
    for thread, logged in enumerate(counted_by_parent):
        assert sorted(numbers[thread]) == list(range(len(numbers[thread])))
        # At most 500 in 20 ms: so many fit into the interval, and then the slice in hand.
        assert logged - len(numbers[thread]) <= 500 * 5
