"""From paths to segments: what is meant by a path, and whose each file is."""

import contextlib
import gzip
import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from micrometric import ManifestError, NoDataError, PathError, finder, iter_events, search
from micrometric.finder import find, find_manifests
from micrometric.manifest import Manifest, SegmentFacts, SessionFacts, write_manifest
from micrometric.registry import Metric
from micrometric.relocation import is_in_place, relocated
from micrometric.report import Report
from micrometric.runs import directory_keys, run_folder, run_names
from micrometric.search import Located, take
from micrometric.segment import (
    PLAIN_NAME,
    SUFFIXES,
    closed_name,
    manifest_name,
    new_session_id,
    parse_segment_name,
)


def session_id(minute: int = 0, label: str = "host", pid: int = 1) -> str:
    return new_session_id(datetime(2026, 11, 23, 8, minute, tzinfo=UTC), label, pid)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def leave_manifest(directory: Path, session: str, dtype: str = "float", **changes) -> None:
    facts = SessionFacts(
        **{
            "id": session,
            "start": "2026-11-23T08:00:00Z",
            "heartbeat": "2026-11-23T08:00:00Z",
            "host": "h",
            "boot": "b",
            "pid": 1,
            **changes,
        }
    )
    write_manifest(directory / manifest_name(session), Manifest({"m": Metric(dtype)}, facts))


def names(paths) -> list[str]:
    return [segment.path.name for segment in find(paths).segments]


def test_directories_are_searched_to_the_last_in_order(tmp_path: Path) -> None:
    for place in ("b/deep/er", "a", "."):
        touch(tmp_path / place / PLAIN_NAME)
    touch(tmp_path / "a" / "other.txt")

    found = find(tmp_path).segments

    assert [segment.run for segment in found] == ["a", "b/deep/er", tmp_path.name]


def test_a_file_of_any_name_is_read_when_it_is_named(tmp_path: Path) -> None:
    plain, packed = touch(tmp_path / "run" / "export.txt"), touch(tmp_path / "run" / "old.gz")

    found = {segment.path: segment for segment in find([plain, packed]).segments}

    assert found[plain].suffix == ".jsonl"
    assert found[packed].suffix == ".jsonl.gz"
    assert {segment.run for segment in found.values()} == {"run"}


def test_globs_are_expanded(tmp_path: Path) -> None:
    for run in ("a1", "a2", "b1"):
        touch(tmp_path / run / PLAIN_NAME)

    assert {s.run for s in find(str(tmp_path / "a*")).segments} == {"a1", "a2"}
    assert len(find(str(tmp_path / "**" / "*.jsonl")).segments) == 3
    with pytest.raises(PathError, match=r"no path matches '.*c\*'"):
        find(str(tmp_path / "c*"))


@pytest.mark.parametrize(
    ("path", "roots", "named"),
    [
        ("runs", ["runs"], "runs"),
        ("runs/a*", ["runs/a1", "runs/a2"], "runs"),
        ("*/a1/*.jsonl", [f"runs/a1/{PLAIN_NAME}"], "."),
        ("runs/[b]", ["runs/[b]"], "runs/[b]"),
    ],
)
def test_what_a_path_means_and_what_it_names(tmp_path, monkeypatch, path, roots, named) -> None:
    for run in ("a1", "a2", "[b]"):
        touch(tmp_path / "runs" / run / PLAIN_NAME)
    monkeypatch.chdir(tmp_path)

    found = find(path)

    assert found.roots == [Path(root) for root in roots]
    assert found.named == {Path(named)}


def test_a_file_with_two_names_is_read_once(tmp_path: Path) -> None:
    plain = touch(tmp_path / PLAIN_NAME)
    os.link(plain, tmp_path / closed_name(session_id(), 0))
    (tmp_path / "link").symlink_to(tmp_path)

    assert len(find([tmp_path, plain, tmp_path / "link", str(plain)]).segments) == 1


