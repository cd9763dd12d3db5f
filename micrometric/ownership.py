"""Whose each segment is: its session and run, its number, and what stands for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from micrometric.fetched import place_of
from micrometric.found import Segment, SessionKey
from micrometric.manifest import SessionFacts
from micrometric.remote import mirror_of
from micrometric.runs import directory_keys, run_names
from micrometric.search import Located
from micrometric.segment import (
    SUFFIXES,
    closed_names,
    file_identity,
    original_session_id,
    parse_segment_name,
    rank_in,
)


def describe(
    located: Located, facts: dict[SessionKey, SessionFacts], *, in_place: bool
) -> list[Segment]:
    """Return located files as segments, by run and in the order in which they were begun.

    Args:
        located: the files, and below which paths they were found.
        facts: what manifests tell of sessions.
        in_place: whether what lies under a URL is left there.
    """
    runs = run_names({(place_of(path.parent), place_of(root)) for path, root in located.values()})
    segments: dict[tuple[Path, str | None, int | None], Segment] = {}
    for identity, (path, root) in located.items():
        name = parse_segment_name(path.name)
        session = name.session if name else None
        if name is not None and session is None:
            session = _plain_owner(path.parent, facts)
        known = facts.get((path.parent, session or ""))
        segment = Segment(
            path=path,
            run=runs[place_of(path.parent), place_of(root)],
            session=session,
            rank=known.rank if known else rank_in(session),
            launch=known.launch if known else None,
            directories=directory_keys(place_of(path.parent)),
            suffix=name.suffix if name else _suffix_of(path),
            index=name.index if name else None,
            identity=identity,
            archive=_archive_of(path) if name is not None and session is None else None,
            is_open=known is not None and known.end is None,
            held=(mirror := mirror_of(path)),
            remote=mirror.left.get(path) if mirror is not None and in_place else None,
        )
        # A segment and its compressed or compacted twin hold the same events. The first of
        # `SUFFIXES` counts: each further one is made from one before, which goes at last.
        twin = (path.parent, session or path.name, segment.index)
        if twin not in segments or _order(segment.suffix) < _order(segments[twin].suffix):
            segments[twin] = segment
    return _numbered(sorted(segments.values(), key=_begun), facts)


def _numbered(segments: list[Segment], facts: dict[SessionKey, SessionFacts]) -> list[Segment]:
    """Give each active segment the number that it gets when it is closed.

    That is one more than the last closed one has; where all of those were deleted, the manifest
    tells it, which else may be behind. It is ahead where the file was closed since it was found.
    """
    last: dict[SessionKey, int] = {}
    numbered = []
    for segment in segments:
        session = segment.session_key
        if segment.session is not None:
            index = segment.index
            if index is None:
                known = facts.get(session)
                is_there = file_identity(segment.path) == segment.identity
                told = known.segments if known and is_there else ()
                names = [fact.index for fact in told if fact.name == segment.path.name]
                index = max([last.get(session, -1) + 1, *names])
            segment = replace(segment, index=index)
            last[session] = index
        numbered.append(segment)
    return numbered


def _begun(segment: Segment) -> tuple[str, str, bool, int, str]:
    name = parse_segment_name(segment.path.name)
    index = name.index if name else None
    return segment.run, segment.session or "", index is None, index or 0, str(segment.path)


def _order(suffix: str) -> int:
    return SUFFIXES.index(suffix)


def _suffix_of(path: Path) -> str:
    for suffix in (".gz", ".zst"):
        if path.name.endswith(suffix):
            return f".jsonl{suffix}"
    if path.name.endswith(".parquet"):
        return ".parquet"
    return ".jsonl"


def _plain_owner(directory: Path, facts: dict[SessionKey, SessionFacts]) -> str | None:
    """Return the session that the plain segment belongs to: the last that claimed the name."""
    claims = [
        session for (place, _), session in facts.items() if place == directory and session.plain
    ]
    owner = max(claims, key=lambda session: session.id, default=None)
    if owner is None:
        return None
    # Once it has ended, its last segment may be archived, and the plain one be somebody else's.
    last = owner.segments[-1].index if owner.segments else 0
    is_archived = owner.end is not None and any(
        (directory / name).exists() for name in closed_names(owner.id, last)
    )
    return None if is_archived else owner.id


def _archive_of(path: Path) -> str | None:
    try:
        return original_session_id(path.stat().st_mtime)
    except OSError:
        return None  # It went away since it was found.
