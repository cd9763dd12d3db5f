"""Whose file is whose: claiming the plain name, archiving, manifests, and who still lives."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from micrometric import ManifestError, MicroMetricLogger, PathError, place
from micrometric.claim import claim_plain_name
from micrometric.machine import Machine, this_machine
from micrometric.manifest import (
    Accounting,
    Counts,
    Manifest,
    SessionFacts,
    merge_metrics,
    read_manifest,
    session_state,
    write_manifest,
)
from micrometric.registry import Metric
from micrometric.segment import (
    PLAIN_NAME,
    active_name,
    closed_name,
    is_manifest_name,
    manifest_name,
    new_session_id,
    parse_segment_name,
)
from micrometric.session import new_session
from micrometric.settings import Settings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HERE = this_machine()
OURS = new_session_id(NOW, "ours", os.getpid())
GONE = 2**22 + 1  # Linux gives out no pid above 2^22.


def facts(**changes: object) -> SessionFacts:
    pid = changes.get("pid", os.getpid())
    start = changes.get("start", NOW)
    return SessionFacts(
        **{
            "id": new_session_id(start, "host", pid),
            "host": HERE.host,
            "boot": HERE.boot,
            "pid": pid,
            "plain": True,
            **changes,
            "start": start.isoformat(),
            "heartbeat": changes.get("heartbeat", start.isoformat()),
        }
    )


def leave(directory: Path, **changes: object) -> SessionFacts:
    """Leave behind the plain segment and the manifest of a session."""
    session = facts(**changes)
    directory.mkdir(exist_ok=True)
    (directory / PLAIN_NAME).write_text(f"{session.id}\n")
    write_manifest(directory / manifest_name(session.id), Manifest({}, session))
    return session


# Names.


def test_a_session_id_sorts_by_time_and_carries_its_start() -> None:
    start = datetime(2026, 11, 23, 8, 29, 37, 581670, tzinfo=UTC)

    assert new_session_id(start, "r0", 4711) == "20261123T082937581670Z-r0-4711"
    assert new_session_id(start, "my-host.local/ä", 1).endswith("-my_host_local__-1")
    assert new_session_id(start, "", 1).endswith("-_-1")
    assert parse_segment_name(active_name(new_session_id(start, "x" * 200, 1))) is not None


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_names_are_read_back(suffix: str) -> None:
    session = new_session_id(NOW, "r0", 1)

    closed = parse_segment_name(closed_name(session, 3, suffix))
    assert closed is not None
    assert (closed.session, closed.index, closed.suffix) == (session, 3, suffix)
    active = parse_segment_name(active_name(session))
    assert active is not None
    assert (active.session, active.index) == (session, None)
    plain = parse_segment_name(PLAIN_NAME)
    assert plain is not None
    assert (plain.session, plain.index) == (None, None)
    assert is_manifest_name(manifest_name(session))


@pytest.mark.parametrize("short", ["gz", "zst"])
def test_compressed_names_may_leave_out_jsonl(short: str) -> None:
    name = parse_segment_name(f"micro_metrics.20261123T082937581670Z-r0-4711.0.{short}")

    assert name is not None
    assert name.suffix == f".jsonl.{short}"


@pytest.mark.parametrize(
    "name",
    [
        "other.jsonl",
        "micro_metrics.json",
        "micro_metrics.jsonl.tmp",
        "micro_metrics.notasession.jsonl",
        "micro_metrics.20261123T082937581670Z-r0-4711.x.jsonl",
        "micro_metrics.jsonl\n",
        "xmicro_metrics.jsonl",
        manifest_name("20261123T082937581670Z-r0-4711"),
    ],
)
def test_other_names_are_not_ours(name: str) -> None:
    assert parse_segment_name(name) is None


# Claiming.


def test_the_first_session_gets_the_plain_name(tmp_path: Path) -> None:
    assert claim_plain_name(tmp_path, HERE, NOW, OURS)
    assert (tmp_path / PLAIN_NAME).read_bytes() == b""


def test_only_one_contender_creates_the_plain_name(tmp_path: Path) -> None:
    assert [claim_plain_name(tmp_path, HERE, NOW, OURS) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    "ended",
    [
        {"end": NOW.isoformat()},
        {"pid": GONE},
        {"process_start": "another process with this pid"},
        {"host": "elsewhere", "heartbeat_interval": 1.0},
    ],
    ids=["told", "pid-gone", "pid-reused", "heartbeat-stale"],
)
def test_the_segment_of_an_ended_session_is_archived_under_its_own_name(
    tmp_path: Path, ended: dict[str, object]
) -> None:
    session = leave(tmp_path, **ended)

    assert claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=1), OURS)

    assert (tmp_path / closed_name(session.id, 0)).read_text() == f"{session.id}\n"
    assert (tmp_path / PLAIN_NAME).read_bytes() == b""


@pytest.mark.parametrize(
    "living",
    [
        {"process_start": HERE.process_start(os.getpid())},
        {"host": "elsewhere", "heartbeat_interval": 30.0},
        {"host": "elsewhere"},
        {"boot": "another boot"},
    ],
    ids=["here", "elsewhere", "elsewhere-unknown", "another-boot-unknown"],
)
def test_the_segment_of_a_session_that_may_live_is_left_alone(
    tmp_path: Path, living: dict[str, object]
) -> None:
    session = leave(tmp_path, **living)

    assert not claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=1), OURS)

    assert (tmp_path / PLAIN_NAME).read_text() == f"{session.id}\n"


def test_a_file_of_the_original_logger_is_archived_when_it_was_quiet(tmp_path: Path) -> None:
    plain = tmp_path / PLAIN_NAME
    plain.write_text("old\n")
    written = NOW.timestamp()
    os.utime(plain, (written, written))

    assert not claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=9), OURS)
    assert claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=11), OURS)

    assert (tmp_path / closed_name("20261123T120000000000Z-original-0", 0)).read_text() == "old\n"


def test_the_plain_name_belongs_to_the_last_that_claimed_it(tmp_path: Path) -> None:
    leave(tmp_path, end=NOW.isoformat())
    leave(tmp_path, start=NOW + timedelta(hours=1), process_start=HERE.process_start(os.getpid()))

    assert not claim_plain_name(tmp_path, HERE, NOW + timedelta(hours=2), OURS)


def test_a_contender_that_was_slower_leaves_everything_as_it_is(tmp_path: Path) -> None:
    session = leave(tmp_path, end=NOW.isoformat())
    archive = tmp_path / closed_name(session.id, 0)
    os.link(tmp_path / PLAIN_NAME, archive)  # Another has won, and is about to go on.

    assert not claim_plain_name(tmp_path, HERE, NOW, OURS)

    assert (tmp_path / PLAIN_NAME).samefile(archive)


def test_a_name_that_is_being_claimed_is_left_alone(tmp_path: Path) -> None:
    """Between taking the name and telling so, nothing but this protects a live session."""
    leave(tmp_path, end=NOW.isoformat())
    leave(
        tmp_path,
        start=NOW + timedelta(seconds=1),
        plain=False,
        claims_plain=True,
        process_start=HERE.process_start(os.getpid()),
    )

    assert not claim_plain_name(tmp_path, HERE, NOW, OURS)


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_segment_closed_after_the_last_manifest_keeps_its_name(tmp_path: Path, suffix) -> None:
    session = leave(tmp_path, pid=GONE)
    closed = tmp_path / closed_name(session.id, 0, suffix)
    closed.write_text("closed just before the end\n")

    assert claim_plain_name(tmp_path, HERE, NOW, OURS)

    assert closed.read_text() == "closed just before the end\n"
    assert (tmp_path / closed_name(session.id, 1)).read_text() == f"{session.id}\n"


def test_a_segment_that_was_swapped_meanwhile_is_not_archived(tmp_path: Path) -> None:
    session = leave(tmp_path, end=NOW.isoformat())

    def slow_link(source: Path, target: Path) -> None:
        source.unlink()
        source.write_text("a live session's\n")
        # The old inode is held, so that the new file cannot have its number.
        os.link(source, target)

    keep = (tmp_path / PLAIN_NAME).open()
    assert not claim_plain_name(tmp_path, HERE, NOW, OURS, link=slow_link)
    keep.close()

    assert (tmp_path / PLAIN_NAME).read_text() == "a live session's\n"
    assert not (tmp_path / closed_name(session.id, 0)).exists()


def test_without_hard_links_the_session_takes_its_own_name(tmp_path: Path) -> None:
    leave(tmp_path, end=NOW.isoformat())

    def no_link(*_: Path) -> None:
        raise PermissionError

    assert not claim_plain_name(tmp_path, HERE, NOW, OURS, link=no_link)


def test_a_broken_manifest_beside_it_does_not_hinder_a_session(tmp_path: Path) -> None:
    session = leave(tmp_path, end=NOW.isoformat())
    (tmp_path / manifest_name(new_session_id(NOW, "z", 1))).write_text("{")

    assert claim_plain_name(tmp_path, HERE, NOW, OURS)
    assert (tmp_path / closed_name(session.id, 0)).exists()


def begin(directory: Path, **changes: object):
    options = {
        "settings": Settings(),
        "spec": "all",
        "launch": "one",
        "may_claim": True,
        **changes,
    }
    session = new_session(directory, HERE, NOW, **options)
    session.begin({})
    return session


def test_a_worker_never_claims_the_plain_name(tmp_path: Path) -> None:
    session = begin(tmp_path, may_claim=False)

    assert session.active.path.name == active_name(session.facts.id)
    assert not (tmp_path / PLAIN_NAME).exists()


@pytest.mark.parametrize(("rank", "plain"), [("0", True), ("3", False)])
def test_the_plain_name_is_rank_0s(tmp_path: Path, monkeypatch, rank: str, plain: bool) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "4")

    session = begin(tmp_path)

    assert session.facts.plain == plain
    assert session.facts.rank == int(rank)
    assert f"-r{rank}-" in session.facts.id


def test_a_session_without_thread_promises_no_heartbeat(tmp_path: Path) -> None:
    assert begin(tmp_path).facts.heartbeat_interval == 30.0
    quiet = begin(tmp_path, settings=Settings(flush_interval=None))
    assert quiet.facts.heartbeat_interval is None


# Rank and launch.


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, None),
        ({"RANK": "3"}, None),
        ({"RANK": "3", "WORLD_SIZE": "4"}, 3),
        ({"SLURM_PROCID": "2", "SLURM_JOB_ID": "77"}, 2),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, 1),
        ({"PMI_RANK": "5", "PMI_SIZE": "8"}, 5),
        ({"RANK": "x", "WORLD_SIZE": "4"}, None),
    ],
)
def test_the_rank_is_what_the_launcher_says(environment, rank) -> None:
    assert place.rank(environment) == rank


def test_a_process_hands_its_launch_to_its_children() -> None:
    environment: dict[str, str] = {}

    assert place.launch(environment, "mine", HERE) == "mine"
    assert place.launch(environment, "child", HERE) == "mine"


@pytest.mark.parametrize(
    ("environment", "launch"),
    [
        ({"SLURM_JOB_ID": "77"}, "77.0"),
        ({"SLURM_JOB_ID": "77", "SLURM_RESTART_COUNT": "2"}, "77.2"),
        ({"TORCHELASTIC_RUN_ID": "run", "TORCHELASTIC_RESTART_COUNT": "1"}, "run.1"),
        ({"PMIX_NAMESPACE": "prterun-host-1@1"}, "prterun-host-1@1.0"),
    ],
)
def test_a_job_names_the_launch_and_its_restarts(environment, launch) -> None:
    assert place.launch(environment, "own", HERE) == launch


def test_ranks_whose_job_has_no_name_share_the_launch_of_their_parent() -> None:
    torchrun = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2"}
    first = place.launch({**torchrun, "RANK": "0"}, "own", HERE)
    second = place.launch({**torchrun, "RANK": "1"}, "own", HERE)
    again = place.launch({**torchrun, "RANK": "0", "TORCHELASTIC_RESTART_COUNT": "1"}, "own", HERE)

    assert first == second
    assert again != first


def test_a_worker_of_a_rank_shares_its_launch() -> None:
    environment = {"RANK": "0", "WORLD_SIZE": "2"}
    launch = place.launch(environment, "own", HERE)

    elsewhere = Machine("another parent", "boot")
    assert place.launch(environment, "own", elsewhere) == launch


def test_configuring_again_is_a_launch_of_its_own() -> None:
    environment: dict[str, str] = {}
    first = place.launch(environment, "first", HERE)

    assert place.launch(environment, "second", HERE, [first]) == "second"
    assert environment[place.LAUNCH_VARIABLE] == "second"
    job = {"SLURM_JOB_ID": "77"}
    assert place.launch(job, "own", HERE, ["77.0"]) == "77.0.1"
    assert place.launch(job, "own", HERE, ["77.0", "77.0.1"]) == "77.0.2"


def test_the_label_is_the_rank_or_the_host() -> None:
    assert place.label(3, "host") == "r3"
    assert place.label(None, "host") == "host"


def test_the_program_is_named_without_its_arguments(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/me/train.py", "--token", "secret"])
    assert place.program_name() == "train.py"
    monkeypatch.setattr(sys, "argv", [""])
    assert place.program_name() is None


def test_a_spawned_worker_is_a_child(tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(
        "import multiprocessing, os\n"
        "from micrometric import place\n"
        "def work(queue): queue.put(place.is_child(os.environ))\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    worker = context.Process(target=work, args=(queue,))\n"
        "    worker.start(); print(place.is_child(os.environ), queue.get()); worker.join()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    told = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == ["False", "True"]


# Who lives.


def test_a_zombie_has_ended() -> None:
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    assert HERE.process_start(child) is None
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"end": NOW.isoformat()}, "ended"),
        ({}, "live"),
        ({"pid": GONE}, "killed"),
        ({"process_start": "0"}, "killed"),
        ({"host": "x"}, "unknown"),
        ({"host": "x", "heartbeat_interval": 30.0}, "live"),
        ({"host": "x", "heartbeat_interval": 1.0}, "killed"),
    ],
)
def test_the_state_of_a_session(changes, state) -> None:
    asked = session_state(facts(**changes), now=NOW + timedelta(seconds=60), machine=HERE)

    assert asked == state


def test_systems_without_proc_are_asked_by_signal(monkeypatch) -> None:
    from micrometric import machine

    class NoProc(type(Path())):
        def read_text(self, *_):
            raise FileNotFoundError

        def exists(self):
            return False

    monkeypatch.setattr(machine, "Path", NoProc)

    assert HERE.process_start(os.getpid()) == "running"
    assert HERE.process_start(1) == "running"
    assert HERE.process_start(GONE) is None
    assert this_machine() == Machine(HERE.host, "unknown")


# Manifests.


def test_a_manifest_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    accounting = Accounting(Counts(logged=2, written=2), {"m": Counts(logged=2, written=2)})
    manifest = Manifest({"m": Metric("float", "1", "text", ("head",), "f:1")}, facts(), accounting)

    write_manifest(path, manifest)

    assert read_manifest(path) == manifest
    assert json.loads(path.read_text())["format"] == "micrometric-manifest"
    assert json.loads(path.read_text())["version"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["registry.json"]


def test_a_manifest_is_readable_as_the_umask_says(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    previous = os.umask(0o027)
    try:
        write_manifest(path, Manifest({}))
    finally:
        os.umask(previous)

    assert path.stat().st_mode & 0o777 == 0o640


def test_a_manifest_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "registry.json").mkdir()

    with pytest.raises(OSError, match="registry"):
        write_manifest(tmp_path / "registry.json", Manifest({}))

    assert [entry.name for entry in tmp_path.iterdir()] == ["registry.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is broken: Input data was truncated"),
        ("{", "is broken"),
        ("[]", "is broken: Expected `object`, got `array`"),
        ("{}", 'is not a manifest: expected a JSON object with "format"'),
        ('{"format":"other"}', "found format 'other'"),
        ('{"format":"micrometric-manifest","version":2}', "has version 2, this micrometric reads"),
        (
            '{"format":"micrometric-manifest","version":1,"metrics":{"m":{"dtype":3}}}',
            "is broken: Expected `str`, got `int` - at `$.metrics[...].dtype`",
        ),
        ('{"format":"micrometric-manifest","version":1}', "is broken: Object missing required"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "registry.json"
    path.write_text(text)

    with pytest.raises(ManifestError) as caught:
        read_manifest(path)

    assert repr(str(path)) in str(caught.value)
    assert message in str(caught.value)


def test_a_manifest_that_is_not_there_is_a_path_error(tmp_path: Path) -> None:
    with pytest.raises(PathError, match=r"cannot read manifest .*: No such file or directory"):
        read_manifest(tmp_path / "none.json")


def test_manifests_are_merged_and_conflicts_told() -> None:
    merged, conflicts = merge_metrics(
        [
            ("first", Manifest({"a": Metric("float"), "b": Metric("int")})),
            ("second", Manifest({"a": Metric("str")})),
            ("third", Manifest({"a": Metric("str"), "c": Metric("bool")})),
        ]
    )

    assert {name: metric.dtype for name, metric in merged.items()} == {
        "a": "str",
        "b": "int",
        "c": "bool",
    }
    assert [str(conflict) for conflict in conflicts] == [
        "metric 'a' is float in first but str in second"
    ]


def test_counts_balance_or_not() -> None:
    assert Counts(logged=6, written=1, pending=1, sampled_out=1, capped=1, failed=2).balances
    assert not Counts(logged=5, written=1).balances


def test_the_manifest_of_a_live_session_tells_what_was_written(logs, manifest) -> None:
    MicroMetricLogger.register_metric("m", float, unit="1")
    logger = MicroMetricLogger(logs, 1, metrics_to_log="m")
    logger.log("m", 1.0)

    told = manifest()
    assert told.session is not None
    assert told.session.end is None
    assert told.session.spec == "m"
    assert told.session.segments[0].name == PLAIN_NAME
    assert session_state(told.session, now=datetime.now(UTC), machine=HERE) == "live"
    assert told.metrics["m"].unit == "1"
    logger.close()
    size = (logs / PLAIN_NAME).stat().st_size
    assert manifest().session.segments[0].bytes == size


def test_the_manifest_tells_what_was_enabled_later(logs, manifest) -> None:
    for name in ("a", "b", "c"):
        MicroMetricLogger.register_metric(name, float)
    logger = MicroMetricLogger(logs, 1, metrics_to_log="a,!b")
    logger.log("a", 1.0)
    assert manifest().session.spec == "a,!b"

    logger.enable_metric("c")
    logger.disable_metric("a")
    logger.flush()
    logger.log("c", 1.0)
    logger.close()

    assert manifest().session.spec == "a,!b,!a,c"


def test_a_manifest_that_cannot_be_written_warns_once(logs) -> None:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(logs, 1, metrics_to_log="m")
    logger.log("m", 1.0)
    (path,) = logs.glob("*.manifest.json")
    path.unlink()
    path.mkdir()

    with pytest.warns(UserWarning, match="the manifest cannot be written for now"):
        logger.close()

    assert msgspec.json.decode((logs / PLAIN_NAME).read_bytes())["value"] == 1.0
