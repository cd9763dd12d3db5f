"""Tensors on an accelerator, played by fakes that fail when they are touched too early."""

import gc
import sys
import threading
import types
from types import SimpleNamespace

import pytest

from micrometric import MicroMetricLogger, MicrometricWarning, device, iter_events

CALLS: list[str] = []


class FakeTensor:
    """A tensor on a device: reading it is refused until the writer may."""

    may_read = False

    def __init__(self, data, *, kind="npu", dtype="float32", shape=None, fails=False) -> None:
        self.data = data if isinstance(data, list) else [data]
        self.shape = shape if shape is not None else (() if not isinstance(data, list) else None)
        self.device = SimpleNamespace(type=kind)
        self.dtype = dtype
        self.fails = fails

    def _copy(self, data=None, **changes):
        copy = FakeTensor([*(self.data if data is None else data)])
        copy.__dict__.update({**self.__dict__, "data": copy.data, **changes})
        return copy

    def detach(self):
        return self._copy()

    def clone(self):
        if self.fails == "clone":
            raise RuntimeError("out of memory")
        return self._copy()

    def numel(self) -> int:
        return len(self.data)

    def element_size(self) -> int:
        return 4

    def reshape(self, shape):
        return self._copy(shape=None if shape == -1 else shape)

    def __getitem__(self, part):
        return self._copy(self.data[part])

    def cpu(self):
        self._read("cpu")
        if self.fails:
            raise RuntimeError("the device is lost")
        return self._copy()

    def tolist(self):
        self._read("tolist")
        if self.fails:
            raise RuntimeError("the device is lost")
        return self.data[0] if self.shape == () else self.data

    def item(self):
        self._read("item")
        return self.data[0]

    def __repr__(self) -> str:
        self._read("repr")
        return "FakeTensor"

    def _read(self, how: str) -> None:
        is_writer = threading.current_thread().name == "micrometric-writer"
        assert FakeTensor.may_read or is_writer, f"{how} waits for the device inside of log"
        CALLS.append(how)


def cat(tensors):
    joined = tensors[0]._copy([item for tensor in tensors for item in tensor.data])
    joined.fails = any(tensor.fails for tensor in tensors)
    return joined


@pytest.fixture(autouse=True)
def _fakes(monkeypatch):
    package = types.ModuleType("fakes")
    package.cat = cat
    monkeypatch.setitem(sys.modules, "fakes", package)
    monkeypatch.setattr(FakeTensor, "__module__", "fakes.tensors")
    monkeypatch.setattr(FakeTensor, "may_read", False)
    CALLS.clear()


@pytest.fixture
def loop(logs):
    """A logger that writes when `flush` is called."""
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(logs, 100_000, None, "all")
    logger.log("m", -1.0)
    logger.flush()
    return logger


def logged(logs) -> list[object]:
    return [event.value for event in iter_events(logs) if event.value != -1.0]


def test_many_tensors_are_fetched_in_one_transfer_after_log_has_returned(loop, logs) -> None:
    for number in range(300):
        loop.log("m", FakeTensor(float(number)), {"step": number})
        loop.log("m", number + 0.5)
    assert CALLS == []

    FakeTensor.may_read = True
    loop.flush()

    assert logged(logs) == [number / 2 for number in range(600)]
    assert CALLS.count("cpu") == 1


def test_the_thread_fetches_while_the_loop_goes_on(logs) -> None:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(logs, 100, 0.01, "all")
    for number in range(5000):
        logger.log("m", FakeTensor(float(number)))

    FakeTensor.may_read = True  # `close` fetches what is left.
    logger.close()

    assert logged(logs) == [float(number) for number in range(5000)]


def test_each_dtype_and_shape_comes_back_as_it_was(loop, logs) -> None:
    loop.log("m", FakeTensor(1, dtype="int64"))
    loop.log("m", FakeTensor([0.5, 1.5], shape=(2,)))
    loop.log("m", FakeTensor(True, dtype="bool"), {"mask": FakeTensor([1, 2], shape=(2,))})

    FakeTensor.may_read = True
    loop.flush()

    assert logged(logs) == [1, [0.5, 1.5], True]
    assert [event.metadata for event in iter_events(logs)][-1] == {"mask": [1, 2]}


