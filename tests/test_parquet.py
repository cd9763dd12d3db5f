"""Parquet segments: what comes back is what the lines said, for every reader."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrometric import NotAnEvent, PathError, Report, export, iter_events, read, summarize
from micrometric.engines.duckdb_files import Files
from micrometric.event import decode_line
from micrometric.follower import follow
from micrometric.manifest import Manifest, SessionFacts, write_manifest
from micrometric.parquet import ROW_GROUP, ParquetLines
from micrometric.parquet_writer import write_parquet
from micrometric.registry import Metric
from micrometric.segment import closed_name, manifest_name
from tests import strategies
from tests.tailing import lines

FIRST = "20261123T080000000000Z-r0-11"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**62, 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=4)
    | st.sampled_from(["NaN", "-Infinity", "1.5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
odd_events = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from(
            [
                "2026-11-23T08:00:00.000000Z",
                "2026-11-23T08:00:00Z",
                "2026-11-23T08:00:00.123456+02:00",
                "2026-11-23T08:00:00.1",
                "0044-03-15T12:00:00.000000Z",
                "9999-12-31T23:59:59.999999Z",
                "2026-11-23",
            ]
        ),
        "metric": st.sampled_from(["a", "b"]) | st.text(st.characters(exclude_categories=())),
        "value": json_values,
    },
    optional={
        "metadata": st.none() | st.dictionaries(st.text(max_size=3), json_values, max_size=3),
        "location": st.none() | st.text(max_size=3),
        "run": st.text(max_size=2) | st.just(3),
        "rank": st.integers(-1, 3) | st.booleans() | st.just(2**70),
        "extra": json_values,
    },
)
odd_lines = st.builds(
    lambda event, style: json.dumps(event, **style).encode("utf-8", "backslashreplace"),
    odd_events,
    st.sampled_from([{}, {"separators": (",", ":")}, {"separators": (",", ":"), "indent": None}]),
)


def line(number: object, **fields: object) -> bytes:
    moment = f"2026-11-23T08:00:00.{fields.pop('at', 0):06d}Z"
    event = {"timestamp": moment, "metric": "n", "value": number, "metadata": {}, "location": "f"}
    return json.dumps(event | fields, separators=(",", ":")).encode() + b"\n"


def whole(path: Path) -> list[bytes]:
    with ParquetLines(path) as rows:
        return rows.read().splitlines(keepends=True)


@contextlib.contextmanager
def both(lines: list[bytes]) -> Iterator[tuple[Path, Path]]:
    """A run as lines and as Parquet; both are called the same."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "a", "run"), Path(folder, "b", "run")
        for path in paths:
            path.mkdir(parents=True)
        (paths[0] / closed_name(FIRST, 0)).write_bytes(b"".join(lines))
        write_parquet(lines, paths[1] / closed_name(FIRST, 0, ".parquet"))
        yield paths


@given(st.lists(odd_lines | strategies.lines() | strategies.damaged_lines, max_size=8))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_event_comes_back_as_it_was(lines):
    events, good = [], []
    for one in lines:
        with contextlib.suppress(NotAnEvent):
            events.append(repr(decode_line(one, zone=UTC)))
            good.append(one + b"\n")

    with both(good) as (_, path):
        (file,) = path.iterdir()
        back = whole(file)

        assert [repr(decode_line(one, zone=UTC)) for one in back] == events
        with ParquetLines(file) as rows:
            assert [*rows.lines_back()] == [one.rstrip(b"\n") for one in reversed(back)]
        assert back[:1] == [one.rstrip(b"\n") + b"\n" for one in good[:1]]


