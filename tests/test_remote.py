"""Logs under URLs: the same answers as on a disk, told by their URLs, and nothing left behind."""

import gzip
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
import zstandard

import micrometric
from micrometric import PathError, download, remote
from micrometric.fetched import is_url, shown_url, url_parts
from micrometric.finder import find, find_manifests
from micrometric.follower import follow
from micrometric.listing import list_metrics
from micrometric.manifest import Manifest, SessionFacts, write_manifest
from micrometric.registry import Metric
from micrometric.report import Report
from micrometric.segment import closed_name, manifest_name, new_session_id
from tests.cli.conftest import event
from tests.storage import (
    MoodyFileSystem,
    pages_of,
    refusals,
    silence,
    upload,
    web_server,
)

SESSION = new_session_id(datetime(2026, 11, 23, 8, tzinfo=UTC), "r1", 7)


def lines(*seconds: int, metric: str = "density") -> bytes:
    told = [event(n, metric, n / 4, metadata={"layer_idx": n % 2}) for n in seconds]
    return "".join(f"{line}\n" for line in told).encode()


def leave_manifest(directory: Path, session: str, dtype: str = "float") -> None:
    facts = SessionFacts(
        id=session,
        start="2026-11-23T08:00:00Z",
        heartbeat="2026-11-23T08:00:00Z",
        end="2026-11-23T09:00:00Z",
        host="h",
        boot="b",
        pid=1,
        rank=1,
        launch="morning",
        spec="all",
    )
    write_manifest(directory / manifest_name(session), Manifest({"density": Metric(dtype)}, facts))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, _network: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for temporary files, in which nothing is left."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Runs in all their forms: rotated and compressed, keys in the path, damage, a stray file."""
    tree = tmp_path / "disk" / "runs"
    first, second = tree / "seed=1,lr=0.1", tree / "deep" / "seed=2"
    first.mkdir(parents=True)
    second.mkdir(parents=True)
    (first / closed_name(SESSION, 0, ".jsonl.gz")).write_bytes(gzip.compress(lines(0, 1)))
    packed = zstandard.ZstdCompressor().compress(lines(2, 3))
    (first / closed_name(SESSION, 1, ".jsonl.zst")).write_bytes(packed)
    (first / closed_name(SESSION, 2)).write_bytes(lines(4) + b"no event\n" + lines(5))
    leave_manifest(first, SESSION)
    (second / "micro_metrics.jsonl").write_bytes(lines(6, 7, metric="recall") + b'{"timestamp":')
    (second / "notes.txt").write_text("x" * 100)
    write_manifest(tree / "registry.json", Manifest({"planned": Metric("int")}))
    return tree


@pytest.fixture
def memory(tree: Path) -> Iterator[str]:
    """The same tree in memory."""
    files = fsspec.filesystem("memory")
    for path in tree.rglob("*"):
        if path.is_file():
            files.pipe_file(f"/b/runs/{path.relative_to(tree)}", path.read_bytes())
    yield "memory://b/runs"
    files.store.clear()
    files.pseudo_dirs[:] = [""]


@pytest.fixture
def client(s3: str) -> Iterator[Any]:
    """A client of the server, on which nothing is left."""
    client = boto3.client("s3")
    yield client
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        for item in client.list_objects_v2(Bucket=name).get("Contents", []):
            client.delete_object(Bucket=name, Key=item["Key"])
        client.delete_bucket(Bucket=name)


@pytest.fixture
def moody() -> Iterator[type[MoodyFileSystem]]:
    """A file system whose `on_get` is called for each file that is fetched."""
    fsspec.register_implementation("moody", MoodyFileSystem, clobber=True)
    files = MoodyFileSystem()
    files.pipe_file("/b/run/micro_metrics.jsonl", lines(0, 1))
    yield MoodyFileSystem
    MoodyFileSystem.store.clear()
    MoodyFileSystem.pseudo_dirs[:] = [""]
    MoodyFileSystem.fetched.clear()
    MoodyFileSystem.on_get = staticmethod(lambda name: None)


