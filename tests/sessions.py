"""Facts of sessions that a test makes up, here and now, and what such a session leaves behind."""

import os
from datetime import UTC, datetime
from pathlib import Path

from micrometric.machine import this_machine
from micrometric.manifest import Manifest, SessionFacts, write_manifest
from micrometric.segment import PLAIN_NAME, manifest_name, new_session_id

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HERE = this_machine()
OURS = new_session_id(NOW, "ours", os.getpid())
GONE = 2**22 + 1  # Linux gives out no pid above 2^22.


def facts(**changes: object) -> SessionFacts:
    pid = changes.get("pid", os.getpid())
    start = changes.get("start", NOW)
    return SessionFacts(
        **{
            "id": new_session_id(start, "host", pid),
            "host": HERE.host,
            "boot": HERE.boot,
            "pid": pid,
            "plain": True,
            **changes,
            "start": start.isoformat(),
            "heartbeat": changes.get("heartbeat", start.isoformat()),
        }
    )


def leave(directory: Path, **changes: object) -> SessionFacts:
    """Leave behind the plain segment and the manifest of a session."""
    session = facts(**changes)
    directory.mkdir(exist_ok=True)
    (directory / PLAIN_NAME).write_text(f"{session.id}\n")
    write_manifest(directory / manifest_name(session.id), Manifest({}, session))
    return session
