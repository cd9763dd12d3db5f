"""Registration: what names a metric, which dtypes there are, and what is refused."""

import re
import subprocess
import sys
from enum import Enum
from typing import Any

import numpy as np
import pytest

from micrometric import MicroMetricLogger, MicrometricWarning, RegistrationError
from micrometric.bounds import AXES_LIMIT
from micrometric.logger import _registry
from tests.programs import environment


class Phase(Enum):
    TRAIN = 1


@pytest.mark.parametrize(
    "identifier", ["density", "attn/layer.0:k-1_x", "a" * 200, "Dichte_ä", "0", "ALL"]
)
def test_identifiers_are_letters_digits_and_a_few_signs(identifier: str) -> None:
    MicroMetricLogger.register_metric(identifier, float)

    assert MicroMetricLogger.get_registered_metrics() == {identifier: float}


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("", "metric identifier must not be empty"),
        ("all", "metric identifier 'all' is reserved: it stands for every metric"),
        ("a b", "metric identifier 'a b' holds ' ' at position 1, expected letters, digits and"),
        ("a*", "metric identifier 'a*' holds '*' at position 1"),
        ("a\n", "metric identifier 'a\\n' holds '\\n' at position 1"),
        ("a" * 201, f"metric identifier '{'a' * 40}…' has 201 characters, expected at most 200"),
        (None, "metric identifier must be a string, not None"),
        (3, "metric identifier must be a string, not 3"),
    ],
)
def test_other_identifiers_are_refused_with_the_reason(identifier: Any, message: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        MicroMetricLogger.register_metric(identifier, float)

    assert str(caught.value).startswith(message)
    assert MicroMetricLogger.get_registered_metrics() == {}


@pytest.mark.parametrize(
    ("dtype", "kind", "name"),
    [
        (float, float, "float"),
        ("float", float, "float"),
        (list[float], list, "list"),
        (dict[str, int], dict, "dict"),
        (Any, object, "object"),
        (np.float32, np.float32, "numpy.float32"),
        (tuple, tuple, "tuple"),
        (Phase, Phase, f"{__name__}.Phase"),
    ],
)
def test_dtypes_are_types_or_their_names(dtype: Any, kind: type, name: str) -> None:
    MicroMetricLogger.register_metric("m", dtype)

    assert MicroMetricLogger.get_registered_metrics() == {"m": kind}
    assert _registry.metrics["m"].dtype == name


@pytest.mark.parametrize("dtype", [None, 3, "flaot", 1.5, [float], int | str])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(RegistrationError, match="dtype of metric 'm' must be a type such as float"):
        MicroMetricLogger.register_metric("m", dtype)


def test_unit_description_and_dims_are_kept_with_the_place() -> None:
    MicroMetricLogger.register_metric(
        "recall", float, unit="1", description="share of keys found", dims=("layer", "head")
    )

    metric = _registry.metrics["recall"]
    assert (metric.unit, metric.description) == ("1", "share of keys found")
    assert metric.dims == ("layer", "head")
    assert metric.place is not None
    assert metric.place.startswith(f"{__name__}:")


def test_one_dim_may_be_a_string() -> None:
    MicroMetricLogger.register_metric("recall", float, dims="head")

    assert _registry.metrics["recall"].dims == ("head",)


@pytest.mark.parametrize("dims", [("head", "head"), ("",), (3,)])
def test_bad_dims_are_refused(dims: Any) -> None:
    with pytest.raises(RegistrationError, match="dims of metric 'm' must be distinct names"):
        MicroMetricLogger.register_metric("m", float, dims=dims)


@pytest.mark.parametrize("name", ["unit", "description"])
def test_unit_and_description_are_texts(name: str) -> None:
    with pytest.raises(RegistrationError, match=f"{name} of metric 'm' must be a string, not 3"):
        MicroMetricLogger.register_metric("m", float, **{name: 3})


def test_registering_again_warns_and_names_both_places() -> None:
    MicroMetricLogger.register_metric("m", float)
    with pytest.warns(MicrometricWarning) as caught:
        MicroMetricLogger.register_metric("m", int)

    place = re.escape(__name__) + r":(\d+)"
    told = re.fullmatch(
        rf"metric 'm' is registered as int at {place}, in place of float at {place}",
        str(caught[0].message),
    )
    assert told is not None
    assert int(told[1]) == int(told[2]) + 2
    assert caught[0].filename == __file__
    assert MicroMetricLogger.get_registered_metrics() == {"m": int}


def test_the_registered_metrics_are_a_copy() -> None:
    MicroMetricLogger.register_metric("m", float)

    MicroMetricLogger.get_registered_metrics().clear()

    assert MicroMetricLogger.get_registered_metrics() == {"m": float}


LOCKS = ["logger._registry._lock", "logger._construction", "MicroMetricLogger()._state.lock"]
HELD = """
import os, signal, threading
import micrometric.logger as logger
from micrometric import MicroMetricLogger

MicroMetricLogger()
lock, held = {lock}, threading.Event()
signal.alarm(10)  # Ends what would wait for ever.

def use():
    MicroMetricLogger.register_metric("m", float)
    MicroMetricLogger("logs", metrics_to_log="m").log("m", 1.0)

def hold():
    with lock:
        held.set()
        signal.pause()
"""
IN_A_CHILD = """
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(5)
    use()
    os._exit(0)
raise SystemExit(os.waitpid(child, 0)[1])
"""
IN_A_HANDLER = """
signal.signal(signal.SIGUSR1, lambda *_: use())
with lock:
    signal.raise_signal(signal.SIGUSR1)
"""


@pytest.mark.parametrize("lock", LOCKS, ids=["registry", "construction", "state"])
@pytest.mark.parametrize("user", [IN_A_CHILD, IN_A_HANDLER], ids=["child", "handler"])
def test_a_lock_that_was_held_keeps_nobody_from_registering(tmp_path, lock, user) -> None:
    script = HELD.format(lock=lock) + user
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr


def test_more_dims_than_are_ever_read_are_refused() -> None:
    names = [f"axis_{number}" for number in range(AXES_LIMIT + 1)]

    MicroMetricLogger.register_metric("most", float, dims=names[1:])
    with pytest.raises(RegistrationError, match="metric 'm' has 17 dims, expected at most 16"):
        MicroMetricLogger.register_metric("m", float, dims=names)
