"""Where a call came from, for every form of caller, and the same on every Python."""

import asyncio
import functools
import json
import os
import runpy
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger
from micrometric.location import Locations, location_of
from micrometric.testing import capture


@pytest.fixture
def located():
    """Call something that logs `m` and return the location of what it logged."""
    MicroMetricLogger.register_metric("m", float)

    def locate(call, *arguments):
        with capture() as events:
            call(*arguments)
        (event,) = events
        return event.location

    return locate


LOG = 'MicroMetricLogger().log("m", 1.0)'


def function():
    MicroMetricLogger().log("m", 1.0)


def nested():
    def inner():
        MicroMetricLogger().log("m", 1.0)

    inner()


def nested_twice():
    def inner():
        def innermost():
            MicroMetricLogger().log("m", 1.0)

        innermost()

    inner()


module_lambda = lambda: MicroMetricLogger().log("m", 1.0)


def inner_lambda():
    (lambda: MicroMetricLogger().log("m", 1.0))()


def generator():
    yield MicroMetricLogger().log("m", 1.0)


def run_generator():
    list(generator())


async def coroutine():
    MicroMetricLogger().log("m", 1.0)


async def async_generator():
    yield MicroMetricLogger().log("m", 1.0)


async def run_async_generator():
    async for _ in async_generator():
        pass


def list_comprehension():
    [MicroMetricLogger().log("m", 1.0) for _ in range(1)]


def set_comprehension():
    {MicroMetricLogger().log("m", 1.0) for _ in range(1)}


def dict_comprehension():
    {n: MicroMetricLogger().log("m", 1.0) for n in range(1)}


def generator_expression():
    list(MicroMetricLogger().log("m", 1.0) for _ in range(1))  # noqa: C400


def nested_comprehension():
    [[MicroMetricLogger().log("m", 1.0) for _ in range(1)] for _ in range(1)]


def lambda_in_comprehension():
    [call() for call in [lambda: MicroMetricLogger().log("m", 1.0) for _ in range(1)]]


def decorator(call):
    @functools.wraps(call)
    def wrapper(*arguments):
        return call(*arguments)

    return wrapper


@decorator
def decorated():
    MicroMetricLogger().log("m", 1.0)


def logging_decorator(call):
    @functools.wraps(call)
    def wrapper(*arguments):
        MicroMetricLogger().log("m", 1.0)
        return call(*arguments)

    return wrapper


@logging_decorator
def decorated_by_a_logger():
    pass


@functools.lru_cache
def cached():
    MicroMetricLogger().log("m", 1.0)


@contextmanager
def manager():
    MicroMetricLogger().log("m", 1.0)
    yield


def enter_manager():
    with manager():
        pass


def class_body_in_function():
    class Local:
        MicroMetricLogger().log("m", 1.0)


class Base:
    def method(self):
        MicroMetricLogger().log("m", 1.0)

    @classmethod
    def class_method(cls):
        MicroMetricLogger().log("m", 1.0)

    @staticmethod
    def static_method():
        MicroMetricLogger().log("m", 1.0)

    @property
    def attribute(self):
        MicroMetricLogger().log("m", 1.0)
        return 1

    def __call__(self):
        MicroMetricLogger().log("m", 1.0)

    @decorator
    def decorated(self):
        MicroMetricLogger().log("m", 1.0)

    def in_comprehension(self):
        [MicroMetricLogger().log("m", 1.0) for _ in range(1)]

    class Inner:
        def method(self):
            MicroMetricLogger().log("m", 1.0)


class Derived(Base):
    pass


def misleading(self):
    """A function whose first argument is called self, as the original logger guessed by it."""
    MicroMetricLogger().log("m", 1.0)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (function, "function"),
        (nested, "nested.<locals>.inner"),
        (nested_twice, "nested_twice.<locals>.inner.<locals>.innermost"),
        (module_lambda, "<lambda>"),
        (inner_lambda, "inner_lambda.<locals>.<lambda>"),
        (run_generator, "generator"),
        (lambda: asyncio.run(coroutine()), "coroutine"),
        (lambda: asyncio.run(run_async_generator()), "async_generator"),
        (list_comprehension, "list_comprehension"),
        (set_comprehension, "set_comprehension"),
        (dict_comprehension, "dict_comprehension"),
        (generator_expression, "generator_expression"),
        (nested_comprehension, "nested_comprehension"),
        (lambda_in_comprehension, "lambda_in_comprehension.<locals>.<lambda>"),
        (decorated, "decorated"),
        (decorated_by_a_logger, "logging_decorator.<locals>.wrapper"),
        (cached, "cached"),
        (enter_manager, "manager"),
        (class_body_in_function, "class_body_in_function"),
        (Base().method, "Base.method"),
        (Derived().method, "Base.method"),
        (Derived.class_method, "Base.class_method"),
        (Derived.static_method, "Base.static_method"),
        (lambda: Derived().attribute, "Base.attribute"),
        (Derived(), "Base.__call__"),
        (Derived().decorated, "Base.decorated"),
        (Derived().in_comprehension, "Base.in_comprehension"),
        (Base.Inner().method, "Base.Inner.method"),
        (lambda: misleading("text"), "misleading"),
        (functools.partial(function), "function"),
    ],
)
def test_the_location_is_the_qualified_name_of_the_caller(located, call, name) -> None:
    assert located(call) == f"{__name__}.{name}"