@given(
    st.lists(strategies.lines() | strategies.damaged_lines, max_size=8),
    st.sampled_from(
        ["location", "layer", "step,layer", "nested.inner", "run,session,rank", "1m", "value"]
    ),
    st.sampled_from([None, "layer > 0", "layer == 'a' or step", "value > 0", "rank == 5"]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_figures_are_those_of_the_lines(lines, by, where):
    good = []
    for one in lines:
        with contextlib.suppress(NotAnEvent):
            decode_line(one, zone=UTC)
            good.append(one + b"\n")
    good.append(line(1, metadata={"layer": 1, "step": 1, "nested": {"inner": 1}}))

    with both(good) as paths:
        told = [summarize(path, by, where=where, assume_tz="UTC").rows for path in paths]

    assert repr(told[1]) == repr(told[0])


@pytest.mark.parametrize(
    ("dims", "by", "explode"),
    [
        (("head",), "head", ()),
        (("layer", "head"), "layer,head", ()),
        ((), "location", ()),
        ((), "place", ("place",)),
    ],
)
def test_lists_are_taken_element_by_element(dims, by, explode):
    lines = [line([1, 2.5, "NaN"]), line([[1, 2], [3, "x"]]), line(4.5), line([])]
    with both(lines) as paths:
        for path in paths:
            manifest = Manifest({"n": Metric("float", dims=dims)})
            write_manifest(path / manifest_name(FIRST), manifest)

        told = [summarize(path, by, explode=explode).rows for path in paths]

    assert told[1] == told[0]


def test_parquet_and_lines_are_read_together(tmp_path):
    keys = [{"k": 1}, {"k": "1"}, {"k": 1.0}, {"k": None}, {"k": True}, {}]
    for index, metadata in enumerate(keys):
        lines = [line(index + 0.5, metadata=metadata)]
        write_parquet(lines, tmp_path / closed_name(FIRST, 2 * index, ".parquet"))
        (tmp_path / closed_name(FIRST, 2 * index + 1)).write_bytes(lines[0])

    rows = summarize(tmp_path, "k").rows

    assert {repr(row["k"]): row["count"] for row in rows} == {
        "1": 4, "'1'": 2, "True": 2, "None": 4
    }  # fmt: skip
    assert [event.value for event in iter_events(tmp_path)] == [
        index + 0.5 for index in range(6) for _ in range(2)
    ]
    assert len(read(tmp_path)) == 12


def test_a_text_metric_keeps_its_nan(tmp_path):
    write_parquet([line("NaN"), line(1.5)], tmp_path / closed_name(FIRST, 0, ".parquet"))
    write_manifest(tmp_path / manifest_name(FIRST), Manifest({"n": Metric("str")}))

    (row,) = summarize(tmp_path).rows

    assert [event.value for event in iter_events(tmp_path)] == ["NaN", 1.5]
    assert (row["count"], row["non_finite"], row["non_numeric"]) == (1, 0, 1)


def test_a_time_without_zone_is_that_of_the_reader(tmp_path):
    naive = line(1.5, timestamp="2026-11-23T08:00:00.000000")
    path = tmp_path / closed_name(FIRST, 0, ".parquet")
    write_parquet([line(0.5), naive], path)

    for zone, hour in (("UTC", 8), ("Europe/Berlin", 7)):
        report = Report()
        last = [*iter_events(tmp_path, assume_tz=zone, report=report)][-1]
        assert (last.timestamp.hour, report.assumed_zone) == (hour, zone)
        rows = summarize(tmp_path, "1h", assume_tz=zone).rows
        assert hour in {row["1h"].hour for row in rows}


def test_anybody_can_query_it(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet([line(2, metadata={"layer": 3}), line("text", metadata={"layer": 4})], path)

    told = duckdb.sql(
        'SELECT value, value_json, "metadata.layer", epoch_us(timestamp) > 0 '
        f"FROM read_parquet('{path}')"
    ).fetchall()

    assert told == [(2.0, "2", 3, True), (None, '"text"', 4, True)]


def test_keys_of_several_types_or_names_that_clash_have_no_column(tmp_path):
    path = tmp_path / "x.parquet"
    odd = [{"a": 1, "b": 1, "B": 2, "": 1, "c": 2**64}, {"a": "1", "b": 3, "c": 1}]
    write_parquet([line(1, metadata=metadata | {"d": True}) for metadata in odd], path)

    with ParquetLines(path) as rows:
        assert rows.footer.keys == {"d": "BOOLEAN"}


def test_the_last_events_are_read_without_the_others(tmp_path):
    path = tmp_path / closed_name(FIRST, 0, ".parquet")
    write_parquet((line(n, at=n) for n in range(2 * ROW_GROUP)), path)
    data = bytearray(path.read_bytes())
    data[1000 : len(data) // 4] = bytes(len(data) // 4 - 1000)
    path.write_bytes(data)  # Whoever reads the first rows meets the damage.

    report = Report()
    last = follow(tmp_path, last=3, report=report).past()

    assert [event.value for event in last] == [2 * ROW_GROUP - n for n in (3, 2, 1)]
    assert report.skipped == 0


class TestWhatIsNotOurs:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        (tmp_path / closed_name(FIRST, 1)).write_bytes(line(7))
        return tmp_path / closed_name(FIRST, 0, ".parquet")

    def make(self, path: Path, kind: str) -> None:
        if kind == "foreign":
            duckdb.sql(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet)")
        elif kind in ("later", "forged"):
            version = {"later": 9, "forged": 1}[kind]
            footer = (
                "{'micrometric.format': 'micrometric-segment', "
                f"'micrometric.version': '{version}'}}"
            )
            duckdb.sql(f"COPY (SELECT 1) TO '{path}' (FORMAT parquet, KV_METADATA {footer})")
        else:
            write_parquet([line(n) for n in range(100)], path)
            data = path.read_bytes()
            path.write_bytes({"cut": data[:-9], "empty": b"", "text": b"no"}[kind])

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("foreign", "of another program"),
            ("later", "of version 9, this micrometric reads up to 1; upgrade"),
            ("forged", "its column 'timestamp' should be TIMESTAMP WITH TIME ZONE, and is missing"),
            ("cut", "not a whole Parquet file"),
            ("empty", "not a whole Parquet file"),
            ("text", "not a whole Parquet file"),
        ],
    )
    def test_it_is_skipped_and_told_in_a_line(self, path, kind, reason):
        self.make(path, kind)
        report = Report()

        values = [event.value for event in iter_events(path.parent, report=report)]
        summary = summarize(path.parent)
        past = Report()
        last = follow(path.parent, last=3, report=past).past()

        assert values == [event.value for event in last] == [7]
        assert [row["count"] for row in summary.rows] == [1]
        for told in (report, summary.report, past):
            (sentence,) = told.sentences()
            assert told.skipped == 1
            assert str(path) in sentence
            assert reason in sentence
            assert "\n" not in sentence

    def test_alone_it_leaves_nothing(self, path):
        self.make(path, "foreign")
        (path.parent / closed_name(FIRST, 1)).unlink()

        assert summarize(path.parent).rows == []
        assert summarize(path.parent, "k").rows == []  # Of no events, no key is known.

    def test_damage_within_is_told_and_the_rows_before_it_count(self, path):
        write_parquet((line(n + 0.5) for n in range(3 * ROW_GROUP)), path)
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 20_000] = bytes(20_000)
        path.write_bytes(data)
        report = Report()

        count = sum(1 for _ in iter_events(path.parent, report=report))
        summary = summarize(path.parent)

        assert count == ROW_GROUP + 1
        assert [row["count"] for row in summary.rows] == [count]
        assert report.skipped == summary.report.skipped == 1
        assert "damaged Parquet" in report.sentences()[0]

    def test_what_goes_away_under_a_summary_leaves_the_rest(self, path, monkeypatch):
        write_parquet([line(1)], path)
        pin = Files._pin_open_segments

        def late(files, pinned):
            path.unlink()
            pin(files, pinned)

        monkeypatch.setattr(Files, "_pin_open_segments", late)

        assert [row["max"] for row in summarize(path.parent)] == [7]

    def test_where_nothing_can_be_written_an_error_says_so(self, path):
        with pytest.raises(OSError, match="No such file or directory"):
            write_parquet([line(1)], path.parent / "nowhere" / "x.parquet")

    def test_a_file_that_is_gone_raises(self, tmp_path):
        with pytest.raises(PathError):
            next(iter_events(tmp_path / "x.parquet"))


def test_a_segment_of_a_living_session_compacted_by_hand_is_read(tmp_path):
    facts = SessionFacts(FIRST, "2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "h", "b", 1)
    write_manifest(tmp_path / manifest_name(FIRST), Manifest({"n": Metric("float")}, facts))
    write_parquet([line(1.5)], tmp_path / closed_name(FIRST, 0, ".parquet"))

    (row,) = summarize(tmp_path, "session,rank,run").rows

    assert (row["session"], row["count"]) == (FIRST, 1)


def test_an_error_of_another_kind_is_no_damage(tmp_path):
    (tmp_path / closed_name(FIRST, 0)).write_bytes(line(1))

    def fail(frame):
        raise duckdb.CatalogException("no such function")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(duckdb.CatalogException):
        patch.setattr(duckdb.DuckDBPyRelation, "fetchall", fail)
        summarize(tmp_path)


def test_no_connection_installs_or_loads_an_extension(tmp_path, monkeypatch):
    path = tmp_path / closed_name(FIRST, 0)
    path.write_text(lines([1, 2]))
    connect, told = duckdb.connect, []

    def connected(*args, **options):
        connection = connect(*args, **options)
        asked = "SELECT value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions'"
        told.append(connection.execute(asked).fetchall())
        return connection

    monkeypatch.setattr(duckdb, "connect", connected)
    write_parquet([lines([3]).encode()], tmp_path / closed_name(FIRST, 1, ".parquet"))
    summarize(tmp_path)
    export(tmp_path, tmp_path / "events.parquet")
    read(tmp_path, engine="duckdb")

    assert len(told) > 3
    assert {*map(tuple, told)} == {(("false",), ("false",))}
