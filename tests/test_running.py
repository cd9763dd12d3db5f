"""DuckDB under way, and how it ends."""

import contextlib
import signal
import subprocess
import sys
import threading

import duckdb
import pytest

from micrometric.engines.running import close


def test_a_connection_that_a_thread_still_uses_is_closed_after_all() -> None:
    connection = duckdb.connect()
    begun = threading.Event()

    def ask() -> None:
        begun.set()
        with contextlib.suppress(duckdb.Error, RuntimeError):
            connection.execute("SELECT sum(hash(a.range)) FROM range(10000000) a, range(1000) b")

    thread = threading.Thread(target=ask)
    thread.start()
    begun.wait()

    close(connection)

    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT 1")


def test_ctrl_c_while_duckdb_is_imported_comes_after_it() -> None:
    body = """
import os, signal, sys, threading
from micrometric.engines.running import load_duckdb

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "_duckdb":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressed())
try:
    load_duckdb()
except KeyboardInterrupt:
    print("duckdb" in sys.modules)
"""

    finished = subprocess.run([sys.executable, "-c", body], capture_output=True, check=False)

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, b"True\n", b"")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
