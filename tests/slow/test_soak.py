"""Eight processes that log, rotate and compress for minutes under one `tail`.

Nothing is lost, nothing comes twice, and the memory of `tail` does not grow but by a kilobyte for
each file there is. The test itself keeps
a bit for each event, so that it can run for hours.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import pytest

from tests.programs import environment, finish, program, start

SECONDS = float(os.environ.get("MICROMETRIC_SOAK_SECONDS", "600"))
WRITERS = 8
RATE = 12_500
"""Events a second that each process logs, where the machine manages that."""
BATCH = 250
SETTLE = 120.0
"""Seconds within which what was logged must have come, once all processes have ended."""
MEASURE = 2.0
GROWTH = 1.2
SPARE = 10 * 1024
"""Kibibytes of memory that may come and go."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 2 * SETTLE + 60)]

BODY = f"""
who, seconds = int(sys.argv[1]), float(sys.argv[2])
number, begun = 0, time.monotonic()
while (now := time.monotonic() - begun) < seconds:
    for number in range(number, number + {BATCH}):
        logger.log("n", number, {{"who": who}})
    number += 1
    ahead = number / {RATE} - now
    if ahead > 0:
        time.sleep(ahead)
logger.close()
print(number)
"""

_EVENT = re.compile(rb'"value":(\d+),"metadata":\{"who":(\d+)\}')


class Seen:
    """Which numbers came of each writer, a bit each."""

    def __init__(self) -> None:
        self.count = 0
        self.twice: list[tuple[int, int]] = []
        self._bits = [bytearray() for _ in range(WRITERS)]

    def read(self, stream: IO[bytes]) -> None:
        for text in stream:
            match = _EVENT.search(text)
            assert match is not None, text
            self._add(int(match[2]), int(match[1]))

    def missing(self, who: int, count: int) -> list[int]:
        """Return those that did not come, at most twenty."""
        bits = self._bits[who]
        lost = []
        for number in range(count):
            if number >> 3 >= len(bits) or not bits[number >> 3] & 1 << (number & 7):
                lost.append(number)
                if len(lost) == 20:
                    break
        return lost

    def _add(self, who: int, number: int) -> None:
        bits = self._bits[who]
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(bits):
            bits.extend(bytes(place - len(bits) + 4096))
        if bits[place] & bit:
            self.twice.append((who, number))
        bits[place] |= bit
        self.count += 1


class Memory:
    """The resident memory of a process in kibibytes, every few seconds while it is measured."""

    def __init__(self, pid: int) -> None:
        self.sizes: list[int] = []
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._measure)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Check that the last third needed no more than the second sixth."""
        sixth = len(self.sizes) // 6
        early = statistics.median(self.sizes[sixth : 2 * sixth])
        late = statistics.median(self.sizes[-2 * sixth :])
        assert late <= GROWTH * early + SPARE, self.sizes

    def _measure(self) -> None:
        while not self._ended.wait(MEASURE):
            found = re.search(r"VmRSS:\s+(\d+) kB", self._status.read_text())
            assert found is not None
            self.sizes.append(int(found[1]))


def test_eight_processes_lose_and_repeat_nothing_and_memory_does_not_grow(tmp_path: Path):
    settings = {"rotate_seconds": 1, "compression": "gzip", "flush_interval": 0.2}
    source = program(BODY, **settings)
    command = [sys.executable, "-m", "micrometric_cli", "tail", "logs", "-f", "json", "-n", "0"]
    seen = Seen()
    with (
        (tmp_path / "said").open("wb") as told,
        subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=told
        ) as tail,
    ):
        assert tail.stdout is not None
        reader = threading.Thread(target=seen.read, args=(tail.stdout,))
        reader.start()
        memory = Memory(tail.pid)
        try:
            # It waits for the directory, so everything in it is new.
            _wait(lambda: b"waiting for" in (tmp_path / "said").read_bytes(), 30)
            processes = [start(tmp_path, source, who, SECONDS) for who in range(WRITERS)]
            ended = [finish(process, SECONDS + SETTLE) for process in processes]
            counts = [int(one.stdout) for one in ended]
            begun = time.monotonic()
            _wait(lambda: seen.count >= sum(counts), SETTLE, fail=False)
            behind = time.monotonic() - begun
            time.sleep(MEASURE)  # What comes twice may come last.
        finally:
            memory.end()
            tail.kill()
            reader.join()

    facts = {
        "events": sum(counts),
        "per second and writer": round(sum(counts) / WRITERS / SECONDS),
        "behind at the end": round(behind, 2),
        "memory": memory.sizes,
    }
    print(json.dumps(facts))  # noqa: T201 - for whoever runs it with -s
    assert [one.stderr for one in ended] == [""] * WRITERS
    assert seen.twice[:20] == []
    missing = [seen.missing(who, count) for who, count in enumerate(counts)]
    assert missing == [[]] * WRITERS, facts
    assert seen.count == sum(counts)
    # A machine that is busy otherwise may fall behind now and then, and says so.
    said = (tmp_path / "said").read_text().splitlines()
    assert [text for text in said if "waiting for" not in text and " behind " not in text] == []
    memory.check()


def _wait(condition, seconds: float, *, fail: bool = True) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            assert not fail, "waited in vain"
            return
        time.sleep(0.01)