def test_a_file_that_has_the_number_of_one_compressed_meanwhile_hides_none(tmp_path: Path) -> None:
    first, later = (tmp_path / closed_name(session_id(), index) for index in (0, 7))
    first.touch()
    located: Located = {}
    take(first, tmp_path, located, {})
    first.rename(later)  # A new file, which got the number that the first one had.
    packed = tmp_path / closed_name(session_id(), 0, ".jsonl.gz")
    packed.touch()

    take(later, tmp_path, located, {})

    assert {path for path, _ in located.values()} == {packed, later}


def test_a_segment_that_is_compressed_while_a_directory_is_listed_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / closed_name(session_id(), 1))
    first = touch(tmp_path / closed_name(session_id(), 0))
    names_in = search.names_in

    def compressed_meanwhile(directory: Path) -> list[str]:
        """Give neither name, as a directory may that is changed while it is listed."""
        first.rename(tmp_path / closed_name(session_id(), 0, ".jsonl.gz"))
        return [name for name in names_in(directory) if not name.endswith(".gz")]

    monkeypatch.setattr(search, "names_in", compressed_meanwhile)
    found = find(tmp_path / ".").segments

    assert [segment.index for segment in found] == [0, 1]


def test_a_segment_that_is_closed_while_its_manifest_is_read_keeps_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = touch(tmp_path / PLAIN_NAME)
    session = session_id()
    leave_manifest(tmp_path, session, plain=True)
    read_manifest = finder.read_manifest

    def go_on(path: Path, **options: bool) -> Manifest:
        """Close the segment and two more before the manifest is read."""
        plain.rename(tmp_path / closed_name(session, 0))
        for index in (1, 2):
            touch(tmp_path / closed_name(session, index))
        active = SegmentFacts(touch(plain).name, 3)
        leave_manifest(tmp_path, session, plain=True, segments=(active,))
        return read_manifest(path, **options)

    monkeypatch.setattr(finder, "read_manifest", go_on)
    (segment,) = find(tmp_path).segments

    assert segment.index == 0
    assert not is_in_place(segment)
    assert relocated(segment).path.name == closed_name(session, 0)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    touch(tmp_path / "run" / PLAIN_NAME)
    (tmp_path / "run" / "back").symlink_to(tmp_path)

    assert [segment.run for segment in find(tmp_path).segments] == ["run"]


def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / PLAIN_NAME)
    (tmp_path / closed_name(session_id(), 0)).mkdir()
    (tmp_path / closed_name(session_id(), 1)).symlink_to(tmp_path / "nowhere")
    touch(tmp_path / "run" / PLAIN_NAME)

    assert [segment.run for segment in find(tmp_path).segments] == ["run"]


def test_of_a_segment_in_several_forms_the_one_that_goes_last_counts(tmp_path: Path) -> None:
    for index, suffixes in enumerate(itertools.combinations(SUFFIXES, 2)):
        for suffix in suffixes:
            touch(tmp_path / closed_name(session_id(), index, suffix))

    chosen = [parse_segment_name(name).suffix for name in names(tmp_path)]

    assert chosen == [first for first, _ in itertools.combinations(SUFFIXES, 2)]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no micro_metrics segments in {0!r} or below it"),
        (["notes.txt"], "no micro_metrics segments in {0!r} or below it"),
        (
            ["other.jsonl", "b.jsonl"],
            "no micro_metrics segments in {0!r}, but other files: {0}/b.jsonl, {0}/other.jsonl; "
            "name a file itself to read it",
        ),
        (
            [f"{n}.jsonl" for n in range(5)],
            "no micro_metrics segments in {0!r}, but other files: {0}/0.jsonl, {0}/1.jsonl, "
            "{0}/2.jsonl and 2 more; name a file itself to read it",
        ),
    ],
)
def test_a_directory_without_logs_says_what_is_there(tmp_path: Path, files, message) -> None:
    for name in files:
        touch(tmp_path / name)

    with pytest.raises(PathError) as caught:
        find(tmp_path)

    assert str(caught.value) == message.format(str(tmp_path))


def test_a_missing_path_is_named() -> None:
    with pytest.raises(PathError) as caught:
        find("nowhere")

    assert str(caught.value) == "no such path: 'nowhere'"


