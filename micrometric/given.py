"""Paths as callers give them: one or several, also from an iterator that yields them once."""

from __future__ import annotations

import os
from collections.abc import Iterable

Given = str | os.PathLike[str]
Paths = Given | Iterable[Given]


def listed(paths: Paths) -> list[Given]:
    """Return paths as a list, in order."""
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)
