"""Values and metadata: what each becomes in the line, and that nothing of it raises."""

import base64
import collections
import dataclasses
import datetime
import decimal
import enum
import math
import pathlib
import uuid
from collections import OrderedDict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

from micrometric import MicroMetricLogger, MicrometricWarning

UTC = datetime.UTC


@dataclasses.dataclass
class Point:
    x: int
    inner: object = None


class Colour(enum.Enum):
    RED = "red"
    NESTED = (1, 2)


class Level(enum.IntEnum):
    LOW = 3


class Text(str):
    __slots__ = ()


Pair = namedtuple("Pair", "a b")


class WithItem:
    def item(self):
        return 7


class WithArray:
    def __array__(self, dtype=None, copy=None):
        return np.array([1, 2])


class WithDlpack:
    def __init__(self):
        self.array = np.array([1.5, 2.5])

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Opaque:
    def __repr__(self):
        return "<opaque>"


class BadRepr:
    def __repr__(self):
        raise ZeroDivisionError


class BadItem:
    def item(self):
        raise RuntimeError("no")

    def __repr__(self):
        return "<bad item>"


CASES = [
    (1, 1),
    (-0.0, -0.0),
    (True, True),
    (None, None),
    ("text", "text"),
    (math.nan, "NaN"),
    (math.inf, "Infinity"),
    (-math.inf, "-Infinity"),
    (2**63, 2**63),
    (-(2**80), -(2**80)),
    (10**400, 10**400),
    ("\ud800 \u2028 \0", "\ud800 \u2028 \0"),
    (Text("sub"), "sub"),
    (np.float32(0.5), 0.5),
    (np.float64(0.5), 0.5),
    (np.float16("nan"), "NaN"),
    (np.longdouble(0.5), 0.5),
    (np.int64(2**53 + 1), 2**53 + 1),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.bool_(True), True),
    (np.str_("text"), "text"),
    (np.array(1.5), 1.5),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([1.0, math.nan, -math.inf]), [1.0, "NaN", "-Infinity"]),
    (np.array([]), []),
    (np.datetime64("2026-11-23T12:00:00"), "2026-11-23T12:00:00"),
    ([1, (2, 3), {4}], [1, [2, 3], [4]]),
    (frozenset({1}), [1]),
    (collections.deque([1, 2]), [1, 2]),
    (range(3), [0, 1, 2]),
    (Pair(1, 2), [1, 2]),
    ({"a": math.nan, "b": [math.inf]}, {"a": "NaN", "b": ["Infinity"]}),
    (OrderedDict(a=1), {"a": 1}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    (
        {2: 1, None: 2, True: 3, 1.5: 4, (1, 2): 5},
        {"2": 1, "None": 2, "True": 3, "1.5": 4, "(1, 2)": 5},
    ),
    ({Colour.RED: 1, Level.LOW: 2, b"a": 3, Text("t"): 4}, {"red": 1, "3": 2, "YQ==": 3, "t": 4}),
    (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
    (Colour.RED, "red"),
    (Colour.NESTED, [1, 2]),
    (Level.LOW, 3),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (datetime.datetime(2026, 11, 23, 12, tzinfo=UTC), "2026-11-23T12:00:00Z"),
    (datetime.datetime(2026, 11, 23, 12), "2026-11-23T12:00:00"),
    (datetime.date(2026, 11, 23), "2026-11-23"),
    (datetime.time(12, 30), "12:30:00"),
    (decimal.Decimal("Infinity"), "Infinity"),
    (decimal.Decimal("sNaN"), "NaN"),
    (b"ab", base64.b64encode(b"ab").decode()),
    (bytearray(b"ab"), base64.b64encode(b"ab").decode()),
    (memoryview(b"ab"), base64.b64encode(b"ab").decode()),
    (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
    (WithItem(), 7),
    (WithArray(), [1, 2]),
    (WithDlpack(), [1.5, 2.5]),
]


@pytest.mark.parametrize(("value", "written"), CASES, ids=lambda value: type(value).__name__)
def test_a_value_is_written_as_the_format_says(logger, lines, manifest, value, written) -> None:
    logger.register_metric("any", object)

    logger.log("any", value)
    logger.log("any", 0, {"key": value})
    logger.log("any", [value])

    assert [line["value"] for line in lines()] == [written, 0, [written]]
    assert lines()[1]["metadata"] == {"key": written}
    logger.close()
    assert manifest().accounting.total.by_repr == 0


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Opaque(), "<opaque>"),
        (BadRepr(), "<BadRepr whose repr raised ZeroDivisionError>"),
        (BadItem(), "<bad item>"),
        (1 + 2j, "(1+2j)"),
        (Opaque, repr(Opaque)),
        (np.complex64(1), repr(np.complex64(1).item())),
    ],
    ids=["opaque", "bad-repr", "bad-item", "complex", "class", "numpy-complex"],
)
def test_anything_else_is_kept_by_its_repr_and_counted(
    logger, lines, manifest, value, written
) -> None:
    logger.register_metric("any", object)

    logger.log("any", value)
    logger.log("any", 1, {"key": [value]})

    assert lines()[0]["value"] == written
    assert lines()[1]["metadata"] == {"key": [written]}
    logger.close()
    assert manifest().accounting.total.by_repr == 2