def test_runs_are_named_below_the_path_and_longer_where_they_clash(tmp_path: Path) -> None:
    for place in ("x/seed=1/logs", "y/seed=1/logs", "y/other"):
        touch(tmp_path / place / PLAIN_NAME)

    below = find(tmp_path).segments
    apart = find([tmp_path / "x/seed=1", tmp_path / "y/seed=1"]).segments
    single = find(tmp_path / "y/other" / PLAIN_NAME).segments

    assert [segment.run for segment in below] == ["x/seed=1/logs", "y/other", "y/seed=1/logs"]
    assert [segment.run for segment in apart] == ["x/seed=1/logs", "y/seed=1/logs"]
    assert [segment.run for segment in single] == ["other"]


@pytest.mark.parametrize(
    ("directories", "expected"),
    [
        (["/logs", "/data/logs"], ["logs", "data/logs"]),
        (["/logs", "/a/logs", "/b/a/logs"], ["logs", "a/logs", "b/a/logs"]),
        (["/logs", "//logs"], ["logs", "logs"]),
        (["/"], [""]),
    ],
)
def test_a_run_directly_below_the_root_has_a_relative_name(directories, expected) -> None:
    places = [(Path(directory), Path(directory)) for directory in directories]

    named = run_names(set(places))

    assert [named[place] for place in places] == expected


@pytest.mark.parametrize("run", ["/logs", "..", "a/../../b"])
def test_a_run_is_never_written_outside_of_the_output(run: str) -> None:
    with pytest.raises(PathError, match="would be written outside of 'out'"):
        run_folder(Path("out"), run)


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("top_k=8", {"top_k": 8}),
        ("lr=1e-4", {"lr": 1e-4}),
        ("lr=0.10", {"lr": 0.1}),
        ("date=007", {"date": "007"}),
        ("name=big=model", {"name": "big=model"}),
        ("empty=", {"empty": ""}),
        ("lr=0.1,seed=3,opt=sgd", {"lr": 0.1, "seed": 3, "opt": "sgd"}),
        ("text=a,b", {"text": "a,b"}),
        ("model.depth=-2", {"model.depth": -2}),
        ("=x", {}),
        ("a+b=1", {}),
        ("plain", {}),
        (os.fsdecode(b"k=\xffa\xe4"), {"k": "\ufffda\ufffd"}),
        (os.fsdecode(b"w\xe4rme=1"), {}),
    ],
)
def test_parts_of_a_path_are_keys(part: str, keys) -> None:
    assert directory_keys(Path("/runs") / part / "logs") == keys


def test_the_inner_of_two_parts_with_one_name_wins() -> None:
    assert directory_keys(Path("/k=1/k=2")) == {"k": 2}


def test_the_manifest_tells_rank_and_launch_and_the_name_the_rest(tmp_path: Path) -> None:
    known, unknown = session_id(0, "r0"), session_id(1, "r3")
    touch(tmp_path / f"micro_metrics.{known}.jsonl")
    touch(tmp_path / f"micro_metrics.{unknown}.jsonl")
    leave_manifest(tmp_path, known, rank=0, launch="job.0")

    first, second = find(tmp_path).segments

    assert (first.session, first.rank, first.launch) == (known, 0, "job.0")
    assert (second.session, second.rank, second.launch) == (unknown, 3, None)


@pytest.mark.parametrize(("told", "rank"), [(2**63 - 1, 2**63 - 1), (2**63, None), (10**23, None)])
def test_a_name_tells_a_rank_that_64_bits_hold(tmp_path: Path, told: int, rank) -> None:
    touch(tmp_path / f"micro_metrics.{session_id(0, f'r{told}')}.jsonl")

    assert find(tmp_path).segments[0].rank == rank


def test_the_plain_segment_is_of_the_last_that_claimed_it(tmp_path: Path) -> None:
    first, second = session_id(0), session_id(1)
    touch(tmp_path / PLAIN_NAME)
    touch(tmp_path / closed_name(first, 0))
    leave_manifest(tmp_path, first, plain=True, launch="one")
    leave_manifest(tmp_path, second, plain=True, launch="two")

    archived, plain = find(tmp_path).segments

    assert (archived.session, plain.session) == (first, second)
    assert (archived.launch, plain.launch) == ("one", "two")


