"""Many processes in one directory: every event once, each file by one process."""

import json
import time
from collections import Counter

import pytest

from tests.programs import Left, check_accounts, finish, program, read_left, run, start, strict

WORK = """
import multiprocessing

def work(who):
    for number in range({events}):
        logger.log("n", number, {{"who": who, "pid": os.getpid()}})
    mark("logged", who, os.getpid())

if __name__ == "__main__":
    log("parent", 70)  # A part of it is pending when the others come.
    {crowd}
"""
PROCESSES = """
    context = multiprocessing.get_context({method!r})
    crowd = [context.Process(target=work, args=(f"child-{{n}}",)) for n in range({size})]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
"""
POOL = """
    with multiprocessing.get_context({method!r}).Pool(4, maxtasksperchild={tasks}) as pool:
        pool.map(work, [f"child-{{n}}" for n in range({size})], chunksize=1)
        pool.close()
        pool.join()
"""


def crowd(code: str, *, events: int, **values: object) -> str:
    return WORK.format(events=events, crowd=code.format(**values).strip())


def check_each_once(left: Left, size: int, events: int) -> None:
    """Check that each of so many children has each of its events in the files once."""
    assert left.tails == {}
    by_child: dict[str, list[int]] = {f"child-{number}": [] for number in range(size)}
    for line in left.lines:
        if line["metadata"]["who"] != "parent":
            by_child[line["metadata"]["who"]].append(line["value"])
    wrong = {who: len(values) for who, values in by_child.items() if values != list(range(events))}
    assert wrong == {}
    assert left.values("parent") == list(range(70))


def check_one_writer_a_file(left: Left) -> None:
    owners = {
        name: {line["metadata"]["pid"] for line in lines}
        for name, lines in left.segments.items()
        if lines
    }
    assert {len(pids) for pids in owners.values()} == {1}
    assert len(set.union(*owners.values())) == len(owners)


@pytest.mark.parametrize(
    ("method", "events"), [("fork", 20_000), ("spawn", 20_000), ("forkserver", 2_000)]
)
def test_eight_processes_log_into_one_directory(tmp_path, method, events) -> None:
    finished = run(tmp_path, program(crowd(PROCESSES, method=method, size=8, events=events)))

    assert finished.stderr == ""
    left = read_left(tmp_path / "logs")
    check_each_once(left, 8, events)
    assert len(left.lines) == 8 * events + 70
    assert len(left.segments) == 9
    check_one_writer_a_file(left)
    marks = [line.split() for line in (tmp_path / "marks").read_text().splitlines()]
    logged = {int(words[2]): events for words in marks if words[1].startswith("child")}
    check_accounts(left, logged)
    assert set(left.states().values()) == {"ended"}
    assert len({manifest.session.launch for manifest in left.manifests}) == 1


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("tasks", [None, 2], ids=["lasting", "replaced"])
def test_a_pool_writes_each_event_once(tmp_path, method, tasks) -> None:
    body = crowd(POOL, method=method, tasks=tasks, size=8, events=500)
    finished = run(tmp_path, program(body))

    assert finished.stderr == ""
    left = read_left(tmp_path / "logs")
    check_each_once(left, 8, 500)
    check_one_writer_a_file(left)
    marks = [line.split() for line in (tmp_path / "marks").read_text().splitlines()]
    tasks_by_pid = Counter(int(words[2]) for words in marks if words[1].startswith("child"))
    check_accounts(left, {pid: 500 * count for pid, count in tasks_by_pid.items()})


CONTENDER = """
print("ready", flush=True)
moment = float(sys.stdin.readline())
while time.time() < moment:
    pass
log(sys.argv[1], 10)
logger.flush()
print("claimed", flush=True)
sys.stdin.readline()  # Until all have claimed: the name of one that ended may be taken.
"""


