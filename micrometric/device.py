"""Tensors in the memory of an accelerator: copied there at the call, fetched when written.

`log` must never wait for the device, so it only enqueues a copy; the writer fetches many in one
transfer. torch is recognised by what its tensors can do, and never imported here.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

MAX_HELD_BYTES = 256 * 1024 * 1024
"""Device memory that copies may hold until the writer has fetched them."""
_RELAXED = 2  # cudaStreamCaptureModeRelaxed of the CUDA runtime

_held = 0
"""Bytes of all copies that are not fetched yet."""


class Refused(Exception):  # noqa: N818 - it is counted and told, and never leaves `log`
    """A device tensor that cannot be logged now; the text says why and what to do."""


class Deferred:
    """A copy of a device tensor that waits on its device until `fetch` gives it its data."""

    __slots__ = ("_size", "data", "error", "tensor")

    def __init__(self, tensor: Any) -> None:
        self.data: Any = None
        self.error: Exception | None = None
        size = _bytes_of(tensor)
        _check_capture(tensor)
        self._hold(size)
        try:
            self.tensor = tensor.detach().clone()
        except Exception as error:
            # Its repr is no way out: that would wait for the device.
            raise Refused(f"the device made no copy: {error}") from error

    def _hold(self, size: int) -> None:
        """Count bytes from before the copy is made until it is gone.

        Raises:
            Refused: there is no room for them.
        """
        global _held
        # No call between the look and the count, so that no other thread comes between.
        if _held + size <= MAX_HELD_BYTES:
            _held += size
            self._size = size
            return
        raise Refused(
            f"{MAX_HELD_BYTES >> 20} MiB of device tensors wait to be written; log fewer or "
            "smaller ones"
        )

    def __del__(self) -> None:
        global _held
        size = getattr(self, "_size", 0)
        # Read before: no call between the load of the count and its store either.
        _held -= size


def on_device(value: Any) -> bool:
    """Say whether this is a tensor in the memory of an accelerator."""
    device = getattr(value, "device", None)
    kind = getattr(device, "type", "cpu")
    return kind not in ("cpu", "meta") and hasattr(value, "detach") and hasattr(value, "clone")


def fetch(copies: list[Deferred]) -> None:
    """Give each copy its data or its error, one transfer for each device and dtype."""
    groups: dict[tuple[str, str], list[Deferred]] = {}
    for copy in copies:
        kind = str(getattr(copy.tensor, "device", "")), str(getattr(copy.tensor, "dtype", ""))
        groups.setdefault(kind, []).append(copy)
    with _relaxed_capture():
        for group in groups.values():
            try:
                _fetch_together(group)
            except Exception:  # noqa: BLE001 - one that cannot be fetched must not cost the rest
                for copy in group:
                    _fetch_one(copy)


def _fetch_together(group: list[Deferred]) -> None:
    package = sys.modules[type(group[0].tensor).__module__.partition(".")[0]]
    joined = package.cat([copy.tensor.reshape(-1) for copy in group]).cpu()
    start = 0
    for copy in group:
        end = start + copy.tensor.numel()
        copy.data = joined[start:end].reshape(copy.tensor.shape).tolist()
        start = end


def _fetch_one(copy: Deferred) -> None:
    try:
        copy.data = copy.tensor.tolist()
    except Exception as error:  # noqa: BLE001 - told and counted with the event
        copy.error = error


def _bytes_of(tensor: Any) -> int:
    try:
        return int(tensor.numel()) * int(tensor.element_size())
    except Exception:  # noqa: BLE001 - what does not tell its size counts as a scalar
        return 8


def _check_capture(tensor: Any) -> None:
    """Refuse while a CUDA graph is captured: the copy would become part of the graph."""
    torch = sys.modules.get("torch")
    if torch is None or tensor.device.type != "cuda":
        return
    if torch.cuda.is_current_stream_capturing():
        raise Refused("a CUDA graph is being captured; log after its replay")


@contextlib.contextmanager
def _relaxed_capture() -> Iterator[None]:
    """Let this thread transfer while another captures a CUDA graph, where CUDA is in use.

    Without it the transfer would end that capture with an error; see
    cudaThreadExchangeStreamCaptureMode in the manual of the CUDA runtime.
    """
    torch = sys.modules.get("torch")
    if torch is None or not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        yield
        return
    import ctypes  # only where there is CUDA

    # torch loads the runtime into the process for all to see.
    exchange = getattr(ctypes.CDLL(None), "cudaThreadExchangeStreamCaptureMode", None)
    mode = ctypes.c_int(_RELAXED)
    if exchange is not None:
        exchange(ctypes.byref(mode))
    try:
        yield
    finally:
        if exchange is not None:
            exchange(ctypes.byref(mode))  # The exchange left the former mode in `mode`.
