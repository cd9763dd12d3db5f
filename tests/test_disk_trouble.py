"""Disks that are slow, read-only, gone or used up: `log` goes on, and nothing is lost or doubled.

Each trouble is a program of its own, since it takes limits and rights from its whole process.
`tests/slow/test_full_disk.py` has the troubles that need a file system to be mounted.
"""

import json
import os
from collections import Counter

import pytest

from tests.programs import TROUBLE, Left, check_accounts, program, read_left, run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="limits are those of POSIX")

MODES = {
    "thread": {"flush_interval": 0.02},
    "by-caller": {"flush_interval": None, "flush_every": 10},
    "write-through": {"flush_every": 1},
}
WOKEN_OFTEN = {"flush_interval": 0.02, "flush_every": 2}
modes = pytest.mark.parametrize("mode", MODES)

# Root writes where it may not; without that capability it is as anybody.
AS_ANYBODY = """
import ctypes, os, sys
if os.geteuid() == 0 and len(sys.argv) == 1:
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, sys.argv[0], "as-anybody"])
"""
READ_ONLY = ("os.chmod('logs', 0o555)", "os.chmod('logs', 0o755)")
FILE_IN_PLACE = ("shutil.rmtree('logs'); open('logs', 'x').close()", "os.unlink('logs')")
LINK_TO_NOWHERE = ("shutil.rmtree('logs'); os.symlink('nowhere', 'logs')", "os.unlink('logs')")
# What is open stays open: nothing more can be opened.
NO_DESCRIPTORS = (
    "limits = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))",
    "resource.setrlimit(resource.RLIMIT_NOFILE, limits)",
)
# Stands for a quota that is used up: a part of a line is still taken.
FILE_SIZE = (
    "limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))",
    "resource.setrlimit(resource.RLIMIT_FSIZE, limits)",
)


def endure(directory, trouble, mode, *, before) -> tuple[dict, Left, int]:
    """Run the program of a trouble; return what it told, what it left, and its process id."""
    begin, end = trouble
    body = TROUBLE.format(before=before, begin=begin, end=end)
    source = AS_ANYBODY + program(body + "print(os.getpid())", **MODES[mode])
    finished = run(directory, source)
    assert (finished.returncode, finished.stderr) == (0, "")
    told, pid = finished.stdout.splitlines()
    return json.loads(told), read_left(directory / "logs"), int(pid)


@modes
@pytest.mark.parametrize(
    "trouble",
    [READ_ONLY, FILE_IN_PLACE, LINK_TO_NOWHERE, NO_DESCRIPTORS, FILE_SIZE],
    ids=["read-only", "file-in-place", "link-to-nowhere", "no-descriptors", "file-size"],
)
def test_events_wait_for_the_end_of_a_trouble_that_was_there_first(tmp_path, trouble, mode) -> None:
    told, left, pid = endure(tmp_path, trouble, mode, before=0)

    assert len(told["told"]) == told["warned"] == 1, told["told"]
    assert 250 < told["during"] <= 300  # The file size leaves room for some.
    assert told["after"] == 0
    assert left.values("me") == list(range(400))
    assert left.tails == {}
    check_accounts(left, {pid: 400})
    assert left.states()[pid] == "ended"


@modes
@pytest.mark.parametrize(
    ("trouble", "waiting"),
    [(READ_ONLY, 0), (NO_DESCRIPTORS, 0), (FILE_SIZE, 300)],
    ids=["read-only", "no-descriptors", "file-size"],
)
def test_a_trouble_that_comes_midway_loses_and_doubles_nothing(
    tmp_path, trouble, waiting, mode
) -> None:
    """The segment that is open takes lines although nothing more can be created or opened."""
    told, left, pid = endure(tmp_path, trouble, mode, before=100)

    assert (told["during"], told["after"]) == (waiting, 0)
    assert len(told["told"]) <= 1
    assert bool(waiting) <= len(told["told"])
    assert left.values("me") == list(range(500))
    check_accounts(left, {pid: 500})


@modes
@pytest.mark.parametrize("trouble", [FILE_IN_PLACE, LINK_TO_NOWHERE], ids=["file", "link"])
def test_what_waits_while_the_directory_is_gone_is_written_when_it_can_be(
    tmp_path, trouble, mode
) -> None:
    told, left, pid = endure(tmp_path, trouble, mode, before=100)

    assert len(told["told"]) == told["warned"] == 1, told["told"]
    assert (told["during"], told["after"]) == (300, 0)
    # The first hundred were removed by somebody else.
    assert left.values("me") == list(range(100, 500))
    check_whole_account(left, pid)


