"""Limits: what is within them is read by all readers, and what is beyond by none."""

from decimal import Decimal

import pytest

from micrometric import check, iter_events, summarize
from micrometric.blocks import pass_block, read_block
from micrometric.bounds import DIGITS_LIMIT, NESTING_LIMIT, are_moderate, is_too_deep
from micrometric.errors import ManifestError, NotAnEvent
from micrometric.event import decode_line
from micrometric.found import Segment
from micrometric.manifest import Manifest, read_manifest, write_manifest
from micrometric.report import Report
from micrometric.segment import PLAIN_NAME, manifest_name
from tests.cli.conftest import SESSION, event

DEEP = NESTING_LIMIT - 1
"""Levels inside of the object that a line is."""


def line(value: str = "1", metadata: str = '{"layer":1}', further: str = "") -> bytes:
    text = event(1, "density", "VALUE", metadata="METADATA").replace(" ", "")
    text = text.replace('"VALUE"', value).replace('"METADATA"', metadata)
    return f"{text[:-1]}{further}}}".encode()


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def within(levels: int) -> list[bytes]:
    objects = '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)
    return [
        line(nested(levels)),
        line(metadata=objects),
        line(further=f',"x":{nested(levels)}'),
        line('{"a":' + nested(levels - 1) + "}"),
        line("[" * levels + '"]]]}"' + "]" * levels),
        line(nested(levels)[:-levels] + "[],[]" * 2 + "]" * levels) if levels < DEEP else line(),
    ]


@pytest.mark.parametrize("data", within(DEEP))
def test_what_is_nested_up_to_the_limit_is_an_event(data):
    assert not is_too_deep(data)
    assert decode_line(data).metric == "density"


def test_what_was_closed_counts_no_more_and_what_is_open_still_does():
    assert not is_too_deep(b"[" * 100 + b"]" * 100 + b"[" * 100)
    assert is_too_deep(b"[" * 100 + b"]" + b"[" * 100)


@pytest.mark.parametrize("data", within(DEEP + 1)[:5])
def test_what_is_nested_deeper_is_none(data):
    assert is_too_deep(data)
    assert not are_moderate([data])
    with pytest.raises(NotAnEvent, match="nested more than 128 deep") as caught:
        decode_line(data)
    assert caught.value.kind == "nesting"


@pytest.mark.parametrize(
    "data",
    [line('"' + "[" * 999 + '"'), line('"' + r"\"[{" * 999 + '"'), line("[[],{}]" * 0 + nested(1))],
)
def test_brackets_in_texts_mean_nothing(data):
    assert not is_too_deep(data)


def test_brackets_behind_a_text_without_end_mean_nothing():
    assert not is_too_deep(b'{"a":"' + b"[" * 999)
    assert is_too_deep(b"[" * 999)


@pytest.mark.parametrize("place", ["value", "metadata", "inside"])
@pytest.mark.parametrize("digits", [DIGITS_LIMIT, DIGITS_LIMIT + 1])
def test_integers_have_so_many_digits(place, digits):
    number = "7" * digits
    data = {
        "value": line(number),
        "metadata": line(metadata=f'{{"layer":{number}}}'),
        "inside": line(f'{{"a":[{number}]}}'),
    }[place]

    if digits == DIGITS_LIMIT:
        decode_line(data)
    else:
        with pytest.raises(NotAnEvent, match="more than 4300 digits") as caught:
            decode_line(data)
        assert caught.value.kind == "digits"


@pytest.mark.parametrize(
    "beyond",
    [
        *within(DEEP + 1)[:2],
        line("7" * 5000),
        line(metadata='{"layer":' + "7" * 5000 + "}"),
        line("[[" + "7" * 5000 + "]]"),
    ],
)
def test_all_readers_agree_on_what_is_beyond(tmp_path, beyond):
    lines = b"\n".join([line(), beyond, line(), b""])
    (tmp_path / PLAIN_NAME).write_bytes(lines)
    segment = Segment(tmp_path / PLAIN_NAME, "run")
    report = Report()

    assert len([*iter_events(tmp_path, report=report)]) == 2
    assert report.skipped == 1
    assert read_block(lines, segment) is None
    assert pass_block(lines, segment) is None
    assert check(tmp_path).events == 2
    for engine in ("duckdb", "pandas"):
        summary = summarize(tmp_path, "layer", engine=engine)
        assert [row["count"] for row in summary] == [2]
        assert summary.report.skipped == 1


def test_a_manifest_has_a_limit_too(tmp_path, monkeypatch):
    path = tmp_path / manifest_name(SESSION)
    write_manifest(path, Manifest({}))
    monkeypatch.setattr("micrometric.manifest.MANIFEST_LIMIT", path.stat().st_size)
    assert read_manifest(path) == Manifest({})

    with path.open("ab") as file:
        file.write(b" ")

    with pytest.raises(ManifestError, match="is longer than 0 MiB, as none is"):
        read_manifest(path)


def test_what_the_logger_makes_of_data_beyond_the_limits_is_read(logger, logs):
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]

    with pytest.warns(UserWarning, match="density"):
        logger.log("density", deep)
        logger.log("density", Decimal("7" * 5000))
    logger.log("density", Decimal("7" * 4000))

    report = Report()
    values = [event.value for event in iter_events(logs, report=report)]
    assert report.skipped == 0
    assert values[1] == f"Decimal('{'7' * 5000}')"
    assert values[2] == int("7" * 4000)
