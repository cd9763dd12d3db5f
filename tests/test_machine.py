"""Which processes live."""

import os
import sys
from pathlib import Path

from micrometric.machine import Machine, this_machine
from tests.sessions import GONE, HERE


def test_a_zombie_has_ended() -> None:
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    assert HERE.process_start(child) is None
    os.waitpid(child, 0)


def test_systems_without_proc_are_asked_by_signal(monkeypatch) -> None:
    from micrometric import machine

    class NoProc(type(Path())):
        def read_text(self, *_):
            raise FileNotFoundError

        def exists(self):
            return False

    monkeypatch.setattr(machine, "Path", NoProc)

    assert HERE.process_start(os.getpid()) == "running"
    assert HERE.process_start(1) == "running"
    assert HERE.process_start(GONE) is None
    assert this_machine() == Machine(HERE.host, "unknown")
