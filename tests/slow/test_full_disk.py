"""A disk that is full, and one that is mounted read-only: a tmpfs of one MiB in place of `logs`."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from micrometric.segment import closed_name
from tests.programs import TROUBLE, check_accounts, environment, program, read_left, run
from tests.test_disk_trouble import MODES, modes

pytestmark = pytest.mark.slow

FILL = """
def fill():
    with open("logs/ballast", "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
"""
EMPTY = "os.unlink('logs/ballast')"


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount a disk of one MiB, or of another size, as the log directory of a program."""
    logs = tmp_path / "logs"
    logs.mkdir()
    size = getattr(request, "param", "1m")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", logs]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode != 0:
        pytest.skip(f"a tmpfs may not be mounted: {mounted.stderr.strip()}")
    yield logs
    subprocess.run(["umount", "-l", logs], check=True)


def endure(directory: Path, body: str, mode: str) -> tuple[dict, int]:
    finished = run(directory, program(FILL + body + "print(os.getpid())", **MODES[mode]))
    assert (finished.returncode, finished.stderr) == (0, "")
    told, pid = finished.stdout.splitlines()
    return json.loads(told), int(pid)


@modes
@pytest.mark.parametrize("before", [0, 100])
def test_all_that_waits_is_written_when_a_full_disk_has_room_again(
    tmp_path, disk, before, mode
) -> None:
    body = TROUBLE.format(before=before, begin="fill()", end=EMPTY)
    told, pid = endure(tmp_path, body, mode)

    assert len(told["told"]) == told["warned"] == 1
    assert told["during"] > 250  # A page that was begun takes some more.
    assert told["after"] == 0
    left = read_left(disk)
    assert left.values("me") == list(range(before + 400))
    assert left.tails == {}
    check_accounts(left, {pid: before + 400})
    assert left.states()[pid] == "ended"


@modes
def test_a_disk_that_fills_by_itself_takes_whole_lines_again_later(tmp_path, disk, mode) -> None:
    """The disk ends in the middle of a line, wherever that is."""
    begin = "fill(); os.truncate('logs/ballast', os.path.getsize('logs/ballast') - 20_480)"
    body = TROUBLE.format(before=37, begin=begin, end=EMPTY)
    told, pid = endure(tmp_path, body, mode)

    assert len(told["told"]) == told["warned"] == 1
    assert 0 < told["during"] < 300
    left = read_left(disk)
    assert left.values("me") == list(range(437))
    check_accounts(left, {pid: 437})


@modes
def test_a_disk_that_is_full_again_and_again_gets_each_event_once(tmp_path, disk, mode) -> None:
    body = """
import json

def log_some(who, events):
    for _ in range(events):
        logger.log("n", next(numbers[who]), {"who": who, "pid": os.getpid()})

def work(who):
    for _ in range(40):
        log_some(who, 20)
        time.sleep(0.005)

threads = [threading.Thread(target=work, args=(f"thread-{n}",)) for n in range(3)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    fill()
    time.sleep(0.02)
    os.unlink("logs/ballast")
    time.sleep(0.02)
logger.close()
print(json.dumps({}))
"""
    finished = run(tmp_path, program(FILL + body + "print(os.getpid())", **MODES[mode]))

    assert finished.returncode == 0
    pid = int(finished.stdout.splitlines()[1])
    left = read_left(disk)
    for number in range(3):
        assert left.values(f"thread-{number}") == list(range(800))
    check_accounts(left, {pid: 2400})


@modes
def test_a_program_that_ends_on_a_full_disk_leaves_whole_lines_and_says_so(
    tmp_path, disk, mode
) -> None:
    body = """
for number in range(100):
    logger.log("n", number, {"who": "me", "pid": os.getpid()})
logger.flush()
fill()
for number in range(100, 1000):
    logger.log("n", number, {"who": "me", "pid": os.getpid()})
"""
    finished = run(tmp_path, program(FILL + body, **MODES[mode]))

    assert finished.returncode == 0
    left = read_left(disk)
    values = left.values("me")
    assert finished.stderr.count("MicrometricWarning:") == 2
    assert "events cannot be written: [Errno 28] No space left on device" in finished.stderr
    lost = f"logging ends while the disk takes nothing: {1000 - len(values)} events are not written"
    assert lost in finished.stderr
    assert values == list(range(len(values)))
    assert 100 <= len(values) < 1000
    for manifest in left.manifests:
        assert manifest.accounting.total.balances
        assert manifest.accounting.total.written <= len(values)


@modes
def test_events_wait_while_a_disk_is_mounted_read_only(tmp_path, disk, mode) -> None:
    remount = "subprocess.run(['mount', '-o', 'remount,{}', 'logs'], check=True)"
    body = TROUBLE.format(before=0, begin=remount.format("ro"), end=remount.format("rw"))
    told, pid = endure(tmp_path, body, mode)

    assert len(told["told"]) == told["warned"] == 1
    assert (told["during"], told["after"]) == (300, 0)
    left = read_left(disk)
    assert Counter(left.values("me")) == Counter(range(400))
    check_accounts(left, {pid: 400})


def test_compacting_on_a_full_disk_leaves_all_as_it_was(tmp_path, disk) -> None:
    path = disk / closed_name("20261123T080000000000Z-r0-11", 0)
    stamp = '"timestamp":"2026-11-23T08:00:00.000000Z"'
    rest = '"metadata":{},"location":"a.f"'
    with path.open("w") as file:
        while file.tell() < 900_000:
            file.write(f'{{{stamp},"metric":"n","value":"{os.urandom(500).hex()}",{rest}}}\n')
    os.utime(path, (0, 0))
    before = path.read_bytes()

    command = [sys.executable, "-m", "micrometric_cli", "compact", disk]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True)

    assert ended.returncode == 2
    assert re.fullmatch(r"micrometric: cannot compact '.*': .*space.*\n", ended.stderr)
    assert [(file, file.read_bytes()) for file in disk.iterdir()] == [(path, before)]
