"""Commands that start quickly: each is imported when it is asked for, and none waits for pydantic.

Typer has pydantic check each value, whose import takes longer than many a command. A text, a
number in digits and a choice by its name are beyond doubt; all else, and so every error, is left
to Typer.
"""

from __future__ import annotations

import enum
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_DOUBT = object()


class QuickCommand(TyperCommand):
    """A command of Typer, but for how it takes plain values."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, `--help` among them; see `typer.core`."""
        parameters = _quickened(super().get_params(ctx))
        for parameter in parameters:
            if parameter.param_type_name == "argument" and parameter.metavar:
                # Help would have a Python type beside the word that says more: PATH <list[str]>.
                parameter.display_type = _nothing
        return parameters


class QuickGroup(TyperGroup):
    """A group of commands that are imported when they are asked for."""

    functions: ClassVar[Mapping[str, str]]
    """Where each command is, such as `package.module:function`, in the order of the help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands = _Commands(self.functions)  # type: ignore[assignment] # nobody adds to it

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, `--help` among them; see `typer.core`."""
        return _quickened(super().get_params(ctx))


class _Commands(Mapping[str, Any]):
    """Commands by name, made when they are looked up."""

    def __init__(self, functions: Mapping[str, str]) -> None:
        self._functions = functions
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            module, _, function = self._functions[name].partition(":")
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name, cls=QuickCommand)(getattr(importlib.import_module(module), function))
            self._made[name] = get_command(app)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)


def _quickened(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        typers = getattr(parameter, "get_runtime_param", None)
        described = getattr(parameter, "type_descriptor", None)
        if typers is None or described is None:
            continue  # A version of Typer that works otherwise, and does all of the work itself.
        if not isinstance(getattr(typers, "__self__", None), _Quick):
            quick = _Quick(described.annotation, described.parameter_info, typers)
            parameter.get_runtime_param = quick.itself
    return parameters


class _Quick:
    """What makes the value of a parameter of words.

    Args:
        kind: the type of the value.
        told: what was told of the parameter: `min` and `max` of a number, a `parser`.
        typers: returns what Typer has for this; it takes long the first time.
    """

    def __init__(self, kind: Any, told: Any, typers: Callable[[], Any]) -> None:
        self._kind = kind
        self._told = told
        self._typers = typers

    def itself(self) -> _Quick:
        """Return what has `coerce`, which is asked for once a value."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value that words on the command line stand for, or a default.

        Raises:
            typer.BadParameter: they stand for none.
        """
        plain = _DOUBT if self._told.parser else self._plain(value)
        return self._typers().coerce(value, param=param, ctx=ctx) if plain is _DOUBT else plain

    def _plain(self, value: Any) -> Any:
        if self._kind == list[str]:
            texts = () if value is None else value
            return [*texts] or () if _are_texts(texts) else _DOUBT
        if value is None or (self._kind is str and isinstance(value, str)):
            return value
        if isinstance(self._kind, type) and issubclass(self._kind, enum.StrEnum):
            return next((one for one in self._kind if one.value == value), _DOUBT)
        return self._number(value) if self._kind in (int, float) else _DOUBT

    def _number(self, value: Any) -> Any:
        digits = isinstance(value, str) and _NUMBER.fullmatch(value)
        if not (digits and (self._kind is float or not digits[1])):
            return value if type(value) is self._kind else _DOUBT
        number = self._kind(value)
        least, greatest = self._told.min, self._told.max
        fits = (least is None or least <= number) and (greatest is None or number <= greatest)
        return number if fits else _DOUBT


def _nothing(ctx: Any) -> str:  # noqa: ARG001 - as Typer calls it
    return ""


def _are_texts(values: Any) -> bool:
    return isinstance(values, tuple | list) and all(isinstance(one, str) for one in values)
