r"""The event line: one measurement as one line of strict JSON. This module is its specification.

    {"timestamp":"2026-11-23T08:29:37.581670Z","metric":"density","value":0.25,
     "metadata":{"layer_idx":3},"location":"pkg.module.Class.method"}\n

written without spaces or breaks, in UTF-8, keys in this order; FIELDS below says what each holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeGuard

import msgspec

from micrometric.bounds import DIGITS_LIMIT, NESTING_LIMIT, is_too_deep
from micrometric.errors import NotAnEvent

FIELDS = {
    "timestamp": "time of the call, ISO 8601; written in UTC with microseconds, "
    "read in any zone, without one as local time",
    "metric": "identifier of the metric; files of the original logger may say `metric_enum`",
    "value": "number, string, bool, null, list or object; non-finite floats are "
    'the strings "NaN", "Infinity" and "-Infinity"',
    "metadata": "object, {} when there is none; absent or null reads as {}",
    "location": "module.Qualified.name of the caller; absent or null reads as an empty text",
}
ORIGIN_FIELDS = ("run", "session", "rank", "launch")
"""Where an event came from: at the end of lines that a command printed, never in a segment."""

LARGEST_RANK = 2**63 - 1
"""What columns of 64 bits hold; no launcher numbers so many processes."""

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class LogEvent:
    """One measurement: when, what, how much, in which circumstances, and where in the code.

    `run`, `session`, `rank` and `launch` say which file it was read from; they are None for
    an event that is still in the logger and wherever the files do not tell.
    """

    timestamp: datetime
    """Time of the call, aware, in UTC."""
    metric: str
    value: Any
    metadata: dict[str, Any]
    location: str
    run: str | None = None
    session: str | None = None
    rank: int | None = None
    launch: str | None = None
    directories: Mapping[str, str | int | float] | None = field(
        default=None, compare=False, repr=False
    )
    """The `name=value` parts of the path of its file, and no part of the line."""


class Line(msgspec.Struct, gc=False):
    """An event line as msgspec decodes it; types are checked afterwards, for plainer messages."""

    timestamp: Any = None
    metric: Any = None
    metric_enum: Any = None
    value: Any = msgspec.UNSET
    metadata: Any = None
    location: Any = None
    run: Any = None
    session: Any = None
    rank: Any = None
    launch: Any = None


_decoder = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder(decimal_format="number")


def encode_event(event: LogEvent) -> bytes:
    r"""Return the event as one line, `\n` included; its origin follows where it is known.

    Raises:
        TypeError: the value or metadata holds an object that is not JSON.
    """
    fields: dict[str, Any] = {
        "timestamp": format_timestamp(event.timestamp),
        "metric": event.metric,
        "value": finite(event.value),
        "metadata": finite(event.metadata),
        "location": event.location,
    }
    for name in ORIGIN_FIELDS:
        if (origin := getattr(event, name)) is not None:
            fields[name] = origin
    return encode_fields(fields)


def encode_fields(fields: dict[str, Any]) -> bytes:
    """Return a dict of plain JSON values, without non-finite floats, as one line of strict JSON."""
    try:
        return _encoder.encode(fields) + b"\n"
    except UnicodeEncodeError:
        import json  # seldom needed, and slow to load

        # A lone surrogate cannot be written in UTF-8, but JSON can escape it.
        return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def as_utf8(text: str) -> str:
    """Return a text with a sign in place of each lone surrogate, which UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def without_lone_surrogates(line: bytes) -> bytes:
    """Return a line as UTF-8 throughout: a sign in place of each escape that UTF-8 cannot hold."""
    import json  # seldom needed, and slow to load

    text = json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def decode_line(line: bytes, *, zone: tzinfo | None = None) -> LogEvent:
    """Return the event that a line holds.

    Args:
        line: one line, with or without its end; CRLF and a byte order mark are accepted.
        zone: the zone of a timestamp that names none; None is this machine's.

    Raises:
        NotAnEvent: the line is not JSON, not an object, or lacks or mistypes a key.
    """
    return to_event(decode_fields(line), zone=zone)


def to_event(
    fields: Line,
    *,
    zone: tzinfo | None = None,
    text_metrics: frozenset[str] = frozenset(),
    directories: Mapping[str, str | int | float] | None = None,
) -> LogEvent:
    """Return the event that checked fields make up.

    Args:
        fields: those of a line.
        zone: see `decode_line`.
        text_metrics: metrics registered as `str`, whose "NaN" stays a text.
        directories: the `name=value` parts of the path of its file.

    Raises:
        NotAnEvent: the timestamp is no time.
    """
    return LogEvent(
        timestamp=parse_timestamp(fields.timestamp, zone),
        metric=fields.metric,
        value=read_value(fields.value, is_text=fields.metric in text_metrics),
        metadata={} if fields.metadata is None else fields.metadata,
        location="" if fields.location is None else fields.location,
        run=fields.run if isinstance(fields.run, str) else None,
        session=fields.session if isinstance(fields.session, str) else None,
        rank=fields.rank if is_rank(fields.rank) else None,
        launch=fields.launch if isinstance(fields.launch, str) else None,
        directories=directories,
    )