def test_a_long_repr_is_cut(logger, lines) -> None:
    class Long:
        def __repr__(self):
            return "x" * 1_000_000

    logger.register_metric("any", object)

    logger.log("any", Long())

    assert lines()[0]["value"] == "x" * 10_000 + "…"


def test_a_value_that_contains_itself_is_kept(logger, lines) -> None:
    logger.register_metric("any", object)
    circle: list[object] = [1]
    circle.append(circle)
    loop: dict[str, object] = {}
    loop["self"] = loop
    shared = [1]

    logger.log("any", circle, {"loop": loop})
    logger.log("any", [shared, shared])

    assert lines()[0]["value"] == [1, "[1, [...]]"]
    assert lines()[0]["metadata"] == {"loop": {"self": "{'self': {...}}"}}
    assert lines()[1]["value"] == [[1], [1]]


def test_data_nested_beyond_reason_is_kept(logger, lines) -> None:
    logger.register_metric("any", object)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    logger.log("any", deep)

    assert "list whose repr raised RecursionError" in str(lines()[0]["value"])


def test_decimals_keep_their_digits(logger, logs) -> None:
    logger.log("density", decimal.Decimal("1.1000000000000000000000000001"))
    logger.log("density", 1.0, {"share": decimal.Decimal("1.10")})

    text = (logs / "micro_metrics.jsonl").read_text()
    assert '"value":1.1000000000000000000000000001,' in text
    assert '"metadata":{"share":1.1}' in text  # the double that readers make of it


def test_values_and_metadata_are_as_they_were_at_the_call(logs, lines) -> None:
    MicroMetricLogger.register_metric("any", object)
    MicroMetricLogger.register_metric("density", float)
    logger = MicroMetricLogger(logs, flush_every=1000, flush_interval=None, metrics_to_log="all")
    array = np.array([1.0])
    inner = [1]
    metadata = {"inner": inner}

    for metric in ("density", "any", "density"):
        logger.log(metric, 1.0 if metric == "density" else array, metadata)
    array[0] = 2.0
    inner.append(2)
    metadata["new"] = 1
    logger.flush()

    assert [line["metadata"] for line in lines()] == [{"inner": [1]}] * 3
    assert lines()[1]["value"] == [1.0]


def test_metadata_that_is_no_mapping_is_not_lost(logger, lines) -> None:
    logger.log("density", 1.0, ["a"])

    assert lines()[0]["metadata"] == {"metadata": ["a"]}


class FakeTensor:
    """A tensor on a device: whoever fetches it before the writer runs fails."""

    def __init__(self, numbers, *, copied=False):
        self.numbers, self.copied, self.may_fetch = numbers, copied, False

    class device:  # noqa: N801 - torch's name for it
        type = "cuda"

    def detach(self):
        return self

    def clone(self):
        copy = FakeTensor(list(self.numbers), copied=True)
        clones.append(copy)
        return copy

    def tolist(self):
        assert self.copied
        assert self.may_fetch, "the loop waited for the device"
        return self.numbers

    item = cpu = __array__ = __float__ = __repr__ = None