@pytest.fixture(params=["memory", "s3", "http", "file"])
def url(request: pytest.FixtureRequest, tree: Path) -> Iterator[str]:
    """The tree under a URL."""
    if request.param == "memory":
        yield request.getfixturevalue("memory")
    elif request.param == "s3":
        upload(request.getfixturevalue("client"), tree, "logs", "a/runs/")
        yield "s3://logs/a/runs"
    elif request.param == "file":
        yield f"file://{tree}"
    else:
        with web_server(pages_of(tree.parent)) as address:
            yield f"{address}/runs"


def answers(place: str) -> dict[str, Any]:
    report = Report()
    frame = micrometric.read(place)
    by = "run,session,rank,launch,seed,lr,layer_idx"
    with follow(place, last=None, idle_exit=0.0) as follower:
        followed = sorted(map(repr, follower))
    return {
        "read": frame.astype(object).where(frame.notna(), None).to_dict("records"),
        "events": [*micrometric.iter_events(place, where="seed == 1", report=report)],
        "skipped": report.skipped,
        "summary": micrometric.summarize(place, by=by).rows,
        "last": micrometric.summarize(place, by="run", launch="last").rows,
        "listing": list_metrics(place).metrics,
        "manifests": [manifest for _, manifest in find_manifests(place, [])],
        "followed": followed,
    }


def test_answers_are_those_of_the_same_tree_on_disk(url: str, tree: Path) -> None:
    on_disk = answers(str(tree))

    assert answers(url) == on_disk
    assert len(on_disk["read"]) == 8
    assert len(on_disk["manifests"]) == 2
    assert {row["seed"] for row in on_disk["summary"]} == {1, 2}


@pytest.mark.parametrize("suffix", [".gz", ".zst", ""])
def test_a_single_file_is_read_with_the_manifest_beside_it(
    url: str, tree: Path, suffix: str
) -> None:
    (name,) = tree.glob(f"seed=1*/*.jsonl{suffix}")
    place = str(name.relative_to(tree))

    (segment,) = find(f"{url}/{place}").segments

    assert (segment.launch, segment.session, segment.rank) == ("morning", SESSION, 1)
    assert segment.directories == {"seed": 1, "lr": 0.1}
    assert segment.run == "seed=1,lr=0.1"
    assert micrometric.read(f"{url}/{place}").equals(micrometric.read(str(name)))


@pytest.mark.parametrize(
    ("pattern", "runs"),
    [
        ("*/", {"seed=1,lr=0.1", "seed=2"}),
        ("*/*=2", {"seed=2"}),
        ("**/*.jsonl", {"seed=1,lr=0.1", "seed=2"}),
        ("[s]eed*/*.gz", {"seed=1,lr=0.1"}),
    ],
)
def test_globs_are_expanded(url: str, tree: Path, pattern: str, runs: set[str]) -> None:
    found = find(f"{url}/{pattern}").segments

    assert [s.run for s in found] == [s.run for s in find(f"{tree}/{pattern}").segments]
    assert {s.run.rpartition("/")[2] for s in found} == runs
    with pytest.raises(PathError, match=r"^no path matches '.*/x\*'$"):
        find(f"{url}/x*")


def test_a_name_with_signs_of_a_glob_is_taken_literally(memory: str) -> None:
    fsspec.filesystem("memory").pipe_file("/b/[1]/micro_metrics.jsonl", lines(0))

    assert len(find("memory://b/[1]").segments) == 1


def test_paths_of_both_kinds_may_be_named_together_and_files_twice(memory: str, tree: Path) -> None:
    run = f"{memory}/deep/seed=2"

    assert len(find([memory, run, f"{run}/micro_metrics.jsonl"]).segments) == 4
    assert len(find([memory, str(tree)]).segments) == 8
    assert len({segment.run for segment in find([memory, str(tree)]).segments}) == 4