def test_a_plain_segment_whose_claimant_was_archived_is_of_nobody_known(tmp_path: Path) -> None:
    session = session_id()
    touch(tmp_path / PLAIN_NAME)
    touch(tmp_path / closed_name(session, 0))
    leave_manifest(tmp_path, session, plain=True, end="2026-11-23T09:00:00Z")

    assert {segment.session for segment in find(tmp_path).segments} == {session, None}


def test_the_plain_segment_of_a_session_that_rotates_stays_its_own(tmp_path: Path) -> None:
    session = session_id()
    touch(tmp_path / PLAIN_NAME)
    touch(tmp_path / closed_name(session, 0))
    touch(tmp_path / closed_name(session, 1, ".jsonl.gz"))
    leave_manifest(tmp_path, session, plain=True)

    segments = find(tmp_path).segments

    assert {segment.session for segment in segments} == {session}
    assert [segment.index for segment in segments] == [0, 1, 2]


def test_a_segment_is_found_again_under_the_name_it_has_by_now(tmp_path: Path) -> None:
    session = session_id()
    touch(tmp_path / PLAIN_NAME)
    leave_manifest(tmp_path, session, plain=True)
    (plain,) = find(tmp_path).segments

    (tmp_path / PLAIN_NAME).rename(tmp_path / closed_name(session, 0))
    assert not is_in_place(plain)
    assert relocated(plain).path.name == closed_name(session, 0)

    (tmp_path / closed_name(session, 0)).unlink()
    touch(tmp_path / closed_name(session, 0, ".jsonl.zst"))
    assert relocated(plain).suffix == ".jsonl.zst"

    (tmp_path / closed_name(session, 0, ".jsonl.zst")).unlink()
    assert relocated(plain) is None


def test_segments_come_in_the_order_they_were_begun(tmp_path: Path) -> None:
    session = session_id()
    for name in (
        f"micro_metrics.{session}.jsonl",
        closed_name(session, 10),
        closed_name(session, 9),
    ):
        touch(tmp_path / name)

    assert names(tmp_path) == [
        closed_name(session, 9),
        closed_name(session, 10),
        f"micro_metrics.{session}.jsonl",
    ]


def test_a_compressed_twin_is_not_read_twice(tmp_path: Path) -> None:
    session = session_id()
    (tmp_path / closed_name(session, 0, ".jsonl.gz")).write_bytes(gzip.compress(b""))
    touch(tmp_path / closed_name(session, 0))
    touch(tmp_path / closed_name(session, 1, ".jsonl.zst"))
    touch(tmp_path / f"micro_metrics.{session}.1.zst")

    assert [name.split(".", 2)[2] for name in names(tmp_path)] in (
        ["0.jsonl", "1.jsonl.zst"],
        ["0.jsonl", "1.zst"],
    )


def test_a_broken_manifest_is_noted_and_its_session_read_without(tmp_path: Path) -> None:
    session = session_id(0, "r2")
    touch(tmp_path / f"micro_metrics.{session}.jsonl")
    (tmp_path / manifest_name(session)).write_text("{")

    found = find(tmp_path)

    assert found.segments[0].rank == 2
    assert found.notes[0].endswith("its session is read without it")


def test_a_directory_with_a_manifest_and_no_events_is_no_error(tmp_path: Path) -> None:
    leave_manifest(tmp_path, session_id())

    found = find(tmp_path)

    assert found.segments == []
    assert list(found.metrics()) == ["m"]


def test_conflicts_of_dtypes_are_noted_once(tmp_path: Path) -> None:
    for minute, dtype in enumerate(("float", "str")):
        leave_manifest(tmp_path, session_id(minute), dtype)

    found = find(tmp_path)

    assert found.metrics()["m"].dtype == "str"
    assert found.metrics()
    assert len(found.notes) == 1
    assert "metric 'm' is float in" in found.notes[0]


