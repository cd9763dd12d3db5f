"""Answers of an engine: asked again until no line is in doubt, and what their rows hold of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.engines import Engine
from micrometric.event import moment_at
from micrometric.keys import Key
from micrometric.report import Report

if TYPE_CHECKING:
    import narwhals as nw

Build = Callable[["nw.LazyFrame[Any]"], "nw.LazyFrame[Any]"]
"""Makes a frame of another."""
Rows = list[dict[str, Any]]
_KINDS = {
    type(None): "",
    bool: "booleans",
    int: "numbers",
    float: "numbers",
    str: "texts",
}


def answered(
    engine: Engine, request: Request, builds: Sequence[Build], kept: Build | None = None
) -> list[Rows]:
    """Return the rows of several frames, asked again until no line in the first is in doubt.

    Args:
        engine: what computes them.
        request: the keys that are asked for.
        builds: make the frames, the first with `suspects`.
        kept: makes the frame that they are made from, which is then computed once for all.
    """
    answers = _asked(engine, request, builds, kept)
    while answers is None or any(row["suspects"] for row in answers[0]):
        if answers is not None:
            engine.mend_suspects(request)
        answers = _asked(engine, request, builds, kept)
    return answers


def _asked(
    engine: Engine, request: Request, builds: Sequence[Build], kept: Build | None
) -> list[Rows] | None:
    """Return the rows of frames, or None when they must be loaded again."""
    loaded = engine.load(request)
    frame = loaded if kept is None else engine.keep(kept(loaded))
    if frame is None:
        return None
    answers = []
    for build in builds:
        rows = engine.collect(build(frame))
        if rows is None:
            return None
        answers.append(rows)
    return answers


def group_of(row: Mapping[str, Any], keys: Iterable[Key], request: Request) -> dict[str, Any]:
    """Return the metric and the keys of a row."""
    return {"metric": row["metric"]} | {
        key.name: _decoded(row[request.text_column(key)], key) for key in keys
    }


def _decoded(text: Any, key: Key) -> Any:
    if text is None:
        return None
    if key.kind == "bucket":
        return moment_at(text // 1_000_000)
    if key.path == "timestamp" and key.kind == "field":
        return text.replace(tzinfo=UTC)
    if key.is_json:
        import json  # lenient: other writers leave bare NaN in metadata

        decoded = json.loads(text)
        # Lists and objects cannot be told apart as groups but by their text.
        return text if isinstance(decoded, list | dict) else decoded
    return text


def note_mixed_keys(keys: Iterable[Key], rows: Rows, report: Report) -> None:
    """Note of each metadata key whether it holds values of several kinds."""
    for key in keys:
        if key.kind != "metadata":
            continue
        held = {_KINDS.get(type(row[key.name]), "lists or objects") for row in rows} - {""}
        if len(held) > 1:
            report.note(
                f"key {key.name!r} holds {' and '.join(sorted(held))}; values are grouped by "
                "their JSON text"
            )