def test_a_location_can_be_given(located) -> None:
    assert located(lambda: MicroMetricLogger().log("m", 1.0, location="elsewhere")) == "elsewhere"


def test_a_wrapper_can_speak_for_its_caller(located) -> None:
    def wrapper(level):
        MicroMetricLogger().log("m", 1.0, stacklevel=level)

    def user(level):
        wrapper(level)

    here = f"{__name__}.test_a_wrapper_can_speak_for_its_caller.<locals>"
    assert located(user, 1) == f"{here}.wrapper"
    assert located(user, 2) == f"{here}.user"
    assert "unknown" not in located(user, 10_000)


@pytest.mark.parametrize(
    ("source", "location"),
    [
        (LOG, "<module>"),
        (f"class C:\n  {LOG}", "<module>"),
        (f"class C:\n  [{LOG} for _ in range(1)]", "<module>"),
        (f"[{LOG} for _ in range(1)]", "<module>"),
        (f"list({LOG} for _ in range(1))", "<module>"),
        (f"(lambda: {LOG})()", "<lambda>"),
        (f"[f() for f in [lambda: {LOG} for _ in range(1)]]", "<lambda>"),
        (f"def f(): {LOG}\nf()", "f"),
        (f"def f[T](x: T): {LOG}\nf(1)", "f"),
    ],
)
def test_code_in_exec_is_named_after_its_module_or_file(located, source, location) -> None:
    if "[T]" in source and sys.version_info < (3, 12):
        pytest.skip("type parameters are of Python 3.12")
    base = {"MicroMetricLogger": MicroMetricLogger}

    assert located(exec, source, {**base, "__name__": "plugin"}) == f"plugin.{location}"
    assert located(exec, source, {**base}) == f"<string>.{location}"
    code = compile(source, "/somewhere/plugin.py", "exec")
    assert located(exec, code, {**base}) == f"plugin.py.{location}"
    assert located(exec, source, {**base, "__name__": None}) == f"<string>.{location}"


def test_one_code_object_in_two_modules_has_two_locations(located) -> None:
    code = compile(LOG, "shared.py", "exec")

    for name in ("first", "second", "first"):
        module = {"MicroMetricLogger": MicroMetricLogger, "__name__": name}
        assert located(exec, code, module) == f"{name}.<module>"


def test_equal_code_in_two_modules_has_two_locations(located) -> None:
    modules = [{"MicroMetricLogger": MicroMetricLogger, "__name__": name} for name in "ab"]
    for module in modules:
        exec(compile(f"def f(): {LOG}", "same.py", "exec"), module)

    assert modules[0]["f"].__code__ == modules[1]["f"].__code__
    assert [located(module["f"]) for module in modules] == ["a.f", "b.f"]


def test_the_cache_does_not_grow_with_the_cells_of_a_notebook(monkeypatch) -> None:
    monkeypatch.setattr("micrometric.location._CACHE_LIMIT", 10)
    locations = Locations()

    for cell in range(35):
        code = compile("pass", f"cell {cell}", "exec")
        assert locations.of(code, {"__name__": f"m{cell}"}) == f"m{cell}.<module>"

    assert len(locations._known) <= 10


SCRIPT = f"""
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("m", float)
MicroMetricLogger("logs", metrics_to_log="all")
def f(): {LOG}
f()
{LOG}
"""


def run(*arguments: str, cwd: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, check=True)
    lines = (cwd / "logs" / "micro_metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["location"] for line in lines]


def test_a_script_is_main(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)

    assert run("train.py", cwd=tmp_path) == ["__main__.f", "__main__.<module>"]
    (tmp_path / "logs" / "micro_metrics.jsonl").unlink()
    assert run("-c", SCRIPT, cwd=tmp_path) == ["__main__.f", "__main__.<module>"]


def test_a_module_run_with_m_has_its_real_name(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "train.py").write_text(SCRIPT)

    assert run("-m", "package.train", cwd=tmp_path) == [
        "package.train.f",
        "package.train.<module>",
    ]


def test_runpy_knows_the_name_it_was_given(located, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(f"from micrometric import MicroMetricLogger\n{LOG}\n")

    assert located(lambda: runpy.run_path(str(script), run_name="given")) == "given.<module>"


def test_a_notebook_cell_is_main(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cells = [
        f"import sys; sys.path.insert(0, {str(Path.cwd())!r})",
        textwrap.dedent(SCRIPT),
        f"class C:\n    def method(self): {LOG}\nC().method(); MicroMetricLogger().close()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])

    nbclient.NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    lines = (tmp_path / "logs" / "micro_metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["location"] for line in lines] == [
        "__main__.f",
        "__main__.<module>",
        "__main__.C.method",
    ]


def test_the_rest_of_a_function_that_left_a_graph_is_that_function() -> None:
    """torch.compile runs it under a name of its own making."""
    code = compile("def f(): pass", "model.py", "exec").co_consts[0]
    resumed = code.replace(
        co_name="torch_dynamo_resume_in_forward_at_12",
        co_qualname="Layer.torch_dynamo_resume_in_forward_at_12",
    )

    assert location_of(resumed, {"__name__": "model"}) == "model.Layer.forward"
