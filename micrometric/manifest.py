"""The manifest: what was registered, whose session it was, and an account of every event.

A session keeps one beside its segments and replaces it whole, so a reader never sees half of
one. Without a session it is a plain registry, as `micrometric list --output` writes it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from micrometric.bounds import AXES_LIMIT, MANIFEST_LIMIT
from micrometric.errors import ManifestError, PathError
from micrometric.event import LARGEST_RANK, is_rank
from micrometric.machine import Machine
from micrometric.registry import Metric
from micrometric.regular import open_regular
from micrometric.segment import is_session_id
from micrometric.temporary import hidden_name

FORMAT = "micrometric-manifest"
VERSION = 1
STALE_HEARTBEATS = 20
"""Promised heartbeats that must be missed before a session on another machine counts as dead."""
_LONGEST_INTERVAL = 1e9

SessionState = Literal["live", "ended", "killed", "unknown"]


class Counts(msgspec.Struct, omit_defaults=True):
    """The account of events: `logged = written + pending + sampled_out + capped + failed`."""

    logged: int = 0
    """Calls of `log` for an enabled metric."""
    written: int = 0
    """Lines in the segments."""
    pending: int = 0
    """Events still in memory."""
    sampled_out: int = 0
    """Events that sampling left out."""
    capped: int = 0
    """Events after `max_records` was reached."""
    failed: int = 0
    """Events that could not be kept."""
    not_enabled: int = 0
    """Calls for a metric that was not enabled; not part of `logged`."""
    misfits: int = 0
    """Events written although their value does not fit the dtype; part of `written`."""
    by_repr: int = 0
    """Events written with the `repr` of something JSON cannot hold; part of `written`."""

    @property
    def balances(self) -> bool:
        """Whether every logged event is accounted for."""
        kept = self.written + self.pending
        return self.logged == kept + self.sampled_out + self.capped + self.failed

    def add(self, other: Counts) -> None:
        """Add the counts of another account to this one."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Accounting(msgspec.Struct, omit_defaults=True):
    """The account of a session, in all and for each metric."""

    total: Counts = msgspec.field(default_factory=Counts)
    metrics: dict[str, Counts] = {}


class SegmentFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A segment as its session wrote it."""

    name: str
    index: int
    events: int = 0
    bytes: int = 0


class DeletedFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What retention deleted of a session."""

    segments: int = 0
    events: int = 0
    bytes: int = 0


class SessionFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Facts of a session; times are ISO 8601 in UTC, intervals seconds."""

    id: str
    start: str
    heartbeat: str
    host: str
    boot: str
    pid: int
    end: str | None = None
    heartbeat_interval: float | None = None
    """Longest time between two heartbeats while it lives, None when it promises none."""
    process_start: str | None = None
    """When the process started, in the machine's own terms: a reused pid has another."""
    rank: int | None = None
    launch: str | None = None
    program: str | None = None
    spec: str = ""
    sampling_factor: float = 1.0
    max_records: int | None = None
    plain: bool = False
    """Whether the active segment has the plain name."""
    claims_plain: bool = False
    """Whether it is about to take the plain name, and nobody else may."""
    segments: tuple[SegmentFacts, ...] = ()
    """The closed ones, the oldest first, then the active one."""
    deleted: DeletedFacts = DeletedFacts()
    going: tuple[int, ...] = ()
    """Numbers of segments that are being deleted; those that are gone are no loss."""


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A manifest; `session` and `accounting` are None for a registry that stands alone."""

    metrics: dict[str, Metric]
    session: SessionFacts | None = None
    accounting: Accounting | None = None


class _Head(msgspec.Struct):
    """The keys that tell whether the rest can be read."""

    format: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two manifests that register one metric with different dtypes."""

    identifier: str
    dtype: str
    place: str
    other_dtype: str
    other_place: str

    def __str__(self) -> str:
        """Return the conflict as one sentence."""
        return (
            f"metric {self.identifier!r} is {self.dtype} in {self.place} "
            f"but {self.other_dtype} in {self.other_place}"
        )


