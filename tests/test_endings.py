"""Every way for a process to end, wherever it logs: what must be in its files afterwards.

Orderly endings lose and double nothing. Abrupt ones leave whole lines, without doubles, of a
prefix of what was logged, and nothing is missing that was logged before a pause that is longer
than the flush interval. The manifest tells which it was.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.programs import Finished, Left, check_accounts, program, read_left, run

INTERVAL = {"flush_interval": 0.05}
BY_CALLER = {"flush_interval": None, "flush_every": 10}
WRITE_THROUGH = {"flush_every": 1}
SETTINGS = {"interval": INTERVAL, "by-caller": BY_CALLER, "write-through": WRITE_THROUGH}

ENDINGS = {
    "return": "pass",
    "exception": "raise LookupError('on purpose')",
    "exit": "sys.exit(3)",
    "interrupt": "signal.raise_signal(signal.SIGINT)",
    "daemon-thread": "leave_daemon_thread(who)",
    "sigterm": "signal.raise_signal(signal.SIGTERM)",
    "sigkill": "os.kill(os.getpid(), signal.SIGKILL)",
    "os-exit": "os._exit(4)",
    "terminated": "mark(who, 'waits'); time.sleep(60)",
}
ORDERLY = ["return", "exception", "exit", "interrupt", "daemon-thread"]
ABRUPT = ["sigterm", "sigkill", "os-exit"]
RETURNCODES = {
    "return": 0,
    "exception": 1,
    "exit": 3,
    "interrupt": -2,
    "daemon-thread": 0,
    "sigterm": -15,
    "sigkill": -9,
    "os-exit": 4,
}

SCENE = """
from datetime import UTC, datetime
from pathlib import Path
from micrometric.machine import this_machine
from micrometric.manifest import read_manifest, session_state

def end(who):
    {ending}

def leave_daemon_thread(who):
    under_way = threading.Event()

    def work():
        log(who + "-daemon", 50)
        under_way.set()
        while True:
            log(who + "-daemon", 1)

    threading.Thread(target=work, daemon=True).start()
    under_way.wait()
    mark(who, "leaves")

def pause(who):
    # Ten times the flush interval: what was logged before must be on the disk after it.
    if {pauses}:
        time.sleep(0.5)
        facts = [read_manifest(path).session for path in Path("logs").glob("*.manifest.json")]
        for own in facts:
            if own.pid == os.getpid():
                state = session_state(own, now=datetime.now(UTC), machine=this_machine())
                mark(who, "is", state)
        mark(who, "paused")

def scene(who):
    log(who, 100)
    pause(who)
    log(who, 100)
    end(who)

def scene_of_thread(who, ending_of):
    '''End while a thread, which is no daemon, goes on logging.'''
    half = threading.Event()

    def work():
        log(who, 100)
        pause(who)
        half.set()
        for _ in range(100):
            log(who, 1)
            time.sleep(0.001)
        if {ending_name!r} in ("exception", "exit"):
            end(who)

    threading.Thread(target=work).start()
    half.wait()
    end(ending_of)
"""

CHILD = """
import multiprocessing

if __name__ == "__main__":
    log("parent", 100)  # A part of it is pending when the child comes.
    child = multiprocessing.get_context({method!r}).Process(target={target}, daemon={daemon})
    child.start()
    {meanwhile}
    child.join()
    log("parent", 10)
"""

POOL = """
import multiprocessing

def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False

def tell_pid(who):
    mark(who, "pid", os.getpid())
    return os.getpid()

if __name__ == "__main__":
    log("parent", 100)
    pool = multiprocessing.get_context({method!r}).Pool(1)
    worker = pool.apply(tell_pid, ("child",))
    task = pool.apply_async(scene, ("child",))
    # A worker that is killed or leaves never answers.
    wait_for(lambda: task.ready() or is_gone(worker))
    if task.ready():
        pool.close()
    else:
        pool.terminate()
    pool.join()
    log("parent", 10)
"""

POOL_BLOCK = """
import multiprocessing

if __name__ == "__main__":
    log("parent", 100)
    with multiprocessing.get_context({method!r}).Pool(1) as pool:
        pool.apply(scene, ("child",))
    pool.join()
    log("parent", 10)
"""

EXECUTOR = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    log("parent", 100)
    context = multiprocessing.get_context({method!r})
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(scene, "child").exception()
    log("parent", 10)
"""

OS_FORK = """
log("parent", 100)
child = os.fork()
if child == 0:
    scene("child")
else:
    os.waitpid(child, 0)
    log("parent", 10)
"""