clones: list[FakeTensor] = []


def test_a_device_tensor_is_copied_at_the_call_and_fetched_by_the_writer(logs, lines) -> None:
    clones.clear()
    MicroMetricLogger.register_metric("recall", float, dims=("head",))
    logger = MicroMetricLogger(logs, flush_interval=None, metrics_to_log="all")
    tensor = FakeTensor([0.5, math.nan])

    logger.log("recall", tensor, {"mask": tensor})
    tensor.numbers[0] = 9.0
    for clone in clones:
        clone.may_fetch = True
    logger.flush()

    assert lines()[0]["value"] == [0.5, "NaN"]
    assert lines()[0]["metadata"] == {"mask": [0.5, "NaN"]}


def test_a_device_tensor_that_cannot_be_fetched_costs_itself_alone(logs, lines, manifest) -> None:
    MicroMetricLogger.register_metric("any", object)
    logger = MicroMetricLogger(logs, flush_interval=None, metrics_to_log="all")

    logger.log("any", 1)
    logger.log("any", FakeTensor([1.0]))
    logger.log("any", 2)
    with pytest.warns(MicrometricWarning, match="could not be encoded"):
        logger.flush()
    logger.close()

    assert [line["value"] for line in lines()] == [1, 2]
    counts = manifest().accounting.total
    assert (counts.logged, counts.written, counts.failed) == (3, 2, 1)
    assert counts.balances


FITTING = [
    (float, [1.0, 1, True, None, np.float32(1), decimal.Decimal(1), math.nan]),
    (int, [1, True, None, np.int8(1), 2**70]),
    (bool, [True, None, np.bool_(False)]),
    (str, ["a", None, np.str_("a"), Colour.RED]),
    (list, [[1], (1,), {1}, np.array([1]), None]),
    (dict, [{"a": 1}, Point(1), None]),
    (object, [1, "a", [1], Opaque()]),
    (np.float32, [1.0, np.float32(1)]),
    (np.int64, [1]),
    (np.bool_, [True, np.bool_(True)]),
    (Colour, [Colour.RED]),
    (np.ndarray, [np.array([1])]),
]
MISFITS = [
    (float, ["1.0", [1.0], "NaN", {}]),
    (int, [1.5, "1", math.nan]),
    (bool, [1, 0.0, "True"]),
    (str, [1, [1]]),
    (list, [1, "ab", {"a": 1}]),
    (dict, [[1], 1]),
    (Colour, ["red"]),
]


@pytest.mark.filterwarnings("ignore:.*is registered as")
@pytest.mark.parametrize(
    ("dtype", "values"), FITTING, ids=lambda value: getattr(value, "__name__", "")
)
def test_values_that_fit_the_dtype_are_not_remarked(logger, manifest, dtype, values) -> None:
    logger.register_metric("m", dtype)

    for value in values:
        logger.log("m", value)

    logger.close()
    assert manifest().accounting.metrics["m"].misfits == 0


@pytest.mark.parametrize(
    ("dtype", "values"), MISFITS, ids=lambda value: getattr(value, "__name__", "")
)
def test_values_that_do_not_fit_are_kept_counted_and_warned_about_once(
    logger, lines, manifest, dtype, values
) -> None:
    logger.register_metric("m", dtype)

    with pytest.warns(MicrometricWarning, match="metric 'm' is registered as") as caught:
        for value in values:
            logger.log("m", value)

    logger.close()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert len(lines()) == len(values)
    assert manifest().accounting.metrics["m"].misfits == len(values)


def test_lists_fit_where_dims_are_registered(logger, manifest) -> None:
    logger.register_metric("recall", float, dims=("layer", "head"))

    logger.log("recall", np.ones((2, 3)))
    logger.log("recall", [1.0, math.nan])
    logger.log("recall", 1.0)
    with pytest.warns(MicrometricWarning):
        logger.log("recall", [[["too deep"]]])

    logger.close()
    assert manifest().accounting.metrics["recall"].misfits == 1
