"""Keeps torch.compile out of the library's own functions.

Between two graphs its compiler takes up every Python frame that runs, ours too, where values
would become symbols. torch is never imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_EVAL_FRAME = "torch._C._dynamo.eval_frame"
"""The part of torch that is told; it comes with `import torch`, long before the compiler."""

_functions: list[Any] = []
_told = False


def break_graph(function: Callable[..., Any]) -> None:
    """Make compiled code leave its graph for a call of this function."""
    _functions.append(function)
    # What torch.compiler.disable sets, and what is read while the caller is compiled.
    marked: Any = function
    marked._torchdynamo_disable = True
    marked._torchdynamo_disable_msg = "micrometric logs outside of the graph"


def leave_alone() -> None:
    """Tell the compiler, once torch is there, to pass over those functions and all they call."""
    global _told
    torch: Any
    if _told or (torch := sys.modules.get(_EVAL_FRAME)) is None:
        return
    _told = True
    try:
        skip = torch._FrameAction.SKIP
        strategy = torch._FrameExecStrategy(skip, skip)
    except (AttributeError, TypeError):
        return  # An older torch, which has no such thing.
    for function in _functions:
        torch.set_code_exec_strategy(function.__code__, strategy)