def test_messages_tell_the_url(memory: str, tree: Path) -> None:
    files = fsspec.filesystem("memory")
    other = SESSION.replace("-7", "-8")
    leave_manifest(tree, other, "int")
    files.pipe_file(f"/b/runs/{manifest_name(other)}", (tree / manifest_name(other)).read_bytes())
    broken = manifest_name(SESSION.replace("-7", "-9"))
    files.pipe_file(f"/b/runs/{broken}", b"{")
    files.pipe_file("/b/runs/z/micro_metrics.jsonl.gz", gzip.compress(lines(0))[:-9])
    report = Report()

    list(micrometric.iter_events(memory, report=report))

    said = "\n".join([*report.sentences(), *map(str, report.examples)])
    assert "micrometric-url" not in said
    assert f"manifest '{memory}/{broken}' is broken" in said
    assert f"is int in {memory}/{manifest_name(other)}" in "\n".join(
        list_metrics(memory).report.sentences()
    )
    assert f"{memory}/seed=1,lr=0.1/{closed_name(SESSION, 2)}:2: not JSON" in said
    assert f"the last line of {memory}/deep/seed=2/micro_metrics.jsonl is unfinished" in said
    assert f"{memory}/z/micro_metrics.jsonl.gz:2: the compressed data ends or is damaged" in said
    with pytest.raises(micrometric.ManifestError, match=f"^manifest '{memory}/{broken}' is"):
        find_manifests(f"{memory}/{broken}", [])


def test_manifests_alone_are_fetched_where_they_suffice(moody: type[MoodyFileSystem]) -> None:
    MoodyFileSystem().pipe_file("/b/run/registry.json", b"{}")

    notes: list[str] = []
    assert find_manifests("moody://b/run", notes) == []

    assert notes[0].startswith("'moody://b/run/registry.json' is not a manifest")
    assert moody.fetched == ["/b/run/registry.json"]


def test_files_stay_while_somebody_reads_them(memory: str) -> None:
    events = micrometric.iter_events(memory)
    first = next(events)
    fsspec.filesystem("memory").store.clear()

    assert len([first, *events]) == 8


def test_a_segment_alone_holds_its_file(memory: str, temporary: Path) -> None:
    segment = find(memory).segments[-1]

    assert segment.path.is_file()

    del segment
    assert list(temporary.iterdir()) == []


def test_within_kept_a_url_is_fetched_once(moody: type[MoodyFileSystem]) -> None:
    with remote.kept():
        assert len(micrometric.read("moody://b/run")) == 2
        assert len(micrometric.summarize("moody://b/run")) == 1
    assert len(moody.fetched) == 1

    micrometric.read("moody://b/run")

    assert len(moody.fetched) == 2


HOSTILE = [
    "../../up/micro_metrics.jsonl",
    "/absolute/micro_metrics.jsonl",
    "a//b/micro_metrics.jsonl",
    "./dot/micro_metrics.jsonl",
    "%2E%2E/micro_metrics.jsonl",
    "micro_metrics.jsonl/micro_metrics.jsonl",
    "micro_metrics.jsonl",
    "x" * 600 + "/micro_metrics.jsonl",
    "back\\..\\slash/micro_metrics.jsonl",
    "~/micro_metrics.jsonl",
]


def test_hostile_keys_stay_in_the_temporary_directory(client: Any, temporary: Path) -> None:
    client.create_bucket(Bucket="logs")
    for number, key in enumerate(HOSTILE):
        client.put_object(Bucket="logs", Key=f"odd/{key}", Body=lines(number))

    found = find("s3://logs/odd")

    root = next(temporary.iterdir())
    assert {root} == {*temporary.iterdir()}
    written = {path for path in root.rglob("*") if path.is_file()}
    assert {segment.path for segment in found.segments} == written
    assert len(written) == len(HOSTILE)
    assert all(path.resolve().is_relative_to(root.resolve()) for path in written)
    values = sorted(event.value for event in micrometric.iter_events("s3://logs/odd"))
    assert values == [number / 4 for number in range(len(HOSTILE))]
    assert "../../up" in {segment.run for segment in found.segments}


def test_links_that_lead_elsewhere_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "micro_metrics.jsonl").write_bytes(lines(0))
    (tmp_path / "out" / "micro_metrics.jsonl").write_bytes(lines(1))
    links = ["/out/", "../out/", "/in/", "./", "%2e%2e/out/", "micro_metrics.jsonl"]
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    (tmp_path / "in" / "index.html").write_text(page)

    with web_server(pages_of(tmp_path)) as address:
        events = [*micrometric.iter_events(f"{address}/in/")]

    assert [event.value for event in events] == [0.0]