@modes
def test_a_directory_that_is_removed_is_made_again(tmp_path, mode) -> None:
    told, left, pid = endure(tmp_path, ("shutil.rmtree('logs')", ""), mode, before=100)

    assert len(told["told"]) <= 1
    assert (told["during"], told["after"]) == (0, 0)
    assert left.values("me") == list(range(100, 500))
    check_whole_account(left, pid)


@modes
def test_a_directory_that_is_replaced_gets_what_is_logged_from_there_on(tmp_path, mode) -> None:
    begin = "os.rename('logs', 'moved'); os.mkdir('logs')"
    told, left, pid = endure(tmp_path, (begin, ""), mode, before=100)

    assert len(told["told"]) <= 1
    moved = read_left(tmp_path / "moved")
    assert Counter(moved.values("me") + left.values("me")) == Counter(range(500))
    assert left.values("me")[-100:] == list(range(400, 500))
    check_whole_account(left, pid)


def check_whole_account(left: Left, pid: int) -> None:
    """Check an account some of whose lines were removed by somebody else."""
    (account,) = (m.accounting.total for m in left.manifests if m.session.pid == pid)
    assert account.balances
    assert (account.logged, account.pending, account.failed) == (500, 0, 0)


@modes
def test_every_call_is_accounted_for_whatever_became_of_it(tmp_path, mode) -> None:
    body = """
import shutil, warnings
warnings.simplefilter("ignore")

class Hostile:
    def __repr__(self):
        raise RuntimeError("no")

def log_some(events):
    for number in range(events):
        value = Hostile() if number % 50 == 0 else number
        logger.log("n", value, {"who": "me", "pid": os.getpid()})

log_some(500)
while True:
    shutil.rmtree("logs", ignore_errors=True)
    try:
        open("logs", "x").close()
        break
    except FileExistsError:
        pass  # The writer was quicker: the directory is back.
log_some(1000)
logger.flush()
os.unlink("logs")
log_some(500)
logger.close()
print(os.getpid())
"""
    settings = {**MODES[mode], "sampling_factor": 0.5, "max_records": 800}
    finished = run(tmp_path, program(body, **settings))

    assert (finished.returncode, finished.stderr) == (0, "")
    left = read_left(tmp_path / "logs")
    (account,) = (manifest.accounting.total for manifest in left.manifests)
    assert account.balances
    assert (account.logged, account.pending) == (2000, 0)
    assert account.sampled_out > 500
    assert account.capped > 100
    assert account.written + account.failed == 800
    # Of the first 500 calls some lines may have been removed with the directory.
    assert account.written - 300 <= len(left.lines) <= account.written


# A slow disk: a FIFO in place of the segment, whose reader takes its time.

FIFO = """
from pathlib import Path

# A later rank's name is its own, whatever file stands there; the plain one would be given up.
os.environ.update(RANK="1", WORLD_SIZE="2")
log_some(1)
logger.flush()
(segment,) = Path("logs").glob("micro_metrics*.jsonl")
segment.unlink()
os.mkfifo(segment)
reader = os.open(segment, os.O_RDONLY | os.O_NONBLOCK)
ended = threading.Event()

def read_to(path, slowly):
    with open(path, "wb") as file:
        while True:
            over = ended.is_set()
            try:
                data = os.read(reader, 4096)
            except BlockingIOError:
                data = b""
            file.write(data)
            if over and not data:
                return
            if slowly or not data:
                time.sleep(0.0005)
"""
LOG_SOME = """
def log_some(events):
    for _ in range(events):
        logger.log("n", next(numbers["me"]), {"who": "me", "pid": os.getpid()})
"""


def drained(directory) -> list[int]:
    *lines, rest = (directory / "drained").read_bytes().split(b"\n")
    assert rest == b""
    return [json.loads(line)["value"] for line in lines]


def test_log_does_not_wait_for_a_disk_that_stands_still(tmp_path) -> None:
    body = """
log_some(20_000)  # More than the pipe holds, and nobody reads.
drain = threading.Thread(target=read_to, args=("drained", False))
drain.start()
logger.close()
ended.set()
drain.join()
segment.unlink()
"""
    finished = run(tmp_path, program(LOG_SOME + FIFO + body, **MODES["thread"]), seconds=20)

    assert (finished.returncode, finished.stderr) == (0, "")
    assert drained(tmp_path) == list(range(1, 20_001))
    (manifest,) = read_left(tmp_path / "logs").manifests
    account = manifest.accounting.total
    assert (account.logged, account.written, account.pending) == (20_001, 20_001, 0)


