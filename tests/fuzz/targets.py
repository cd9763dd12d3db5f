"""What must hold whatever the bytes are: one function a target, which raises where it does not."""

import gzip
import io
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

import zstandard

from micrometric import check, follow, summarize
from micrometric.blocks import pass_block
from micrometric.conditions import holds, names_in
from micrometric.damage import damage_of
from micrometric.errors import FilterError, ManifestError, NoDataError, NotAnEvent, SpecError
from micrometric.event import LogEvent, decode_line
from micrometric.finder import Segment
from micrometric.manifest import read_manifest
from micrometric.mending import mend_segment
from micrometric.parquet_writer import write_parquet
from micrometric.reader import read_segment
from micrometric.report import Report
from micrometric.scanning import scan_segment
from micrometric.segment import PLAIN_NAME, closed_name, manifest_name
from micrometric.spec import parse_spec
from micrometric.where import parse_where

SESSION = "20261123T080000000000Z-r0-11"
SEEDS = Path(__file__).parents[2] / "sample_logs"


@contextmanager
def segment_of(data: bytes, suffix: str = ".jsonl") -> Iterator[Segment]:
    with tempfile.TemporaryDirectory(prefix="micrometric-fuzz-") as folder:
        path = Path(folder) / closed_name(SESSION, 0, suffix)
        path.write_bytes(data)
        yield Segment(path, "run", suffix=suffix)


def same(one: LogEvent, other: LogEvent) -> bool:
    return repr(one) == repr(other)


def told_of(event: LogEvent) -> str:
    """Return all that a line says, whoever reads it."""
    told = (event.timestamp, event.metric, event.value, event.metadata, event.location)
    return repr(told)


def reference(data: bytes) -> tuple[list[str], int, bool]:
    """Return the events of a log line by line, the lines that are none, and whether one is cut."""
    events, skipped, cut = [], 0, False
    *whole, last = data.split(b"\n")
    for line in whole:
        if line.strip():
            try:
                events.append(told_of(decode_line(line, zone=UTC)))
            except NotAnEvent:
                skipped += 1
    if last.strip():
        try:
            events.append(told_of(decode_line(last, zone=UTC)))
        except NotAnEvent:
            cut = True
    return events, skipped, cut


def lines(data: bytes) -> None:
    """Reading many lines at once, following, checking and mending agree with reading line by line.

    All bytes of what is mended add up, and mending it again changes nothing.
    """
    expected, skipped, cut = reference(data)
    with segment_of(data) as segment:
        report = Report()
        found = [told_of(event) for event in read_segment(segment, report, UTC)]
        assert found == expected
        assert (report.skipped, bool(report.unfinished)) == (skipped, cut)

        defects = []
        scanned = scan_segment(segment, {}, UTC, lambda defect, _: defects.append(defect))
        assert scanned.events == len(expected)
        kinds = [one.kind for one in defects if one.kind not in ("order", "doubled")]
        assert len(kinds) == skipped + cut
        for defect in defects:
            assert defect.excerpt.isprintable()
            assert str(defect).isprintable()

        mended(segment, data, expected)
        passed = pass_block(data, segment)
        if passed is not None:
            assert reference(passed[0])[0] == expected
            assert (skipped, cut) == (0, False)


def mended(segment: Segment, data: bytes, expected: list[str]) -> None:
    folder = segment.path.parent
    target, aside = folder / "new.jsonl", folder / "aside"
    done = mend_segment(segment.path, segment.suffix, target, aside, keep_doubled=True)
    assert done.read == len(data) == done.kept + done.set_aside
    out = target.read_bytes()
    assert len(out) == done.kept + done.added
    kept, skipped, cut = reference(out)
    assert (len(kept), skipped, cut) == (done.events, 0, False)
    left = iter(kept)
    assert all(event in left for event in expected)
    again = mend_segment(target, ".jsonl", folder / "again", folder / "more", keep_doubled=True)
    assert again.is_as_it_was
    assert (folder / "again").read_bytes() == out


def followed(data: bytes) -> None:
    """Following a file that grows bit by bit gives what reading it gives."""
    chance = random.Random(len(data))
    whole = data[: data.rfind(b"\n") + 1]
    expected, skipped, _ = reference(whole)
    with tempfile.TemporaryDirectory(prefix="micrometric-fuzz-") as folder:
        path = Path(folder) / PLAIN_NAME
        path.touch()
        report = Report()
        with follow(
            folder, poll=True, poll_interval=0.001, assume_tz="UTC", report=report
        ) as follower:
            batches = follower.batches()
            found: list[str] = [told_of(event) for event in next(batches)]
            place = 0
            while place < len(whole):
                end = place + chance.choice([1, 100, 5000, 100_000])
                with path.open("ab") as file:
                    file.write(whole[place:end])
                place = end
                found += [told_of(event) for event in next(batches)]
            for _ in range(3):
                found += [told_of(event) for event in next(batches)]
    assert found == expected
    assert report.skipped == skipped