@pytest.mark.parametrize("earlier", [False, True], ids=["empty", "after-an-ended-session"])
def test_of_sixteen_that_start_at_one_moment_at_most_one_claims_the_plain_name(
    tmp_path, earlier
) -> None:
    if earlier:
        run(tmp_path, program("log('earlier', 30)"))
    contenders = [start(tmp_path, program(CONTENDER), f"contender-{n}") for n in range(16)]
    for process in contenders:
        assert process.stdout.readline() == "ready\n"
    moment = time.time() + 0.1
    for process in contenders:
        process.stdin.write(f"{moment}\n")
        process.stdin.flush()
    for process in contenders:
        assert process.stdout.readline() == "claimed\n"
    finished = [finish(process) for process in contenders]

    assert [(end.returncode, end.stderr) for end in finished] == [(0, "")] * 16
    left = read_left(tmp_path / "logs")
    for number in range(16):
        assert left.values(f"contender-{number}") == list(range(10))
    assert left.values("earlier") == (list(range(30)) if earlier else [])
    check_one_writer_a_file(left)
    assert len(left.segments) == 16 + earlier
    claims = [
        manifest.session.pid
        for manifest in left.manifests
        if manifest.session.plain and manifest.accounting.total.written == 10
    ]
    assert len(claims) <= 1
    plain = left.segments.get("micro_metrics.jsonl", [])
    if claims:
        assert [line["metadata"]["pid"] for line in plain] == claims * 10
    check_accounts(left, {process.pid: 10 for process in contenders})


HEIR = """
log("parent", 1)
logger.flush()
log("parent", 70)
assert len(logger.log_queue) == 70
{fork}
"""
TELL = """
import json
def tell():
    told = {
        "configured": logger.is_logging_configured(),
        "same": MicroMetricLogger() is logger,
        "path": logger.log_path == os.path.abspath("logs"),
        "enabled": sorted(logger.get_enabled_metrics()),
        "every": logger.flush_every,
        "interval": logger.flush_interval,
        "limit": logger.get_max_records(),
        "pending": len(logger.log_queue),
        "logged": logger.get_total_records_logged(),
        "remaining": logger.get_records_remaining(),
    }
    print(json.dumps(told), flush=True)
    log("child", 5)
    logger.flush()
"""
FORKS = {
    "os-fork": """
child = os.fork()
if child == 0:
    tell()
    os._exit(0)
os.waitpid(child, 0)
""",
    "multiprocessing": """
import multiprocessing
child = multiprocessing.get_context("fork").Process(target=tell)
child.start()
child.join()
""",
}


@pytest.mark.parametrize("fork", FORKS)
def test_a_child_inherits_the_configuration_but_no_event(tmp_path, fork) -> None:
    settings = {"flush_every": 900, "flush_interval": 3600.0, "max_records": 200}
    body = TELL + HEIR.format(fork=FORKS[fork]) + "log('parent', 10)"
    finished = run(tmp_path, program(body, **settings))

    assert finished.stderr == ""
    told = json.loads(finished.stdout)
    assert told == {
        "configured": True,
        "same": True,
        "path": True,
        "enabled": ["n"],
        "every": 900,
        "interval": 3600.0,
        "limit": 200,
        "pending": 0,
        "logged": 0,
        "remaining": 200,
    }
    left = read_left(tmp_path / "logs")
    assert left.values("parent") == list(range(81))
    assert left.values("child") == list(range(5))
    check_one_writer_a_file(left)
    assert [line["metadata"]["who"] for line in left.segments["micro_metrics.jsonl"]] == [
        "parent"
    ] * 81


def test_forks_of_forks_write_each_event_once(tmp_path) -> None:
    body = """
def descend(depth):
    log(f"depth-{depth}-{os.getpid()}", 70)
    if depth < 3:
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                return descend(depth + 1)
            children.append(child)
        log(f"depth-{depth}-{os.getpid()}", 70)
        for child in children:
            os.waitpid(child, 0)
    log(f"depth-{depth}-{os.getpid()}", 70)

descend(0)
"""
    finished = run(tmp_path, program(body))

    assert (finished.returncode, finished.stderr) == (0, "")
    left = read_left(tmp_path / "logs")
    everybody = {line["metadata"]["who"] for line in left.lines}
    assert Counter(who.split("-")[1] for who in everybody) == {"0": 1, "1": 2, "2": 4, "3": 8}
    for who in everybody:
        assert left.values(who) == list(range(140 if "depth-3" in who else 210))
    check_one_writer_a_file(left)
    assert set(left.states().values()) == {"ended"}


