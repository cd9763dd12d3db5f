"""Sessions of Spark: started quietly, refused early where no master answers, given this package."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from micrometric.errors import SettingError
from micrometric.temporary import PREFIX

LOCAL_MASTER = "local[*]"
_PATIENCE = 5.0
"""Seconds in which a master must answer."""


def started(master: str, folder: str) -> Any:
    """Start a session whose Java keeps quiet.

    Raises:
        SettingError: there is no Java.
    """
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("micrometric")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.session.timeZone": "UTC",
        "spark.local.dir": folder,
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        with _quiet():
            return builder.getOrCreate()
    except PySparkRuntimeError:
        raise SettingError(
            "Spark needs Java 17 or newer, which does not start; install it or set JAVA_HOME"
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Send what is started here, and all that it ever says to standard error, to nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def require_answer(master: str) -> None:
    """Refuse a master that does not answer: Spark would try for minutes.

    Raises:
        SettingError: none answers.
    """
    if not master.startswith("spark://"):
        return
    for place in master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _PATIENCE).close()
        except (OSError, ValueError):
            continue
        return
    raise SettingError(
        f"no Spark master answers at {master!r}; expected such as spark://host:7077 or "
        f"{LOCAL_MASTER}"
    )


def give_package(session: Any) -> None:
    """Give this package, once, to the executors of a session, which may lack it."""
    if getattr(session, "_micrometric", None) is not None:
        return
    folder = tempfile.TemporaryDirectory(prefix=PREFIX)
    root = Path(__file__).parents[2]
    name = str(Path(folder.name) / "micrometric")
    session.sparkContext.addPyFile(shutil.make_archive(name, "zip", root, "micrometric"))
    session._micrometric = folder  # It stays as long as the session, which may outlive a summary.


def cause(message: str) -> str:
    """Return the line of a long message that tells the cause."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith("micrometric.errors.")]
    return (ours[-1].partition(": ")[2] if ours else lines[0] if lines else "no reason given")[:500]