ASYNCIO = """
import asyncio

async def task(who, events):
    for _ in range(events):
        log(who, 1)
        await asyncio.sleep(0)

async def main():
    await asyncio.gather(task("task-0", 50), task("task-1", 50))
    await asyncio.to_thread(pause, "main")
    log("main", 50)
    neighbour = asyncio.create_task(task("task-2", 10_000))
    await asyncio.sleep(0)
    end("main")
    await asyncio.sleep(0)

asyncio.run(main())
"""


def child(method: str, target: str = "scene", **more: object) -> str:
    """Return a context: a child of multiprocessing."""
    call = {"scene": "scene, args=('child',)"}.get(target, "scene_of_thread, args=('child', '-')")
    values = {"method": method, "target": call, "daemon": False, "meanwhile": "", **more}
    return CHILD.format(**values)


TERMINATE = "wait_for(lambda: marked('child', 'waits')); child.terminate()"
CONTEXTS = {
    "main": "scene('main')",
    "thread": "scene_of_thread('thread', 'main')",
    "asyncio": ASYNCIO,
    "os-fork": OS_FORK,
    "fork": child("fork"),
    "spawn": child("spawn"),
    "forkserver": child("forkserver"),
    "pool-fork": POOL.format(method="fork"),
    "pool-spawn": POOL.format(method="spawn"),
    "executor-fork": EXECUTOR.format(method="fork"),
    "executor-spawn": EXECUTOR.format(method="spawn"),
}
CHILDREN = ["fork", "spawn", "forkserver"]
MORE_CONTEXTS = {
    **{f"daemon-{method}": child(method, daemon=True) for method in CHILDREN},
    **{f"thread-in-{method}": child(method, "thread") for method in CHILDREN},
    **{f"terminated-{method}": child(method, meanwhile=TERMINATE) for method in CHILDREN},
    "pool-block-fork": POOL_BLOCK.format(method="fork"),
    "pool-block-spawn": POOL_BLOCK.format(method="spawn"),
}
IN_MAIN = ("main", "thread", "asyncio")
"""Contexts in which the first process itself ends as the cell says."""


class Cell(NamedTuple):
    """Where it logs, how it ends, and how it is set."""

    context: str
    ending: str
    settings: str = "interval"

    def __str__(self) -> str:
        return "-".join(self)