def packed(data: bytes) -> None:
    """Damaged compressed data gives what is before the damage, and repair no less than reading."""
    suffix = ".jsonl.gz" if data[:2] == b"\x1f\x8b" else ".jsonl.zst"
    with segment_of(data, suffix) as segment:
        report = Report()
        found = [told_of(event) for event in read_segment(segment, report, UTC)]
        target, aside = segment.path.parent / "new.jsonl", segment.path.parent / "aside"
        done = mend_segment(segment.path, suffix, target, aside, keep_doubled=True)
        assert done.read == done.kept + done.set_aside
        kept = iter(reference(target.read_bytes())[0])
        assert all(event in kept for event in found)
        assert check(segment.path).files == 1


def manifest(data: bytes) -> None:
    """A manifest of any bytes is read or refused, and never keeps its segments from being read."""
    line = b'{"timestamp":"2026-11-23T08:00:00Z","metric":"m","value":1,"metadata":{}}\n'
    with tempfile.TemporaryDirectory(prefix="micrometric-fuzz-") as name:
        folder = Path(name)
        (folder / manifest_name(SESSION)).write_bytes(data)
        (folder / closed_name(SESSION, 0)).write_bytes(line)
        try:
            read_manifest(folder / manifest_name(SESSION))
        except ManifestError:
            refused = True
        else:
            refused = False
        checked = check(folder)
        assert checked.events == 1
        assert not refused or "manifest" in checked.counts


def spec(data: bytes) -> None:
    """A spec of any text is read or refused, and what was read prints as it reads."""
    text = data.decode("utf-8", "replace")
    try:
        parsed = parse_spec(text)
    except SpecError:
        return
    again = parse_spec(str(parsed))
    for name in ("density", "a/b:c.d-e", "", text[:50]):
        assert parsed.matches(name) == again.matches(name)


def where(data: bytes) -> None:
    """A condition of any text is read or refused, and holds or does not."""
    text = data.decode("utf-8", "replace")
    try:
        condition = parse_where(text)
    except FilterError:
        return
    names = set(names_in(condition))
    for value in (None, 1, 0.5, float("nan"), "text", True, [1], {"a": 1}):
        asked = set()
        assert holds(condition, lambda name, v=value, a=asked: a.add(name) or v) in (True, False)
        assert asked <= names


def parquet(data: bytes) -> None:
    """A damaged Parquet segment is read or told, and what is read of it are events."""
    with segment_of(data, ".parquet") as segment:
        report = Report()
        for event in read_segment(segment, report, UTC):
            assert isinstance(event, LogEvent)
        assert check(segment.path).files == 1


def engines(data: bytes) -> None:
    """DuckDB, which reads lines itself, and pandas, which has ours read them, tell the same."""
    with segment_of(data) as segment:
        answers = []
        for engine in ("duckdb", "pandas"):
            try:
                summary = summarize(
                    segment.path,
                    "location,step",
                    engine=engine,
                    assume_tz="UTC",
                    stats="count,mean",
                )
            except NoDataError as error:
                answers.append(str(error))
                continue
            rows = sorted(
                repr([(k, round(v, 6) if isinstance(v, float) else v) for k, v in row.items()])
                for row in summary.rows
            )
            answers.append((rows, summary.report.skipped, len(summary.report.unfinished)))
        assert answers[0] == answers[1]


def damage(data: bytes) -> None:
    """Each line that is no event has a kind, and its pieces cover it."""
    for line in data.split(b"\n"):
        if (told := damage_of(line)) is not None:
            ends = [0, *(piece.end for piece in told.pieces)]
            assert [piece.start for piece in told.pieces] == ends[:-1]
            assert ends[-1] == len(line.rstrip(b"\r\n"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (lines, followed, packed, manifest, spec, where, parquet, engines, damage)
}


def seeds(target: str) -> list[bytes]:
    """Return sound input for a target, of which damaged input is made."""
    logs = [
        b"".join(path.read_bytes().splitlines(keepends=True)[:12])
        for path in sorted(SEEDS.rglob("*.jsonl"))
    ]
    if target == "packed":
        return [pack(log) for log in logs for pack in (gzip.compress, zstandard.compress)]
    if target == "manifest":
        ended = [path.read_bytes() for path in sorted(SEEDS.rglob("*.manifest.json"))]
        return ended + [
            text.replace(b'"end"', b'"heartbeat_interval": 1.0, "x"').replace(
                session.encode(), SESSION.encode()
            )
            for text in ended
            if (session := read_session(text))
        ]
    if target == "spec":
        return [b"all,!debug_*", b"density,accuracy", b"*/loss:[ab]?", b"", b" a , b ", b"!!x"]
    if target == "where":
        return [
            b"layer_idx == 3 and value > 0.1",
            b"step in (0, 100) or not (head is None)",
            b'metadata["odd-key"] != "x" and 0 <= dir.top_k < 32',
            b"not a or (b and c == 'x') and d is not null",
        ]
    if target == "parquet":
        return [_as_parquet(log) for log in logs]
    return logs


def read_session(text: bytes) -> str:
    session: str = json.loads(text)["session"]["id"]
    return session


def _as_parquet(log: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        write_parquet(io.BytesIO(log), path)
        return path.read_bytes()
