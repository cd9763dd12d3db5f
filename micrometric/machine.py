"""What tells this machine and its processes from others: host, boot, and a process's start.

A pid means something on one machine, in one process namespace, until the next boot; `Machine`
carries all of that, so that a container or another host never judges by a pid of its own.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """A host since its boot, as seen from one process namespace."""

    host: str
    boot: str

    def process_start(self, pid: int) -> str | None:
        """Return when a process of this machine started, None when there is no such process.

        The text is only to be compared: clock ticks since boot on Linux (proc(5), field 22),
        elsewhere `running`.
        """
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None if Path("/proc/self/stat").exists() else _signalled(pid)
        # The second field, the program's name, may hold spaces and brackets.
        fields = stat.rpartition(")")[2].split()
        # A zombie has ended; only its parent has not looked yet.
        return None if fields[0] == "Z" else fields[19]


def _signalled(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass  # It is there, but not ours.
    return "running"


def this_machine() -> Machine:
    """Return the machine this process runs on."""
    boot = "unknown"
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        boot += "/" + os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path
    host = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "host")
    return Machine(host, boot)
