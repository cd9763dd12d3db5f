"""Where in the code a metric was logged: `module.Qualified.name`, from a code object alone.

Since Python 3.11 a code object knows its qualified name, so nothing is searched and no frame is
kept. The name is the same on every Python, although newer ones compile comprehensions into
their function and older ones do not.
"""

from __future__ import annotations

import re
from types import CodeType
from typing import Any

_OPTIMIZED = 0x1  # inspect.CO_OPTIMIZED: the code of a function, not of a module or class body
_COMPREHENSION = re.compile(r"<(?:listcomp|setcomp|dictcomp|genexpr)>(?:\.<locals>)?(?:\.|$)")
_RESUMED = re.compile(r"torch_dynamo_resume_in_(\w+)_at_\d+")
"""What torch.compile calls the rest of a function after it left a graph."""
_CACHE_LIMIT = 4096
"""Notebooks compile new code for each cell; past this many the cache starts afresh."""


class Locations:
    """Location texts by code object and module. Not safe from threads: its user holds a lock."""

    def __init__(self) -> None:
        # By identity: equal code in two modules compares equal, and one code object may run
        # under two modules. The objects are kept, so that an identity is not used again.
        self._known: dict[tuple[int, int], tuple[str, CodeType, dict[str, Any]]] = {}

    def of(self, code: CodeType, module: dict[str, Any]) -> str:
        """Return the location of code that runs with these globals."""
        key = (id(code), id(module))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _CACHE_LIMIT:
                self._known.clear()
            known = self._known[key] = (location_of(code, module), code, module)
        return known[0]


def location_of(code: CodeType, module: dict[str, Any]) -> str:
    """Return `module.Qualified.name` for code that runs with these globals."""
    return f"{module_name(code, module)}.{_function_name(code)}"


def module_name(code: CodeType, module: dict[str, Any]) -> str:
    """Return the name of the module, of the file where there is none, as in `exec`."""
    name = module.get("__name__")
    if name == "__main__":
        # `python -m package.module` knows its real name here.
        name = getattr(module.get("__spec__"), "name", None) or name
    if isinstance(name, str) and name:
        return name
    return re.split(r"[\\/]", code.co_filename)[-1] or "<unnamed>"


def _function_name(code: CodeType) -> str:
    name = _RESUMED.sub(r"\1", _COMPREHENSION.sub("", code.co_qualname))
    in_function = bool(code.co_flags & _OPTIMIZED) and code.co_name[:1] != "<"
    if in_function or name.endswith("<lambda>"):
        return name
    # What is left is a module, a class body, or a comprehension in one of those or in a
    # function: the innermost function around it, if there is one.
    if name.endswith(".<locals>."):
        return name.removesuffix(".<locals>.")
    function, inside, _ = name.rpartition(".<locals>.")
    return function if inside else "<module>"