def test_launches_are_told_by_run_the_earliest_first(tmp_path: Path) -> None:
    for minute, launch in enumerate(("zeta", "alpha", "zeta")):
        session = session_id(minute)
        touch(tmp_path / f"micro_metrics.{session}.jsonl")
        leave_manifest(tmp_path, session, launch=launch)

    found = find(tmp_path)

    assert found.launches() == {tmp_path.name: ["zeta", "alpha"]}
    assert len(found.of_launch("last")) == 1
    assert len(found.of_launch("zeta")) == 2
    with pytest.raises(NoDataError, match="no events of launch 'zet'; did you mean 'zeta'"):
        found.of_launch("zet")


def test_the_last_launch_where_there_are_none_is_everything(tmp_path: Path) -> None:
    touch(tmp_path / PLAIN_NAME)

    assert len(find(tmp_path).of_launch("last")) == 1
    with pytest.raises(NoDataError, match=r"no events of launch 'x'$"):
        find(tmp_path).of_launch("x")


def test_manifests_are_found_by_themselves(tmp_path: Path) -> None:
    notes: list[str] = []
    leave_manifest(tmp_path, session_id())
    deep = tmp_path / "deep"
    deep.mkdir()
    write_manifest(deep / "registry.json", Manifest({"r": Metric("int")}))
    named = tmp_path / "named.json"
    write_manifest(named, Manifest({"n": Metric("int")}))
    segment = touch(tmp_path / PLAIN_NAME)

    assert {n for _, told in find_manifests(tmp_path, notes) for n in told.metrics} == {"m", "r"}
    assert [list(told.metrics) for _, told in find_manifests(named, notes)] == [["n"]]
    assert [list(told.metrics) for _, told in find_manifests(segment, notes)] == [["m"]]
    assert find_manifests(touch(tmp_path / "empty" / "x").parent, notes) == []
    with pytest.raises(ManifestError):
        find_manifests(tmp_path / "empty" / "x", notes)


def test_a_registry_of_others_is_told_and_left_out(tmp_path: Path) -> None:
    notes: list[str] = []
    touch(tmp_path / PLAIN_NAME)
    (tmp_path / "registry.json").write_text("{}")

    assert find_manifests(tmp_path, notes) == []
    assert notes == [
        f"'{tmp_path}/registry.json' is not a manifest: expected a JSON object with "
        '"format": "micrometric-manifest", found format \'\'; it is left out'
    ]
    with pytest.raises(ManifestError):
        find_manifests(tmp_path / "registry.json", [])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_stands_where_a_manifest_does_and_is_no_file_is_not_waited_for(tmp_path, make):
    touch(tmp_path / PLAIN_NAME)
    path = tmp_path / manifest_name(session_id())
    make(path)

    found = find(tmp_path)

    assert len(found.segments) == 1
    assert found.manifests == []
    (note,) = found.notes
    assert note.startswith(f"cannot read manifest '{path}': ")


def test_a_manifest_that_is_named_may_be_a_pipe(tmp_path):
    leave_manifest(tmp_path, session_id())
    text = (tmp_path / manifest_name(session_id())).read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(text,))
    writer.start()

    ((path, _),) = find_manifests(pipe, [])

    writer.join()
    assert path == pipe


def test_a_directory_that_vanishes_during_the_search_is_left_out(tmp_path, monkeypatch):
    touch(tmp_path / "micro_metrics.jsonl")
    touch(tmp_path / "gone" / "micro_metrics.jsonl")
    scandir = os.scandir

    def slow(directory: Path):
        if directory == tmp_path / "gone":
            shutil.rmtree(directory)
        return scandir(directory)

    monkeypatch.setattr("micrometric.search.os.scandir", slow)

    found = find(tmp_path)
    assert [segment.path for segment in found.segments] == [tmp_path / "micro_metrics.jsonl"]
    assert (found.unread, found.notes) == ({}, [])


def refusing(monkeypatch, refused: Path) -> None:
    """Let a directory be one that this user may not look into; root may look into all."""
    scandir = os.scandir

    def asked(directory: Path):
        if directory == refused:
            raise PermissionError(13, "Permission denied")
        return scandir(directory)

    monkeypatch.setattr("micrometric.search.os.scandir", asked)


