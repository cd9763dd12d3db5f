"""Limits on figures as a gate: what is told, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from micrometric_cli.exits import ExitCode, finish, say

if TYPE_CHECKING:
    from micrometric.thresholds import Failure


def settle(failures: list[Failure], checks: int) -> None:
    """Tell which limits were broken, and end with findings if any was."""
    for failure in failures:
        say(f"failed: {failure}")
    if failures:
        say(f"{len(failures)} of {checks} check{'s' * (checks != 1)} failed")
        finish(ExitCode.FINDINGS)
    say(f"{checks} check{'s' * (checks != 1)} passed")