BUSY = """
stop = threading.Event()

def busy(who):
    while not stop.is_set():
        for _ in range(20):
            logger.log("n", next(numbers[who]), {{"who": who, "pid": os.getpid()}})
        time.sleep(0.0005)  # Not to fill the disk.

threads = [threading.Thread(target=busy, args=(f"busy-{{n}}",)) for n in range(3)]
for thread in threads:
    thread.start()
for turn in range({turns}):
    child = os.fork()
    if child == 0:
        log(f"child-{{turn}}", 70)
        {ending}
    deadline = time.monotonic() + 10
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            mark("stuck", turn)
            break
        time.sleep(0.001)
stop.set()
for thread in threads:
    thread.join()
mark("busy", *(next(numbers[f"busy-{{n}}"]) for n in range(3)))
"""


@pytest.mark.parametrize("ending", ["logger.flush(); os._exit(0)", "sys.exit()"])
@pytest.mark.parametrize(
    "settings",
    [
        {"flush_interval": 0.005, "flush_every": 100},
        {"flush_interval": 3600.0},
        {"flush_interval": None, "flush_every": 7},
    ],
    ids=["thread-writes", "pending", "caller-writes"],
)
def test_a_fork_while_threads_log_hard_neither_hangs_nor_doubles(
    tmp_path, settings, ending
) -> None:
    finished = run(tmp_path, program(BUSY.format(turns=25, ending=ending), **settings))

    assert finished.returncode == 0
    marks = (tmp_path / "marks").read_text().splitlines()
    assert [line for line in marks if line.startswith("stuck")] == []
    left = read_left(tmp_path / "logs")
    for turn in range(25):
        assert left.values(f"child-{turn}") == list(range(70))
    (counts,) = (line.split()[1:] for line in marks if line.startswith("busy"))
    for number, count in enumerate(counts):
        assert left.values(f"busy-{number}") == list(range(int(count)))
    check_one_writer_a_file(left)


START_OTHERS = """
import subprocess
from pathlib import Path

log("parent", 70)
logger.flush()
before = {path.name for path in Path("logs").iterdir()}
log("parent", 70)
LIST = '''
import os
for name in os.listdir("/proc/self/fd"):
    if os.path.exists(f"/proc/self/fd/{name}"):
        print(os.readlink(f"/proc/self/fd/{name}"))
'''
WAYS
assert {path.name for path in Path("logs").iterdir()} == before
log("parent", 10)
"""
WAYS = {
    "subprocess": "subprocess.run([sys.executable, '-c', LIST], close_fds=False)",
    "preexec": "subprocess.run([sys.executable, '-c', LIST], close_fds=False, preexec_fn=int)",
    "posix-spawn": """
child = os.posix_spawn(sys.executable, [sys.executable, "-c", LIST], os.environ)
os.waitpid(child, 0)
""",
    "fork-exec": """
child = os.fork()
if child == 0:
    os.execv(sys.executable, [sys.executable, "-c", LIST])
os.waitpid(child, 0)
""",
    "system": "subprocess.run('true', shell=True); os.system('true')",
}


@pytest.mark.parametrize("way", WAYS)
def test_other_programs_are_started_as_without_the_logger(tmp_path, way) -> None:
    body = START_OTHERS.replace("WAYS", WAYS[way])
    finished = run(tmp_path, program(body, flush_interval=3600.0))

    assert (finished.returncode, finished.stderr) == (0, "")
    assert "micro_metrics" not in finished.stdout  # No file of ours is handed down.
    left = read_left(tmp_path / "logs")
    assert left.values("parent") == list(range(150))
    assert len(left.segments) == len(left.manifests) == 1


def test_one_line_of_many_processes_is_never_torn_by_another(tmp_path) -> None:
    """Lines longer than a page or a pipe's buffer, by processes that write at one time."""
    body = """
import multiprocessing

def work(who):
    for number in range(60):
        logger.log("n", number, {"who": who, "pid": os.getpid(), "pad": who[-1] * 50_000})

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    crowd = [context.Process(target=work, args=(f"child-{n}",)) for n in range(4)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
"""
    run(tmp_path, program(body, flush_every=3, flush_interval=0.01))

    paths = sorted((tmp_path / "logs").glob("*.jsonl"))
    lines = [strict(line) for path in paths for line in path.read_bytes().splitlines()]
    assert len(lines) == 240
    for line in lines:
        assert set(line["metadata"]["pad"]) == {line["metadata"]["who"][-1]}
