"""Segments written anew: all bytes add up, whole events are kept, and mending twice is mending."""

import base64
import gzip
import json
import random
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from micrometric import mending, reader
from micrometric.errors import NotAddedUpError
from micrometric.mending import mend_segment
from tests.strategies import damaged_lines, lines

A = b'{"timestamp":"2026-11-23T08:00:01Z","metric":"a","value":1,"metadata":{},"location":"f"}'
B = b'{"timestamp":"2026-11-23T08:00:02Z","metric":"b","value":2,"metadata":{},"location":"g"}'
PACKED = {".jsonl": bytes, ".jsonl.gz": gzip.compress, ".jsonl.zst": zstandard.compress}


def mend(folder: Path, data: bytes, suffix: str = ".jsonl", *, keep_doubled: bool = False):
    """Return what became of a segment: its new bytes, the records set aside, and the account."""
    source, target, aside = folder / f"in{suffix}", folder / "out.jsonl", folder / "aside"
    source.write_bytes(data)
    target.unlink(missing_ok=True)
    aside.unlink(missing_ok=True)
    mended = mend_segment(source, suffix, target, aside, keep_doubled=keep_doubled)
    records = [*map(json.loads, aside.read_bytes().splitlines())] if aside.exists() else []
    return target.read_bytes(), records, mended


def bytes_of(record) -> bytes:
    if "text" in record:
        return record["text"].encode()
    return base64.b64decode(record.get("base64", ""))


def test_what_is_whole_stays_byte_for_byte(tmp_path):
    data = A + b"\r\n" + B.replace(b'":', b'" :') + b"\n\n  \n" + A + b"\n"

    out, records, mended = mend(tmp_path, data)

    assert (out, records) == (data, [])
    assert mended.is_as_it_was
    assert mended.events == 3


def test_what_shares_a_line_gets_its_own_and_the_rest_is_set_aside(tmp_path):
    data = A + B + b"\n" + A[:30] + B + b"\r\n" + B[40:] + b"\n" + A[:10]

    out, records, mended = mend(tmp_path, data, keep_doubled=True)

    assert out == A + b"\n" + B + b"\n" + B + b"\r\n"
    assert [(r["line"], r["byte"], r["kind"], bytes_of(r)) for r in records] == [
        (2, len(A + B) + 1, "merged", A[:30]),
        (3, len(A + B) + 1 + 30 + len(B) + 2, "torn", B[40:] + b"\n"),
        (4, len(data) - 10, "torn", A[:10]),
    ]
    assert (mended.split, mended.added, mended.rejected) == (2, 1, 3)


def test_a_doubled_line_is_set_aside_unless_the_account_wants_it(tmp_path):
    data = A + b"\n" + A + b"\n" + B + b"\n"

    assert mend(tmp_path, data)[0] == A + b"\n" + B + b"\n"
    assert mend(tmp_path, data, keep_doubled=True)[0] == data


def test_a_line_beyond_the_longest_is_set_aside_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(mending, "LINE_LIMIT", 1 << 17)
    data = A + b"\n" + b"x" * 3_000_000 + b"\n" + B + b"\n"

    out, records, _ = mend(tmp_path, data)

    assert out == A + b"\n" + B + b"\n"
    assert {(r["line"], r["kind"]) for r in records} == {(2, "length")}
    assert b"".join(map(bytes_of, records)) == b"x" * 3_000_000 + b"\n"
    assert all(len(bytes_of(record)) <= 1 << 20 for record in records)


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
@pytest.mark.parametrize("cut", [0.3, 0.9, 1.0])
def test_compressed_data_is_recovered_up_to_the_damage(tmp_path, suffix, cut):
    random.seed(1)
    members = [
        b"".join(A.replace(b":1,", b":%.12f," % random.random()) + b"\n" for _ in range(3000))
        for _ in range(4)
    ]
    packed = b"".join(map(PACKED[suffix], members))
    end = int(len(packed) * cut)

    out, records, mended = mend(tmp_path, packed[:end], suffix)

    whole = b"".join(members)
    assert whole.startswith(out)
    assert out.endswith(b"}\n")
    if cut == 1.0:
        assert (out, mended.damage) == (whole, None)
    else:
        # Not less than the members before the one that is cut.
        complete = int(cut * 4)
        assert len(out) >= len(b"".join(members[:complete]))
        assert "ends before" in mended.damage
        assert records[-1]["kind"] == "compressed"


def test_of_gzip_every_byte_before_the_damage_is_recovered(tmp_path):
    data = b"".join(A.replace(b":1,", b":%d," % n) + b"\n" for n in range(5000))
    packed = bytearray(gzip.compress(data))
    packed[len(packed) // 2 : len(packed) // 2 + 20] = b"\xff" * 20
    plain = gzip.compress(data)[: len(packed) // 2]

    out, _, mended = mend(tmp_path, bytes(packed), ".jsonl.gz")
    cut, _, _ = mend(tmp_path, plain, ".jsonl.gz")

    assert mended.damage is not None
    assert out.startswith(cut)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(lines(), damaged_lines, st.binary(max_size=40)), max_size=8),
    st.sampled_from([b"", b"\n", b"\r\n"]),
    st.sampled_from(sorted(PACKED)),
    st.booleans(),
)
def test_whatever_the_damage_all_bytes_add_up_and_no_event_is_lost(parts, end, suffix, doubled):
    data = b"\n".join(parts) + end
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out, records, mended = mend(folder, PACKED[suffix](data), suffix, keep_doubled=doubled)
        again, nothing, _ = mend(folder, out, keep_doubled=doubled)
        kept = [*reader.iter_events(folder / "out.jsonl", report=(report := reader.Report()))]
        (folder / "in.jsonl").write_bytes(data)
        before = [*reader.iter_events(folder / "in.jsonl")]

    assert mended.read == len(data) == mended.kept + mended.set_aside
    assert len(out) == mended.kept + mended.added
    assert sum(len(bytes_of(record)) for record in records) == mended.set_aside
    assert (again, nothing) == (out, [])
    assert (report.skipped, report.unfinished) == (0, [])
    assert len(kept) == mended.events
    # What the reader took from the damaged file is there, in its order.
    left = iter(map(repr, kept))
    wanted = [e for e, last in zip(before, [None, *before], strict=False) if doubled or e != last]
    assert all(repr(event) in left for event in wanted)


def test_what_does_not_add_up_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mending._Pen, "_write", lambda self, data: None)

    with pytest.raises(NotAddedUpError, match="were kept"):
        mend(tmp_path, A + b"\n")