def is_rank(value: object) -> TypeGuard[int]:
    """Say whether JSON data is a rank: a whole number from 0 to `LARGEST_RANK`, and no bool."""
    return value.__class__ is int and 0 <= value <= LARGEST_RANK


def decode_fields(line: bytes) -> Line:
    """Return the fields of a line, with the types they must have; the timestamp is not parsed.

    Raises:
        NotAnEvent: the line is not JSON, not an object, or lacks or mistypes a key.
    """
    if len(line) > NESTING_LIMIT and is_too_deep(line):
        raise NotAnEvent(f"nested more than {NESTING_LIMIT} deep", "nesting")
    fields = _decode_json(line.removeprefix(_BYTE_ORDER_MARK))
    if fields.metric is None:
        fields.metric = fields.metric_enum
    _check_fields(fields)
    return fields


def _decode_json(line: bytes) -> Line:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Slower and more lenient: bare NaN, numbers beyond a double, lone surrogates.
        return _decode_leniently(line)


def _decode_leniently(line: bytes) -> Line:
    import json  # seldom needed, and slow to load

    try:
        document = json.loads(line.decode())
    except UnicodeDecodeError:
        raise NotAnEvent("not UTF-8", "encoding") from None
    except json.JSONDecodeError:
        raise NotAnEvent("not JSON", "json") from None
    except ValueError:
        reason = f"holds an integer of more than {DIGITS_LIMIT} digits"
        raise NotAnEvent(reason, "digits") from None
    if not isinstance(document, dict):
        raise NotAnEvent(f"expected a JSON object, found {_json_type(document)}")
    return Line(**{key: document[key] for key in Line.__struct_fields__ if key in document})


def _check_fields(fields: Line) -> None:
    if (
        fields.timestamp.__class__ is fields.metric.__class__ is fields.location.__class__ is str
        and fields.metadata.__class__ is dict
        and fields.value is not msgspec.UNSET
    ):
        return  # As nearly all are.
    for name in ("timestamp", "metric"):
        found = getattr(fields, name)
        if not isinstance(found, str):
            raise NotAnEvent(_lacks(name) if found is None else _mistyped(name, "a string", found))
    if fields.value is msgspec.UNSET:
        raise NotAnEvent(_lacks("value"))
    if not isinstance(fields.metadata, dict | None):
        raise NotAnEvent(_mistyped("metadata", "an object", fields.metadata))
    if not isinstance(fields.location, str | None):
        raise NotAnEvent(_mistyped("location", "a string", fields.location))


def _lacks(name: str) -> str:
    return f"lacks the key {name!r}"


def _mistyped(name: str, expected: str, found: object) -> str:
    return f"{name!r} is {_json_type(found)}, expected {expected}"


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a bool", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")


def read_value(value: Any, *, is_text: bool) -> Any:
    """Return the value that stands in a line for a value.

    Args:
        value: as JSON has it.
        is_text: whether the metric is registered as `str`. Its "NaN" is a text, and a bare NaN the
            text that it would have been written as.
    """
    return finite(value) if is_text else _with_floats(value)


def _with_floats(value: Any) -> Any:
    """Return the value with the strings of non-finite floats turned back into floats."""
    if isinstance(value, str):
        return NON_FINITE.get(value, value)
    if isinstance(value, list):
        return [_with_floats(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_floats(item) for key, item in value.items()}
    return value


def finite(value: Any) -> Any:
    """Return plain JSON data with each non-finite float as the string that stands for it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else non_finite_name(value)
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return value


def non_finite_name(value: float) -> str:
    """Return how a float that is not finite is written."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def format_timestamp(moment: datetime) -> str:
    """Return an aware datetime as it stands in an event line: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""The first and the last second that are a time: of the years 1 and 9999."""


def moment_at(seconds: float) -> datetime:
    """Return the time at so many seconds from the epoch, or the nearest that there is.

    Files, too, may be dated to years that no `datetime` has.
    """
    return datetime.fromtimestamp(min(max(seconds, FIRST_SECOND), LAST_SECOND), UTC)


def parse_timestamp(text: str, zone: tzinfo | None = None) -> datetime:
    """Return an ISO 8601 text as an aware datetime in UTC; digits beyond microseconds are cut.

    Args:
        text: date and time, with or without a zone.
        zone: the zone of a text without one; None is this machine's.

    Raises:
        NotAnEvent: the text is no ISO 8601 time between the years 1 and 9999.
    """
    try:
        # RFC 3339 allows small letters.
        moment = datetime.fromisoformat(text.upper() if text.endswith("z") else text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise NotAnEvent(
            f"timestamp {text[:40]!r} is not ISO 8601 within years 1-9999", "time"
        ) from None


def is_naive(text: str) -> bool:
    """Say whether an ISO 8601 text names no zone; False for a text that is not ISO 8601."""
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False