ORDERLY_CELLS = [
    *(Cell(context, ending) for context in CONTEXTS for ending in ORDERLY),
    *(Cell(f"daemon-{method}", "return") for method in CHILDREN),
    *(Cell(f"thread-in-{method}", ending) for method in CHILDREN for ending in ("return", "exit")),
    *(Cell(context, "return", "by-caller") for context in ("main", "os-fork", "fork", "pool-fork")),
]
ABRUPT_CELLS = [
    *(Cell(context, ending) for context in CONTEXTS for ending in ABRUPT),
    *(Cell(f"terminated-{method}", "terminated") for method in CHILDREN),
    *(Cell(f"pool-block-{method}", "return") for method in ("fork", "spawn")),
    *(
        Cell(context, "sigkill", settings)
        for context in ("main", "os-fork", "pool-fork")
        for settings in ("by-caller", "write-through")
    ),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended, what it left, and what it counted itself."""

    finished: Finished
    left: Left
    marks: list[list[str]]

    def logged(self, who: str) -> list[int]:
        """Return what somebody logged."""
        return [int(words[2]) for words in self.marks if words[:2] == ["logged", who]]

    def logged_before(self, who: str, *words: str) -> list[int]:
        """Return what somebody logged before something was marked."""
        position = self.marks.index(list(words))
        return [int(mark[2]) for mark in self.marks[:position] if mark[:2] == ["logged", who]]

    def pids(self, who: str) -> set[int]:
        """Return the processes that somebody logged in; there should be one."""
        return {int(words[3]) for words in self.marks if words[:2] == ["logged", who]}

    def everybody(self) -> set[str]:
        """Return who logged."""
        return {words[1] for words in self.marks if words[0] == "logged"}

    def in_order(self) -> set[str]:
        """Return who logged in a process that ends in order, but for daemon threads."""
        return {who for who in self.everybody() if not who.endswith("-daemon")}


def play(directory: Path, cell: Cell) -> Outcome:
    """Run the program of a cell and read what it left."""
    scene = SCENE.format(
        ending=ENDINGS[cell.ending], ending_name=cell.ending, pauses=cell in ABRUPT_CELLS
    )
    context = (CONTEXTS | MORE_CONTEXTS)[cell.context]
    finished = run(directory, program(scene + context, **SETTINGS[cell.settings]))
    marks = [line.split() for line in (directory / "marks").read_text().splitlines()]
    return Outcome(finished, read_left(directory / "logs"), marks)


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Cell, Future[Outcome]]]:
    """Play the cells of all chosen tests, four at a time: most of them only wait."""
    chosen = dict.fromkeys(
        item.callspec.params["cell"]
        for item in request.session.items
        if item.path == request.path and "cell" in getattr(item, "callspec", item).params
    )
    directory = tmp_path_factory.mktemp("endings")
    with ThreadPoolExecutor(4) as pool:
        yield {cell: pool.submit(play, directory / str(cell), cell) for cell in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def outcome(cell: Cell, played: dict[Cell, Future[Outcome]]) -> Outcome:
    return played[cell].result()


@pytest.mark.parametrize("cell", ORDERLY_CELLS, ids=str)
def test_an_orderly_ending_loses_and_doubles_nothing(outcome: Outcome) -> None:
    assert outcome.left.tails == {}
    for who in outcome.in_order():
        assert outcome.left.values(who) == outcome.logged(who)
        assert len(outcome.pids(who)) == 1


@pytest.mark.parametrize("cell", ORDERLY_CELLS, ids=str)
def test_the_account_of_an_orderly_ending_is_that_of_the_program(
    cell: Cell, outcome: Outcome
) -> None:
    logged = Counter(int(words[3]) for words in outcome.marks if words[0] == "logged")
    if cell.ending == "daemon-thread":
        # The thread may be stopped between a line and its mark or its account.
        for who in outcome.in_order() - {"parent"}:
            for pid in outcome.pids(who):
                logged.pop(pid, None)

    assert set(outcome.left.states().values()) == {"ended"}
    check_accounts(outcome.left, logged)


@pytest.mark.parametrize(
    "cell", [cell for cell in ORDERLY_CELLS if cell.ending == "daemon-thread"], ids=str
)
def test_a_daemon_thread_loses_nothing_logged_before_the_end_began(outcome: Outcome) -> None:
    (leaver,) = {words[0] for words in outcome.marks if words[1] == "leaves"}
    who = f"{leaver}-daemon"
    values = outcome.left.values(who)

    assert values == list(range(len(values)))
    assert len(values) >= len(outcome.logged_before(who, leaver, "leaves"))
    assert len(values) <= len(outcome.logged(who)) + 1


@pytest.mark.parametrize("cell", ABRUPT_CELLS, ids=str)
def test_an_abrupt_ending_leaves_a_prefix_that_reaches_to_the_last_interval(
    cell: Cell, outcome: Outcome
) -> None:
    for who in outcome.everybody() - {"parent"}:
        values, logged = outcome.left.values(who), outcome.logged(who)
        assert values == list(range(len(values)))
        assert len(values) <= len(logged) + 1  # It may die between a call and its mark.
        kept = {
            "interval": len(outcome.logged_before(who, *paused(outcome))),
            "by-caller": len(logged) - 10,
            "write-through": len(logged),
        }
        assert len(values) >= kept[cell.settings]


def paused(outcome: Outcome) -> list[str]:
    (words,) = (words for words in outcome.marks if words[-1] == "paused")
    return words


@pytest.mark.parametrize("cell", ABRUPT_CELLS, ids=str)
def test_the_manifest_tells_a_session_that_lives_from_one_that_was_killed(
    cell: Cell, outcome: Outcome
) -> None:
    parent = outcome.pids("parent")
    killed = {pid for who in outcome.everybody() for pid in outcome.pids(who)} - parent

    assert [words[2] for words in outcome.marks if words[1] == "is"] == ["live"]
    assert outcome.left.states() == {
        **dict.fromkeys(parent, "ended"),
        **dict.fromkeys(killed, "killed"),
    }
    lines = Counter(line["metadata"]["pid"] for line in outcome.left.lines)
    for manifest in outcome.left.manifests:
        assert manifest.accounting.total.balances
        assert manifest.accounting.total.written <= lines[manifest.session.pid]


@pytest.mark.parametrize("cell", ABRUPT_CELLS, ids=str)
def test_the_parent_of_a_process_that_is_killed_loses_and_doubles_nothing(
    cell: Cell, outcome: Outcome
) -> None:
    logged = outcome.logged("parent")

    assert outcome.left.values("parent") == logged
    assert len(logged) == (0 if cell.context in IN_MAIN else 110)
    check_accounts(outcome.left, {pid: len(logged) for pid in outcome.pids("parent")})


@pytest.mark.parametrize("cell", [*ORDERLY_CELLS, *ABRUPT_CELLS], ids=str)
def test_a_program_ends_as_it_would_without_the_logger(cell: Cell, outcome: Outcome) -> None:
    ends_itself = cell.context in IN_MAIN

    assert outcome.finished.returncode == (RETURNCODES[cell.ending] if ends_itself else 0)
    assert "MicrometricWarning" not in outcome.finished.stderr
    for lines in outcome.left.segments.values():
        assert len({line["metadata"]["pid"] for line in lines}) <= 1