@modes
def test_a_signal_in_the_middle_of_a_slow_write_changes_nothing(tmp_path, mode) -> None:
    body = """
hits = []
signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
drain = threading.Thread(target=read_to, args=("drained", True))
drain.start()
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
log_some(3000)
logger.flush()
signal.setitimer(signal.ITIMER_REAL, 0)
logger.close()
ended.set()
drain.join()
print(len(hits))
"""
    finished = run(tmp_path, program(LOG_SOME + FIFO + body, **MODES[mode]))

    assert (finished.returncode, finished.stderr) == (0, "")
    assert int(finished.stdout) > 10
    assert drained(tmp_path) == list(range(1, 3001))


@modes
def test_a_signal_handler_that_interrupts_writes_changes_nothing(tmp_path, mode) -> None:
    body = """
hits = []
signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
log_some(10_000)
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(hits), os.getpid())
"""
    finished = run(tmp_path, program(LOG_SOME + body, **MODES[mode]))

    assert (finished.returncode, finished.stderr) == (0, "")
    hits, pid = map(int, finished.stdout.split())
    assert hits > 10
    left = read_left(tmp_path / "logs")
    assert left.values("me") == list(range(10_000))
    check_accounts(left, {pid: 10_000})


@pytest.mark.parametrize("settings", [*MODES.values(), WOKEN_OFTEN], ids=[*MODES, "woken-often"])
def test_a_signal_handler_that_logs_while_its_thread_logs_loses_nothing(tmp_path, settings) -> None:
    count = 4_000 if settings == {"flush_every": 1} else 20_000  # A disk may take 0.1 ms a write.
    body = f"""
def log_count(*_):
    for _ in range(70):  # More than one slice, so that it is encoded in here, too.
        logger.log("n", next(numbers["handler"]), {{"who": "handler", "pid": os.getpid()}})
    if not over:
        signal.setitimer(signal.ITIMER_REAL, 0.0002)  # Here, so that handlers do not pile up.

over = False
signal.signal(signal.SIGALRM, log_count)
log_count()
log_some({count})
over = True
signal.setitimer(signal.ITIMER_REAL, 0)
logger.close()
print(next(numbers["handler"]), os.getpid())
"""
    finished = run(tmp_path, program(LOG_SOME + body, **settings))

    assert (finished.returncode, finished.stderr) == (0, "")
    handled, pid = map(int, finished.stdout.split())
    assert handled > 70 * 10
    left = read_left(tmp_path / "logs")
    assert sorted(left.values("me")) == list(range(count))
    assert sorted(left.values("handler")) == list(range(handled))
    check_accounts(left, {pid: count + handled})


@pytest.mark.parametrize("settings", [*MODES.values(), WOKEN_OFTEN], ids=[*MODES, "woken-often"])
def test_an_interrupt_in_the_middle_of_log_doubles_nothing(tmp_path, settings) -> None:
    """Ctrl-C may come between any two steps; a notebook then goes on with the same logger."""
    body = """
import json, random
from pathlib import Path

class Interrupt(BaseException):
    pass

def interrupt(*_):
    raise Interrupt

log_some(1)
logger.flush()  # The files are there before the first interrupt.
signal.signal(signal.SIGALRM, interrupt)
chance = random.Random(20261123)
returned, number = [0], 0

def burst():
    # At most one comes, and none outside of this function.
    global number
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.001))
    while number < 60_000:
        number += 1
        logger.log("n", number, {"who": "me", "pid": os.getpid()})
        returned.append(number)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for _ in range(10):
        os.getpid()  # One that has come by now is raised in here.

while number < 60_000:
    try:
        burst()
    except Interrupt:
        pass
logger.log("n", 0, {"who": "last", "pid": os.getpid()})
if logger.flush_interval is None:
    logger.flush()
(segment,) = Path("logs").glob("micro_metrics*.jsonl")
wait_for(lambda: b'"last"' in segment.read_bytes(), 5.0)  # Its thread is not stuck.
logger.close()
print(json.dumps(returned))
"""
    finished = run(tmp_path, program(LOG_SOME + body, **settings), seconds=20)

    assert (finished.returncode, finished.stderr) == (0, "")
    returned = json.loads(finished.stdout)
    assert len(returned) < 60_000
    left = read_left(tmp_path / "logs")
    times = Counter(left.values("me"))
    assert [value for value, count in times.items() if count > 1] == []
    assert set(returned) - times.keys() == set()
    (manifest,) = left.manifests
    assert manifest.accounting.total.written == len(left.lines)