def test_a_directory_that_cannot_be_looked_into_is_told(tmp_path, monkeypatch):
    for name in "abc":
        touch(tmp_path / name / PLAIN_NAME)
    refusing(monkeypatch, tmp_path / "b")

    found = find(tmp_path)

    assert [segment.run for segment in found.segments] == ["a", "c"]
    assert found.unread == {tmp_path / "b": "Permission denied"}
    assert found.notes == [
        f"cannot read {str(tmp_path / 'b')!r}: Permission denied; what is in it is left out"
    ]
    report = Report()
    assert len([*iter_events(tmp_path, report=report)]) == 0
    assert (report.unread, report.notes) == ([tmp_path / "b"], found.notes)
    notes: list[str] = []
    find_manifests(tmp_path, notes)
    assert notes == found.notes


def test_a_directory_that_was_named_and_cannot_be_looked_into_is_an_error(tmp_path, monkeypatch):
    touch(tmp_path / "b" / PLAIN_NAME)
    refusing(monkeypatch, tmp_path / "b")

    with pytest.raises(PathError, match=r"cannot read '.*/b': Permission denied"):
        find(tmp_path / "b")
    with pytest.raises(PathError, match=r"no micro_metrics segments in .*; cannot read '.*/b'"):
        find(tmp_path)


def test_files_and_links_that_cannot_be_looked_at_are_told(tmp_path, monkeypatch):
    touch(tmp_path / PLAIN_NAME)
    touch(tmp_path / "b" / PLAIN_NAME)
    touch(tmp_path / "b" / closed_name(session_id(), 0))
    stat = Path.stat

    def refused(path: Path, **options: bool):
        if path.parent == tmp_path / "b":
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refused)

    found = find(tmp_path)

    assert [segment.path for segment in found.segments] == [tmp_path / PLAIN_NAME]
    assert found.unread == {tmp_path / "b": "Permission denied"}


def test_what_cannot_be_told_to_be_a_directory_is_told(tmp_path, monkeypatch):
    class Entry:
        name = "link"

        def is_dir(self) -> bool:
            raise PermissionError(13, "Permission denied")

    touch(tmp_path / PLAIN_NAME)
    scandir = os.scandir

    @contextlib.contextmanager
    def asked(directory: Path):
        with scandir(directory) as entries:
            yield [*entries, Entry()]

    monkeypatch.setattr("micrometric.search.os.scandir", asked)

    assert find(tmp_path).unread == {tmp_path / "link": "Permission denied"}


@contextlib.contextmanager
def deep(top: Path, depth: int, name: str) -> Iterator[None]:
    """Have a segment in directories inside each other, which may be deeper than a path is long."""
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(top)
        for _ in range(depth):
            Path(name).mkdir()
            os.chdir(name)
        Path(PLAIN_NAME).touch()
    finally:
        os.fchdir(before)
        os.close(before)
    yield
    subprocess.run(["rm", "-r", str(top / name)], check=True)  # Python does not reach all of them.


def test_directories_may_be_deeper_than_calls(tmp_path):
    touch(tmp_path / PLAIN_NAME)

    with deep(tmp_path, 1200, "d"):
        found = find(tmp_path)

    assert len(found.segments) == 2


def test_what_is_deeper_than_a_path_may_be_long_is_told(tmp_path):
    touch(tmp_path / PLAIN_NAME)

    with deep(tmp_path, 30, "d" * 200):
        found = find(tmp_path)

    assert len(found.segments) == 1
    assert [*found.unread.values()] == ["File name too long"]


def test_a_path_that_cannot_be_looked_at_is_told(tmp_path):
    with pytest.raises(PathError, match=r"cannot read 'x+': File name too long"):
        find("x" * 5000)


def test_a_segment_whose_directory_was_deleted_has_no_name_now(tmp_path):
    touch(tmp_path / "run" / "micro_metrics.jsonl")
    (segment,) = find(tmp_path).segments

    shutil.rmtree(tmp_path / "run")

    assert relocated(segment) is None
