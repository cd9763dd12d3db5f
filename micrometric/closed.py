"""The closed segments of one session: compressed in small steps, and deleted by retention.

Only files that this session itself closed are touched. A segment rests for a moment before it is
compressed or deleted, so that a follower which looks every now and then has seen it as it was.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from micrometric.manifest import DeletedFacts, SegmentFacts
from micrometric.segment import closed_name
from micrometric.settings import Settings

REST = 2.0
"""Seconds a closed segment stays as it is while its session lives."""
_REST_AT_END = 0.25
_RETRY = 30.0
"""Seconds until compressing and deleting are tried again after the disk refused one of them."""
_STEP_BYTES = 256 * 1024

SUFFIXES = {"gzip": ".jsonl.gz", "zstd": ".jsonl.zst"}
"""What is appended for each kind of compression."""


class ClosedSegments:
    """What became of the segments that a session has closed. Not safe from threads.

    Args:
        directory: where they are.
        session: id of the session.
        settings: what to keep, and how to compress.
        clock: seconds that never run backwards.
    """

    def __init__(
        self,
        directory: Path,
        session: str,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.facts: list[SegmentFacts] = []
        """Those that are there, the oldest first."""
        self.deleted = DeletedFacts()
        self.next_index = 0
        self._directory = directory
        self._session = session
        self._settings = settings
        self._clock = clock
        self._closed_at: dict[int, float] = {}
        self._packing: Iterator[None] | None = None
        self._retry_at = 0.0

    def add(self, segment: SegmentFacts) -> None:
        """Take up a segment that was closed just now."""
        self.facts.append(segment)
        self._closed_at[segment.index] = self._clock()
        self.next_index = segment.index + 1

    def events(self) -> int:
        """Return the events of all, deleted ones included."""
        return self.deleted.events + sum(segment.events for segment in self.facts)

    def step(self, active_bytes: int, at_once: bool) -> bool:
        """Do a small piece of what is due, and say whether more is due now.

        Args:
            active_bytes: size of the active segment, which counts for `keep_bytes`.
            at_once: whether the session ends, and nothing is put off.
        """
        if not self.facts:
            return False
        if self._packing is not None:
            return self._pack_on()
        surplus = self._surplus(active_bytes)
        if surplus is not None and self._may_try(at_once) and self._has_rested(surplus, at_once):
            if self._delete(surplus):
                return True
            self._retry_at = self._clock() + _RETRY
        return self._begin_packing(at_once)

    def _may_try(self, at_once: bool) -> bool:
        """Say whether the disk refused nothing of late, or nothing can be put off."""
        return at_once or self._clock() >= self._retry_at

    def _has_rested(self, segment: SegmentFacts, at_once: bool) -> bool:
        rest = self._closed_at[segment.index] + REST - self._clock()
        if rest > 0 and at_once:
            time.sleep(max(0.0, rest - REST + _REST_AT_END))
            return True
        return rest <= 0

    # Retention.

    def _surplus(self, active_bytes: int) -> SegmentFacts | None:
        """Return the oldest segment where there are more than are to be kept."""
        keep, keep_bytes = self._settings.keep_segments, self._settings.keep_bytes
        total = active_bytes + sum(segment.bytes for segment in self.facts)
        if keep is not None and len(self.facts) > keep:
            return self.facts[0]
        if keep_bytes is not None and total > keep_bytes:
            return self.facts[0]
        return None

    def _delete(self, segment: SegmentFacts) -> bool:
        """Delete a segment, and say whether it is gone; only then it counts as deleted."""
        try:
            (self._directory / segment.name).unlink(missing_ok=True)
        except OSError:
            return False
        self.facts.remove(segment)
        self.deleted = DeletedFacts(
            self.deleted.segments + 1,
            self.deleted.events + segment.events,
            self.deleted.bytes + segment.bytes,
        )
        return True

    # Compression.

    def _begin_packing(self, at_once: bool) -> bool:
        kind = self._settings.compression
        if kind is None or not self._may_try(at_once):
            return False
        plain = [segment for segment in self.facts if segment.name.endswith(".jsonl")]
        if not plain or not self._has_rested(plain[0], at_once):
            return False
        self._packing = self._packed(plain[0], kind)
        return True

    def _pack_on(self) -> bool:
        try:
            next(self._packing)  # type: ignore[arg-type] # the caller looked
        except StopIteration:
            self._packing = None
        except OSError:
            # It stays as it is, which loses nothing.
            self._packing = None
            self._retry_at = self._clock() + _RETRY
            return False
        return True

    def _packed(self, segment: SegmentFacts, kind: str) -> Iterator[None]:
        """Compress a segment, yielding between small steps."""
        suffix = SUFFIXES[kind]
        source = self._directory / segment.name
        target = self._directory / closed_name(self._session, segment.index, suffix)
        temporary = self._directory / f".{target.name}.{os.getpid()}.tmp"
        try:
            with source.open("rb") as lines, temporary.open("xb") as file:
                with packer(file, kind) as packed:
                    while piece := lines.read(_STEP_BYTES):
                        packed.write(piece)
                        yield
                file.flush()
                # The lines go only once what replaces them is sure to be on the disk.
                os.fsync(file.fileno())
            size = temporary.stat().st_size
            temporary.replace(target)
            source.unlink()
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        at = self.facts.index(segment)
        self.facts[at] = msgspec.structs.replace(segment, name=target.name, bytes=size)


@contextlib.contextmanager
def packer(file: IO[bytes], kind: str) -> Iterator[Any]:
    """Open a stream that compresses into a file, which stays open."""
    if kind == "gzip":
        import gzip  # only where something is compressed

        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            yield packed
    else:
        import zstandard

        compressor = zstandard.ZstdCompressor(write_checksum=True)
        with compressor.stream_writer(file, closefd=False) as packed:
            yield packed