def test_a_query_is_no_part_of_the_name_and_never_told(tmp_path: Path) -> None:
    (tmp_path / "old.gz").write_bytes(gzip.compress(lines(0) + b"x\n"))
    report = Report()

    with web_server(pages_of(tmp_path)) as address:
        url = f"{address}/old.gz?signature=secret"
        assert len([*micrometric.iter_events(url, report=report)]) == 1
        with pytest.raises(PathError) as missing:
            find(f"{address}/new.gz?signature=secret")

    assert str(report.examples[0].path) == f"{address}/old.gz"
    assert str(missing.value) == f"no such path: '{address}/new.gz'"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("S3://b//a/", "s3://b//a/"),
        ("sftp://me:secret@host/logs", "sftp://host/logs"),
        ("https://host/a%20b?x=1#y", "https://host/a b"),
        ("memory://", "memory://"),
        ("s3://b/who@where?", "s3://b/who@where?"),
    ],
)
def test_secrets_are_left_out_of_what_is_told(url: str, told: str) -> None:
    assert shown_url(url) == told


@pytest.mark.parametrize("path", ["logs", "-", "C:\\logs", "a:/b", "/x/s3://y", "c://x", Path("x")])
def test_what_is_no_url(path: Any) -> None:
    assert not is_url(path)
    with pytest.raises(ValueError, match="not a URL"):
        url_parts(str(path))


def test_a_path_that_lost_a_slash_is_told_apart() -> None:
    with pytest.raises(PathError, match=r"'s3:/b/x'; a URL must be a string, for Path drops a"):
        find(Path("s3://b/x"))