def read_manifest(path: Path, *, is_named: bool = False) -> Manifest:
    """Read a manifest.

    Args:
        path: the file.
        is_named: whether it was asked for by name: then it may be a pipe, and is waited for.

    Raises:
        PathError: the file is missing or cannot be read.
        ManifestError: it is not a manifest, broken, or written by a later version.
    """
    try:
        with path.open("rb") if is_named else open_regular(path) as file:
            text = file.read(MANIFEST_LIMIT + 1)
    except OSError as error:
        raise PathError(f"cannot read manifest {str(path)!r}: {error.strerror}") from None
    if len(text) > MANIFEST_LIMIT:
        raise ManifestError(
            f"manifest {str(path)!r} is longer than {MANIFEST_LIMIT >> 20} MiB, as none is"
        )
    try:
        head = msgspec.json.decode(text, type=_Head)
        if head.format != FORMAT:
            raise ManifestError(
                f"{str(path)!r} is not a manifest: expected a JSON object with "
                f'"format": "{FORMAT}", found format {head.format!r}'
            )
        if head.version > VERSION:
            raise ManifestError(
                f"manifest {str(path)!r} has version {head.version}, this micrometric reads up "
                f"to {VERSION}; upgrade micrometric to read it"
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"manifest {str(path)!r} is broken: {error}") from None
    for identifier, metric in manifest.metrics.items():
        if len(metric.dims) > AXES_LIMIT:
            raise ManifestError(
                f"manifest {str(path)!r} is broken: metric {identifier!r} has {len(metric.dims)} "
                f"dims, expected at most {AXES_LIMIT}"
            )
    if manifest.session is not None and (fault := _fault_of(manifest.session)):
        raise ManifestError(f"manifest {str(path)!r} is broken: {fault}")
    return manifest


def _fault_of(facts: SessionFacts) -> str | None:
    """Return what is wrong with the facts of a session, None where all of them can be used."""
    if not is_session_id(facts.id):
        # It becomes part of file names, and must not lead to other directories.
        return f"session id {facts.id[:80]!r} is none"
    for name in ("start", "heartbeat", "end"):
        text = getattr(facts, name)
        if text is not None and not _is_moment(text):
            return f"session {name} {text[:80]!r} is not ISO 8601 with a zone"
    interval = facts.heartbeat_interval
    if interval is not None and not 0 <= interval <= _LONGEST_INTERVAL:
        return f"heartbeat interval {interval} is no number of seconds"
    if facts.rank is not None and not is_rank(facts.rank):
        return f"rank {str(facts.rank)[:80]} is none, expected 0 to {LARGEST_RANK}"
    return None


def _is_moment(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest in place of the one that is there, whole or not at all.

    Raises:
        OSError: the directory cannot be written to.
    """
    head = {"format": FORMAT, "version": VERSION}
    document = head | msgspec.to_builtins(manifest)
    text = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    # A name of its own, so that two writers never share one; the leading dot and the suffix
    # keep it out of every listing of segments and manifests.
    temporary = path.with_name(f"{hidden_name(path.name)}{os.getpid()}.{time.time_ns()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def merge_metrics(
    manifests: Iterable[tuple[str, Manifest]],
) -> tuple[dict[str, Metric], list[Conflict]]:
    """Return the union of the metrics of several manifests, and where their dtypes disagree.

    Args:
        manifests: pairs of a place to name in a conflict and the manifest; the last wins.
    """
    merged: dict[str, Metric] = {}
    places: dict[str, str] = {}
    conflicts: dict[tuple[str, str, str], Conflict] = {}
    for place, manifest in manifests:
        for identifier, metric in manifest.metrics.items():
            known = merged.get(identifier)
            if known is not None and known.dtype != metric.dtype:
                conflicts.setdefault(
                    (identifier, known.dtype, metric.dtype),
                    Conflict(identifier, known.dtype, places[identifier], metric.dtype, place),
                )
            merged[identifier] = metric
            places[identifier] = place
    return merged, list(conflicts.values())


def session_state(facts: SessionFacts, *, now: datetime, machine: Machine) -> SessionState:
    """Say whether a session still lives, ended in order, or was killed.

    Args:
        facts: what its manifest says.
        now: the present, aware.
        machine: the machine that asks; only the session's own machine can look for its process.

    Returns:
        `unknown` for a session elsewhere that promised no heartbeat.
    """
    if facts.end is not None:
        return "ended"
    if (facts.host, facts.boot) == (machine.host, machine.boot):
        alive = machine.process_start(facts.pid)
        return "live" if alive and facts.process_start in (None, alive) else "killed"
    if facts.heartbeat_interval is None:
        return "unknown"
    silence = now - datetime.fromisoformat(facts.heartbeat)
    patience = timedelta(seconds=STALE_HEARTBEATS * facts.heartbeat_interval)
    return "killed" if silence > patience else "live"