def test_a_tensor_that_cannot_be_fetched_costs_itself_alone(loop, logs) -> None:
    loop.log("m", FakeTensor(1.0))
    loop.log("m", FakeTensor(2.0, fails=True))
    loop.log("m", 3.0)

    FakeTensor.may_read = True
    with pytest.warns(MicrometricWarning, match="the device is lost"):
        loop.flush()

    assert logged(logs) == [1.0, 3.0]
    account = loop._state.writer.accounting().total
    assert (account.logged, account.written, account.failed) == (4, 3, 1)
    assert loop.get_total_records_logged() == 3


def test_a_device_without_memory_costs_the_event_and_no_wait(loop, logs) -> None:
    with pytest.warns(MicrometricWarning, match="made no copy: out of memory"):
        loop.log("m", FakeTensor(1.0, fails="clone"))

    loop.flush()
    assert logged(logs) == []
    assert loop._state.writer.accounting().total.failed == 1


def test_the_device_memory_that_waits_is_bounded(loop, logs, monkeypatch) -> None:
    monkeypatch.setattr(device, "MAX_HELD_BYTES", device._held + 40)

    with pytest.warns(MicrometricWarning, match="device tensors wait to be written"):
        for number in range(15):
            loop.log("m", FakeTensor(float(number)))
    FakeTensor.may_read = True
    loop.flush()

    assert logged(logs) == [float(number) for number in range(10)]
    loop.log("m", FakeTensor(99.0))  # There is room again.
    loop.flush()
    assert logged(logs)[-1] == 99.0


def test_copies_that_go_while_another_goes_leave_no_count_behind() -> None:
    before = device._held
    others = [device.Deferred(FakeTensor(1.0)) for _ in range(3)]

    class Interrupted(device.Deferred):
        """A copy whose size is read just when another thread lets go of others."""

        @property
        def _size(self) -> int:
            others.clear()
            return self.size

        @_size.setter
        def _size(self, size: int) -> None:
            self.size = size

    copy = Interrupted(FakeTensor(1.0))
    assert device._held == before + 16
    del copy

    assert device._held == before


def test_a_copy_counts_from_before_it_is_made(monkeypatch) -> None:
    before, counts = device._held, []
    monkeypatch.setattr(FakeTensor, "clone", lambda _: counts.append(device._held))

    copy = device.Deferred(FakeTensor(1.0))

    assert counts == [device._held] == [before + 4]
    del copy
    assert device._held == before


def test_a_copy_that_fails_does_not_count() -> None:
    gc.collect()  # What other tests left.
    before = device._held

    with pytest.raises(device.Refused):
        device.Deferred(FakeTensor(1.0, fails="clone"))

    gc.collect()
    assert device._held == before


# CUDA graphs, played by a torch of our own.


class FakeCuda:
    def __init__(self) -> None:
        self.capturing = False

    def is_current_stream_capturing(self) -> bool:
        return self.capturing

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return True


@pytest.fixture
def cuda(monkeypatch) -> FakeCuda:
    torch = types.ModuleType("torch")
    torch.cuda = FakeCuda()
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch.cuda


def test_while_a_graph_is_captured_log_does_nothing_on_the_device(loop, logs, cuda) -> None:
    cuda.capturing = True
    tensor = FakeTensor(1.0, kind="cuda", fails="clone")  # It would raise if it were copied.

    with pytest.warns(MicrometricWarning, match="log after its replay") as caught:
        loop.log("m", tensor)
        loop.log("m", tensor)
    cuda.capturing = False
    loop.log("m", FakeTensor(2.0, kind="cuda"))

    FakeTensor.may_read = True
    loop.flush()
    assert logged(logs) == [2.0]
    assert len(caught) == 1
    assert loop._state.writer.accounting().total.failed == 2


def test_a_transfer_leaves_the_capture_of_another_thread_alone(
    loop, logs, cuda, monkeypatch
) -> None:
    import ctypes

    modes = []

    class Runtime:
        def __init__(self, _) -> None:
            self.mode = 0

        def cudaThreadExchangeStreamCaptureMode(self, mode) -> None:  # noqa: N802 - its name
            wanted = mode._obj.value
            modes.append(wanted)
            mode._obj.value, self.mode = self.mode, wanted

    monkeypatch.setattr(ctypes, "CDLL", Runtime)
    loop.log("m", FakeTensor(2.0, kind="cuda"))

    FakeTensor.may_read = True
    loop.flush()

    assert modes == [2, 0]  # relaxed, and back to what it was
