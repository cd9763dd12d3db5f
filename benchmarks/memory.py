"""`memory`: by how much resident memory grows over very many events, in a process of its own.

Logging as fast as it can for so long is also where a writer that falls behind shows.
Run as a module, this file is that process: it logs and prints the growth in bytes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers import PEERS
from benchmarks.record import count_lines
from benchmarks.recorder import METRIC, VALUE, Log, Peer
from benchmarks.rounds import Measure, Plan, Samples, alternate

MEASURED = ("floor", "micrometric")
"""The others take minutes for so many events."""
WARM_UP = 100_000
"""Events logged before memory is first looked at: caches and buffers are full by then."""
_STATUS = Path("/proc/self/status")


def can_measure() -> bool:
    """Say whether the system tells what a process has resident, and had at most."""
    return _STATUS.exists()


def _take(peers: Sequence[Peer], plan: Plan, root: Path) -> Samples:
    if not can_measure():
        return {}
    measured = [peer for peer in peers if peer.name in MEASURED]
    once = partial(_measure_apart, events=plan.memory_events, root=root)
    return alternate(measured, 1, once)


def _measure_apart(peer: Peer, events: int, root: Path) -> Mapping[str, float]:
    """Measure in a new process, and count what of so many events at full speed is not written."""
    with TemporaryDirectory(dir=root) as directory:
        command = [sys.executable, "-m", "benchmarks.memory", peer.name, directory, str(events)]
        here = Path(__file__).parents[1]
        told = subprocess.run(command, cwd=here, check=True, stdout=subprocess.PIPE, text=True)
        lost = WARM_UP + events - count_lines(Path(directory))
    return {"peak growth, MiB": int(told.stdout) / 2**20, "events lost": lost}


def _growth(peer: Peer, events: int, directory: Path) -> int:
    """Return by how many bytes the peak lies above what was resident after the first events."""
    recorder = peer.open(directory)
    _log(recorder.log, WARM_UP)
    before = _read_status("VmRSS")
    _log(recorder.log, events)
    recorder.close()
    return _read_status("VmHWM") - before


def _log(log: Log, events: int) -> None:
    for index in range(events):
        log(METRIC, VALUE, {"layer_idx": index, "head": 3})


def _read_status(field: str) -> int:
    """Return a size of this process in bytes; VmHWM is the most that was resident so far."""
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(fields[field].split()[0]) * 1024


MEASURE = Measure(
    "memory", "very many events in an empty loop, after the first 100,000", "", None, _take
)

if __name__ == "__main__":
    _name, _directory, _events = sys.argv[1:]
    _peer = next(peer for peer in PEERS if peer.name == _name)
    sys.stdout.write(str(_growth(_peer, int(_events), Path(_directory))))