# What goes wrong.


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://nowhere/x", "no such path: 's3://nowhere/x'"),
        ("s3://logs/nothing/", "no such path: 's3://logs/nothing/'"),
        ("s3://logs/*.gz", "no path matches 's3://logs/*.gz'"),
        ("s3://", "'s3://' names no bucket or host; expected one behind '://'"),
        (
            "s4://x",
            "cannot read 's4://x': there is no protocol 's4'; there are 'az', 'file', 'gs', "
            "'https', 's3'",
        ),
        (
            "s3://logs/stray",
            "no micro_metrics segments in 's3://logs/stray', but other files: "
            "s3://logs/stray/x.jsonl; name a file itself to read it",
        ),
        ("s3://logs/text", "no micro_metrics segments in 's3://logs/text' or below it"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(client: Any, url: str, said: str) -> None:
    client.create_bucket(Bucket="logs")
    client.put_object(Bucket="logs", Key="stray/x.jsonl", Body=lines(0))
    client.put_object(Bucket="logs", Key="text/x.txt", Body=b"")

    with pytest.raises(PathError) as refused:
        find(url)

    assert str(refused.value) == said


DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


def test_no_permission_is_told_in_a_line(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(refusals(403, DENIED)) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        with pytest.raises(PathError, match=r"^no permission to read 's3://logs/x': \S.*$"):
            find("s3://logs/x")
        with pytest.raises(PathError, match=r"^no permission to read 'http://.*/x': 403 Forbidden"):
            find(f"{address}/x?signature=secret")


def test_a_bucket_that_cannot_be_reached_is_told_in_a_line(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()

    with pytest.raises(PathError, match=r"^cannot read 's3://logs/x': Could not connect .*:1/"):
        find("s3://logs/x")
    with pytest.raises(PathError, match=r"^cannot read 'http://127.0.0.1:1/x': Cannot connect"):
        find("http://127.0.0.1:1/x")


def test_missing_credentials_are_told_in_a_line(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    fsspec.get_filesystem_class("s3").clear_instance_cache()

    with pytest.raises(PathError, match=r"^no credentials to read 's3://logs/x'; set AWS_PROFILE"):
        find("s3://logs/x")


def raising(error: Exception) -> Callable[[str], None]:
    def fail(name: str) -> None:
        raise error

    return staticmethod(fail)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError("Access Denied"), "no permission to read {url!r}: Access Denied"),
        (RuntimeError("two\nlines"), "cannot read {url!r}: two lines"),
        (ValueError(), "cannot read {url!r}: ValueError"),
        (OSError(28, "x"), "cannot fetch {url!r}: no space is left for temporary files; TMPDIR"),
    ],
)
def test_what_a_file_system_raises_is_told_in_a_line(
    moody: type[MoodyFileSystem], error: Exception, said: str
) -> None:
    moody.on_get = raising(error)

    with pytest.raises(PathError) as refused:
        micrometric.read("moody://b/run")

    expected = said.format(url="moody://b/run/micro_metrics.jsonl")
    assert str(refused.value).startswith(expected)


def test_patience_ends_where_nothing_comes(
    moody: type[MoodyFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    moody.on_get = staticmethod(silence)

    with pytest.raises(PathError, match=r"^cannot read 'moody://b/run': no answer for 0.3 seconds"):
        micrometric.read("moody://b/run")


def test_what_was_deleted_meanwhile_is_not_there(moody: type[MoodyFileSystem]) -> None:
    files = MoodyFileSystem()
    files.pipe_file("/b/other/micro_metrics.jsonl", lines(2))

    def delete(name: str) -> None:
        if "/run/" in name:
            files.store.pop(name, None)

    moody.on_get = staticmethod(delete)

    assert len(micrometric.read("moody://b")) == 1


def test_what_is_closed_meanwhile_is_read_once(moody: type[MoodyFileSystem]) -> None:
    files = MoodyFileSystem()
    plain, active = f"micro_metrics.{SESSION}.jsonl", f"/b/run/micro_metrics.{SESSION}.jsonl"
    files.store.clear()
    files.pipe_file(active, lines(0, 1))

    def rotate(name: str) -> None:
        closed = f"/b/run/{closed_name(SESSION, 0)}"
        if name.endswith(plain) and closed not in files.store:
            files.pipe_file(closed, lines(0, 1))
            files.pipe_file(active, lines(2))

    moody.on_get = staticmethod(rotate)

    assert [e.value * 4 for e in micrometric.iter_events("moody://b")] == [0, 1, 2]


def test_what_is_listed_and_never_there_is_an_error(moody: type[MoodyFileSystem]) -> None:
    moody.on_get = raising(FileNotFoundError("x"))

    with pytest.raises(PathError, match=r"^cannot read 'moody://b/run/.*jsonl': it is listed and"):
        micrometric.read("moody://b")
    with pytest.raises(PathError, match=r"^no such path: 'moody://b/run/micro_metrics.jsonl'"):
        micrometric.read("moody://b/run/micro_metrics.jsonl")


def test_names_that_a_disk_takes_for_one_are_refused(temporary: Path) -> None:
    mirror = remote.Mirror()
    path = mirror.file(("s3", "b", "micro_metrics.jsonl"))
    mirror._claimed.clear()

    with pytest.raises(PathError, match=r"^cannot fetch 's3://b/micro_metrics.jsonl' beside a"):
        mirror.file(("s3", "b", "micro_metrics.jsonl"))
    assert path.exists()


def test_following_a_url_is_refused(memory: str, tree: Path) -> None:
    with pytest.raises(
        PathError, match=rf"^cannot follow '{memory}': only files of this machine are"
    ):
        follow(memory)
    with follow(f"file://{tree}", last=1) as follower:
        assert next(follower).metric == "recall"


@pytest.mark.parametrize(
    ("url", "hidden", "command"),
    [
        ("s3://b/x", "s3fs", "'micrometric[s3]'"),
        ("s3://b/x", "fsspec", "'micrometric[s3]'"),
        ("https://b/x", "aiohttp", "'micrometric[remote]'"),
        ("gs://b/x", "gcsfs", "'micrometric[remote]' gcsfs"),
        ("memory://b/x", "fsspec", "'micrometric[remote]'"),
        ("sftp://b/x", "paramiko", "'micrometric[remote]' paramiko"),
    ],
)
def test_a_missing_package_is_told_with_what_installs_it(
    url: str, hidden: str, command: str
) -> None:
    code = (
        f"import sys; sys.modules[{hidden!r}] = None\nimport micrometric\nmicrometric.read({url!r})"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    said = told.stderr.splitlines()[-1]
    line = f"reading '{url}' needs {hidden}; install it with: pip install {command}"
    assert said == f"micrometric.errors.PathError: {line}"


FORKING = """
import os, sys
import fsspec, micrometric.finder
fsspec.filesystem("memory").pipe_file("/b/micro_metrics.jsonl", b"x")
segments = micrometric.finder.find("memory://b").segments
child = os.fork()
if child == 0:
    del segments
    sys.exit()
os.waitpid(child, 0)
print([segment.path.exists() for segment in segments])
"""


def test_a_child_that_ends_leaves_its_parent_the_files() -> None:
    told = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, check=True)

    assert told.stdout == b"[True]\n"
