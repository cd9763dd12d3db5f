"""What damaged compressed data still gives, and where its damage is."""

import gzip
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from micrometric import LogEvent, Report, check, iter_events, summarize
from micrometric.event import encode_event
from micrometric.found import Segment
from micrometric.reader import read_segment
from micrometric.salvage import DamagedError, Unpacked, unpacked

DATA = b"".join(b"%d squared is %d\n" % (number, number * number) for number in range(30_000))
PACKS = {".jsonl.gz": gzip.compress, ".jsonl.zst": zstandard.compress}
GOOD = (
    b'{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"m","value":1,"metadata":{"k":1},'
    b'"location":"a.f"}'
)


def salvaged(path: Path, suffix: str) -> tuple[bytes, DamagedError | None]:
    data = io.BytesIO()
    try:
        for part in unpacked(path, suffix):
            data.write(part)
    except DamagedError as error:
        return data.getvalue(), error
    return data.getvalue(), None


def test_lines_that_are_not_compressed_come_as_they_are(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(DATA)

    assert salvaged(path, ".jsonl") == (DATA, None)
    path.write_bytes(b"")
    assert salvaged(path, ".jsonl") == (b"", None)


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize("between", [b"", b"\0" * 100_000], ids=["nothing", "padding"])
def test_members_come_one_after_the_other(tmp_path, suffix, between):
    path = tmp_path / "log"
    pack = PACKS[suffix]
    path.write_bytes(pack(DATA) + between + pack(b"") + pack(b"more\n") + between)

    assert salvaged(path, suffix) == (DATA + b"more\n", None)


@pytest.mark.parametrize("suffix", PACKS)
def test_data_that_was_cut_gives_all_before_and_says_so(tmp_path, suffix):
    path = tmp_path / "log"
    packed = PACKS[suffix](DATA)
    path.write_bytes(packed[:-1])

    data, error = salvaged(path, suffix)

    assert DATA.startswith(data)
    assert len(data) > len(DATA) * 0.8
    assert str(error) == "it ends before the end of its data"
    assert error.place == len(packed) - 1


@pytest.mark.parametrize("suffix", PACKS)
def test_no_bytes_are_no_lines(tmp_path, suffix):
    path = tmp_path / "log"
    for content in (b"", b"\0" * 9):
        path.write_bytes(content)

        data, error = salvaged(path, suffix)

        assert (data, str(error), error.place) == (b"", "there are no bytes", len(content))


def test_damage_within_gzip_hides_nothing_before_it(tmp_path):
    """Its checksum is at its end, so what is wrong in a text is found there."""
    path = tmp_path / "log"
    first, second = gzip.compress(DATA), bytearray(gzip.compress(DATA))
    second[-8] ^= 1
    path.write_bytes(first + second + first)

    data, error = salvaged(path, ".jsonl.gz")

    assert data == DATA * 2
    assert "incorrect data check" in str(error)
    # All of a member that is read at once is given to zlib at once.
    assert len(first) < error.place < len(first) + len(second)


@pytest.mark.parametrize("before", [1, 2], ids=["at its start", "behind others"])
def test_what_is_no_member_is_damage_where_it_stands(tmp_path, before):
    path = tmp_path / "log"
    for suffix, pack in PACKS.items():
        whole = pack(DATA) * (before - 1) + pack(b"short\n")
        path.write_bytes(whole + b"X-junk" * 30_000)

        data, error = salvaged(path, suffix)

        assert data == DATA * (before - 1) + b"short\n"
        assert error.place == len(whole)


def test_damage_within_zstd_costs_no_block_before_it(tmp_path):
    path = tmp_path / "log"
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(DATA))
    packed[-1] ^= 1
    path.write_bytes(packed)

    data, error = salvaged(path, ".jsonl.zst")

    assert DATA.startswith(data)
    assert len(data) > len(DATA) * 0.7
    assert len(packed) - 64 <= error.place < len(packed)


@pytest.mark.parametrize("suffix", PACKS)
def test_unpacked_data_is_a_file(suffix):
    with io.BytesIO(PACKS[suffix](DATA)) as packed:
        file = Unpacked(packed, suffix)
        buffer = bytearray(7)

        assert file.readable()
        assert (file.readinto(buffer), bytes(buffer)) == (7, DATA[:7])
        assert (file.readinto(buffer), bytes(buffer)) == (7, DATA[7:14])
        assert file.readall() == DATA[14:]
        assert file.readinto(buffer) == 0


def test_the_damage_comes_behind_everything_before_it():
    packed = PACKS[".jsonl.gz"](DATA)
    file = io.BufferedReader(Unpacked(io.BytesIO(packed[:-9]), ".jsonl.gz"))

    assert file.read(1000) == DATA[:1000]
    with pytest.raises(DamagedError):
        while file.read1():
            pass


@pytest.mark.parametrize("suffix", PACKS)
def test_compressed_segments_are_read_up_to_their_damage(tmp_path: Path, suffix: str) -> None:
    pack = PACKS[suffix]
    lines = b"".join(
        encode_event(LogEvent(datetime(2026, 1, 1, tzinfo=UTC), "m", n / 7, {"n": n * n}, "f"))
        for n in range(20_000)
    )
    whole, broken = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    whole.write_bytes(pack(lines) + pack(GOOD + b"\n"))
    packed = bytearray(pack(lines))
    packed[len(packed) // 2 : len(packed) // 2 + 50] = b"\xff" * 50
    broken.write_bytes(packed)
    report = Report()

    assert len(list(read_segment(Segment(whole, "r", suffix=suffix), Report()))) == 20_001
    kept = list(read_segment(Segment(broken, "r", suffix=suffix), report))
    assert [event.value for event in kept] == [n / 7 for n in range(len(kept))]
    assert report.skipped >= 1
    assert "compressed data ends or is damaged" in report.examples[-1].reason


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_compressed_data_cut_anywhere_is_never_taken_for_whole(tmp_path, suffix, engine) -> None:
    """Also within its first bytes and at none of them, and where its lines are all there."""
    packed = PACKS[suffix](b"".join(GOOD + b"\n" for _ in range(3)))
    path = tmp_path / f"micro_metrics{suffix}"
    for end in (0, 1, 4, 5, len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:end])

        summary = summarize(path, engine=engine)

        assert summary.report.skipped == 1, end
        assert summary.report.examples[0].kind == "compressed"
        assert "compressed" in check(path).counts


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize(
    "behind", [b"junk", b"\x28\xb5", b"\x1f\x8b"], ids=["text", "half-zstd", "half-gzip"]
)
def test_a_whole_stream_is_kept_whatever_stands_behind_it(tmp_path, suffix, behind) -> None:
    path = tmp_path / f"micro_metrics{suffix}"
    path.write_bytes(PACKS[suffix](GOOD + b"\n") + behind)
    report = Report()

    assert len(list(iter_events(path, report=report))) == 1
    assert (report.skipped, report.examples[0].line) == (1, 2)


def test_a_file_that_is_not_compressed_after_all_says_so(tmp_path: Path) -> None:
    path = tmp_path / "micro_metrics.jsonl.gz"
    path.write_bytes(GOOD)
    report = Report()

    assert list(iter_events(path, report=report)) == []
    assert "compressed data ends or is damaged" in report.examples[0].reason
