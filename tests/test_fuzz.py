"""A short part of the fuzzing, the same each time, and what longer runs have found."""

import random
from pathlib import Path

import pytest

from micrometric import check, iter_events, repair
from micrometric.errors import FilterError, ManifestError
from micrometric.manifest import read_manifest
from micrometric.report import Report
from micrometric.where import parse_where
from tests.fuzz.__main__ import damaged
from tests.fuzz.mutations import damage_lines
from tests.fuzz.targets import TARGETS, read_session, reference, seeds, told_of

SAMPLES = Path(__file__).parents[1] / "sample_logs"
INPUTS = {"followed": 60, "parquet": 15, "engines": 10, "packed": 100, "lines": 150}
INTERVAL = '"heartbeat_interval":'
LOGS = sorted(SAMPLES.rglob("*.jsonl"))


@pytest.mark.parametrize("target", TARGETS)
def test_whatever_the_bytes_are_it_holds(target: str) -> None:
    chance = random.Random(target)
    sound = seeds(target)

    for data in sound:
        TARGETS[target](data)
    for _ in range(INPUTS.get(target, 300)):
        TARGETS[target](damaged(target, chance, sound))


def test_of_a_thousand_damages_each_costs_no_more_than_the_lines_it_touched(tmp_path: Path) -> None:
    chance = random.Random(8)
    path = tmp_path / "micro_metrics.jsonl"
    logs = [path.read_bytes() for path in LOGS]
    for _ in range(1000):
        log = chance.choice(logs)
        start = log.index(b"\n", chance.randrange(len(log) // 2)) + 1
        log = b"".join(log[start:].splitlines(keepends=True)[:40])
        data, touched = damage_lines(log, chance)
        path.write_bytes(data)
        report = Report()

        found = [told_of(event) for event in iter_events(path, assume_tz="UTC", report=report)]

        left = iter(found)
        whole = [reference(line)[0][0] for line in log.splitlines()]
        kept = [told for number, told in enumerate(whole) if number not in touched]
        assert all(told in left for told in kept)
        lines = [line for line in data.split(b"\n") if line.strip()]
        assert len(lines) == len(found) + report.skipped + len(report.unfinished)


def test_what_is_repaired_of_a_hundred_damages_is_sound(tmp_path: Path) -> None:
    chance = random.Random(9)
    for number in range(100):
        run = tmp_path / f"{number}" / "logs"
        run.mkdir(parents=True)
        data, _ = damage_lines(b"".join(LOGS[3].read_bytes().splitlines(True)[:50]), chance)
        (run / "micro_metrics.jsonl").write_bytes(data)

        (done,) = repair(run, tmp_path / f"{number}" / "out").repaired

        assert done.mended.read == len(data) == done.mended.kept + done.mended.set_aside
        left = {one.kind for one in check(tmp_path / f"{number}" / "out").defects}
        assert left <= {"order"}


def test_a_key_that_is_not_utf_8_is_found_where_it_is_not_read(tmp_path: Path) -> None:
    lines = LOGS[3].read_bytes().splitlines(keepends=True)[:5]
    lines[2] = lines[2].replace(b'"layer_idx"', b'"\xecayer_idx"')
    (tmp_path / "micro_metrics.jsonl").write_bytes(b"".join(lines))

    assert [(one.kind, one.line) for one in check(tmp_path).defects] == [("encoding", 3)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ID", "../../../etc/x", "session id '../../../etc/x' is none"),
        ("ID", "20261123T080000000000Z-" + "r" * 300 + "-1", "is none"),
        ('"heartbeat": "2', '"heartbeat": "soon 2', "session heartbeat 'soon 2"),
        ('"start": "2', '"start": "0001-01-01T00:00:00Z", "x": "2', "session start '0001"),
        ('"end": "2', '"end": "2026-11-23T08:00:00", "x": "2', "ISO 8601 with a zone"),
        (INTERVAL, f'{INTERVAL} 1e300, "x":', "is no number of seconds"),
        (INTERVAL, f'{INTERVAL} -1, "x":', "is no number of seconds"),
    ],
)
def test_facts_that_lead_astray_make_a_manifest_broken(tmp_path, old, new, said) -> None:
    (sound,) = SAMPLES.rglob("*.manifest.json")
    text = sound.read_text()
    path = tmp_path / sound.name
    path.write_text(text.replace(read_session(text.encode()) if old == "ID" else old, new))

    with pytest.raises(ManifestError, match="is broken") as refused:
        read_manifest(path)

    assert said in str(refused.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text", ["1and x", "0or x == 2", "x is 'a'", "x == '\\d'"])
def test_what_python_finds_odd_in_a_condition_is_not_told(text) -> None:
    try:
        parse_where(text)
    except FilterError as error:
        assert "--where" in str(error)  # noqa: PT017 - it may be read, or be refused
