"""Remote storage for tests: a real S3 server, a web server, and a file system with moods."""

import asyncio
import contextlib
import functools
import gc
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import fsspec.asyn
from fsspec.implementations.memory import MemoryFileSystem

_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Run a server of S3 in a process of its own, and give its address."""
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


def upload(client: Any, directory: Path, bucket: str, prefix: str = "") -> None:
    """Make a bucket, and copy a tree into it."""
    client.create_bucket(Bucket=bucket)
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            key = f"{prefix}{path.relative_to(directory)}"
            client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


@contextlib.contextmanager
def web_server(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a web server in a thread, and give its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def pages_of(directory: Path) -> type[http.server.BaseHTTPRequestHandler]:
    """Serve a directory, with a page that lists each directory in it."""

    class Pages(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    return functools.partial(Pages, directory=str(directory))  # type: ignore[return-value]


def refusals(status: int, body: bytes = b"") -> type[http.server.BaseHTTPRequestHandler]:
    """Answer everything with a status."""

    class Refusals(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - as its base class names it

        def log_message(self, *_: object) -> None:
            pass

    return Refusals


class MoodyFileSystem(MemoryFileSystem):
    """A file system in memory, `moody://`, with something done whenever a file is fetched."""

    protocol = "moody"
    store: dict[str, Any] = {}  # noqa: RUF012 - as its base class does it
    pseudo_dirs = [""]  # noqa: RUF012
    on_get: Callable[[str], None] = staticmethod(lambda name: None)
    fetched: list[str] = []  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return MemoryFileSystem._strip_protocol(path.replace("moody://", "memory://"))

    def get_file(self, rpath: str, lpath: str, callback: Any = None, **options: Any) -> None:
        type(self).fetched.append(rpath)
        type(self).on_get(rpath)
        super().get_file(rpath, lpath, callback=callback, **options)


def silence(name: str) -> None:
    time.sleep(1)


@contextlib.contextmanager
def no_network_left() -> Iterator[None]:
    """End the threads of fsspec afterwards: processes that tests fork must not have any."""
    yield
    for protocol in ("s3", "http"):
        fsspec.get_filesystem_class(protocol).clear_instance_cache()
    gc.collect()
    loop, thread = fsspec.asyn.loop[0], fsspec.asyn.iothread[0]
    if loop is not None and thread is not None:
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        fsspec.asyn.loop[0] = fsspec.asyn.iothread[0] = None
