"""What a session says that it wrote, held against what is in its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from micrometric.defects import Defect
from micrometric.event import format_timestamp
from micrometric.manifest import Counts, Manifest, SegmentFacts, SessionFacts, SessionState
from micrometric.scanning import Scanned
from micrometric.segment import closed_names


@dataclass(frozen=True, slots=True)
class SessionCheck:
    """A session, and whether its files hold what it wrote."""

    path: Path
    """Its manifest."""
    run: str
    facts: SessionFacts
    state: SessionState
    account: Counts | None
    """What it says became of its events; None where it does not."""
    deleted: int
    """Events that it wrote and that were deleted on purpose since."""
    found: int
    """Events in its files."""
    is_settled: bool
    """Whether it writes no more, and all its files were looked over."""

    @property
    def session(self) -> str:
        """Its id."""
        return self.facts.id

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return self.path.parent

    @property
    def written(self) -> int | None:
        """Events that should be in its files; None of one without account."""
        return None if self.account is None else self.account.written - self.deleted

    @property
    def missing(self) -> int | None:
        """Events that should be in its files and are not; None where nobody can tell."""
        if self.written is None or not self.is_settled:
            return None
        return max(0, self.written - self.found)

    @property
    def is_exact(self) -> bool:
        """Whether there are as many as it wrote."""
        return self.found == self.written


def check_account(
    path: Path, manifest: Manifest, state: SessionState, scanned: Sequence[Scanned]
) -> tuple[SessionCheck, list[Defect]]:
    """Hold the account of a session against its segments.

    Args:
        path: its manifest, which has a session.
        manifest: what that says.
        state: whether it lives.
        scanned: the segments of the session that were looked over.
    """
    facts = manifest.session
    assert facts is not None
    account = manifest.accounting
    check = SessionCheck(
        path=path,
        run=scanned[0].segment.run if scanned else path.parent.name,
        facts=facts,
        state=state,
        account=None if account is None else account.total,
        deleted=_deleted_events(facts, scanned),
        found=sum(one.events for one in scanned),
        # What a living session writes next, nobody has counted yet; and files that nobody asked
        # about were not counted either.
        is_settled=state not in ("live", "unknown")
        and not _has_others(path.parent, facts, scanned),
    )
    defects = []
    if state == "killed":
        pending = account.total.pending if account else 0
        reason = f"session {facts.id}, last heard of at {facts.heartbeat}"
        if pending:
            reason += f", when {pending} of its events were in memory"
        defects.append(Defect("killed", path, reason))
    if account is None or not check.is_settled:
        return check, defects
    if state == "ended" and not account.total.balances:
        counts = ", ".join(
            f"{name} {getattr(account.total, name)}"
            for name in ("logged", "written", "pending", "sampled_out", "capped", "failed")
        )
        defects.append(Defect("account", path, f"it does not add up: {counts}"))
    assert check.written is not None
    if check.missing:
        defects.extend(_missing(path, facts, scanned, check.written, check.found))
    elif check.found > check.written and state == "ended":
        reason = f"session {facts.id} wrote {check.written} events, its files hold {check.found}"
        defects.append(Defect("surplus", path, reason))
    return check, defects


def _deleted_events(facts: SessionFacts, scanned: Sequence[Scanned]) -> int:
    """Return how many events of a session were deleted on purpose."""
    there = {one.segment.index for one in scanned}
    going = sum(
        told.events
        for told in facts.segments
        if told.index in facts.going and told.index not in there
    )
    return facts.deleted.events + going


def _has_others(directory: Path, facts: SessionFacts, scanned: Sequence[Scanned]) -> bool:
    """Say whether there are segments of a session that were not looked over."""
    known = {one.segment.index for one in scanned}
    told = [fact.index for fact in facts.segments if fact.index not in known]
    return any(
        (directory / name).exists() for index in told for name in closed_names(facts.id, index)
    )


def _missing(
    path: Path, facts: SessionFacts, scanned: Sequence[Scanned], written: int, found: int
) -> Iterator[Defect]:
    """Yield what is missing, file by file where the manifest tells of each."""
    by_index = {one.segment.index: one for one in scanned}
    left = written - found
    if not scanned:
        reason = f"session {facts.id} wrote {written} events, none of its files is here"
        yield Defect("no segments", path, reason)
        return
    for told in facts.segments:
        there = by_index.get(told.index)
        lost = told.events - (there.events if there else 0)
        if 0 < lost <= left and (there or told.index not in facts.going):
            left -= lost
            where = _where(facts, scanned, told)
            if there is None:
                reason = f"segment {told.name} with {told.events} events is not here; {where}"
            else:
                reason = f"{told.name} holds {there.events} of {told.events} events; {where}"
            yield Defect("missing", there.segment.path if there else path, reason)
    if left:
        reason = f"session {facts.id} wrote {written} events, its files hold {found}"
        yield Defect("missing", path, reason)


def _where(facts: SessionFacts, scanned: Sequence[Scanned], told: SegmentFacts) -> str:
    """Return between which times events are missing."""
    there = [one for one in scanned if one.segment.index == told.index and one.begin is not None]
    before = [one.end for one in scanned if _index(one) < told.index and one.end is not None]
    after = [one.begin for one in scanned if _index(one) > told.index and one.begin is not None]
    begin = _text(max(before), "") if before else facts.start
    end = _text(min(after), "") if after else facts.end or facts.heartbeat
    if there:
        begin = begin if before else _text(there[0].begin, begin)
    return f"they are of the time between {begin} and {end}"


def _index(one: Scanned) -> int:
    return -1 if one.segment.index is None else one.segment.index


def _text(moment: datetime | None, default: str) -> str:
    return default if moment is None else format_timestamp(moment)
