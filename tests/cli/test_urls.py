"""URLs on the command line: the same output as on a disk, one line for what goes wrong."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import boto3
import fsspec
import pytest

from micrometric.download import Progress
from micrometric_cli.completion import complete_metric
from micrometric_cli.progress import fetching
from tests.storage import upload
from tests.terminal import in_terminal


@pytest.fixture
def bucket(s3, run):
    """The run in a bucket."""
    upload(boto3.client("s3"), run, "metrics", "logs/")
    yield "s3://metrics/logs"
    fsspec.filesystem("s3").rm("metrics", recursive=True)


@pytest.fixture
def memory(run):
    files = fsspec.filesystem("memory")
    for path in run.iterdir():
        files.pipe_file(f"/logs/{path.name}", path.read_bytes())
    yield "memory://logs"
    files.store.clear()
    files.pseudo_dirs[:] = [""]


COMMANDS = [
    ["list"],
    ["list", "--format", "json"],
    ["validate", "--metrics", "density,phase"],
    ["validate", "--metrics", "densty"],
    ["summarize", "--group-by", "layer_idx,run,launch"],
    ["summarize", "--group-by", "value", "--metrics", "phase", "--format", "csv"],
    ["tail", "--no-follow", "-n", "3"],
    ["tail", "--no-follow", "--from-start", "--format", "json"],
    ["tail", "--no-follow", "--summary"],
    ["summarize", "--metrics", "densty"],
    ["tail", "--no-follow", "--where", "value > 100"],
]


def undated(out):
    """A view of `tail --summary` begins with the time at which it was taken."""
    return re.sub(rf"\A{date.today().year}\S+Z\n", "", out)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_says_of_the_disk(cli, bucket, run, command):
    on_disk = cli(*command, run)

    ended = cli(*command, bucket)

    assert (ended.code, undated(ended.out)) == (on_disk.code, undated(on_disk.out))
    assert ended.err == on_disk.err.replace(str(run), bucket)


def test_a_url_is_read_where_no_path_is_named(cli, memory, monkeypatch, tmp_path):
    (tmp_path / "pyproject.toml").write_text(f'[tool.micrometric]\nread_path = "{memory}"\n')

    ended = cli("summarize")

    assert ended.code == 0
    assert ended.err == f"micrometric: reading {memory} (read_path in pyproject.toml)\n"
    monkeypatch.setenv("MICROMETRIC_LOG_PATH", f"{memory}/")
    assert cli("list").err == f"micrometric: reading {memory}/ (MICROMETRIC_LOG_PATH)\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["summarize", "s3://nowhere/x"], "no such path: 's3://nowhere/x'"),
        (["summarize", "memory://x/*"], "no path matches 'memory://x/*'"),
        (["list", "gs://b/x"], "reading 'gs://b/x' needs gcsfs; install it with: pip install .*"),
        (["tail", "s3://b/x"], "cannot follow 's3://b/x': only files of this machine are .*"),
        (["tail", "--summary", "s3://b/x"], "cannot follow 's3://b/x': .*"),
        (["summarize", "--watch", "s3://b/x"], "cannot follow 's3://b/x': .*"),
        (["validate", "-m", "all", "memory://x"], "no such path: 'memory://x'"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_2(cli, s3, arguments, said):
    ended = cli(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(f"micrometric: {said.replace('*', '[*]', said.count('/*'))}\n", ended.err)


def test_completion_asks_no_network(memory):
    behind_an_option = SimpleNamespace(params={}, args=[memory])

    assert complete_metric(behind_an_option, "d") == []


@pytest.mark.parametrize("scheme", ["http", "s3"])
def test_ctrl_c_ends_at_once_and_leaves_nothing(tmp_path, scheme):
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        url = f"http://{address}/x" if scheme == "http" else "s3://bucket/x"
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
        environ = {"AWS_ENDPOINT_URL": f"http://{address}", "TMPDIR": str(tmp_path), **keys}
        command = [sys.executable, "-m", "micrometric_cli", "summarize", url]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | environ)
        server.settimeout(30)
        connection, _ = server.accept()
        connection.recv(1)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)

        _, said = process.communicate(timeout=30)
        connection.close()

    assert (process.returncode, said) == (130, b"")
    assert time.monotonic() - begun < 5
    assert list(tmp_path.iterdir()) == []


SLOW = """
import http.server, sys, time
class Slow(http.server.SimpleHTTPRequestHandler):
    def copyfile(self, source, outputfile):
        for block in iter(lambda: source.read(200), b""):
            outputfile.write(block)
            outputfile.flush()
            time.sleep(0.2)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def slow(run):
    """The run on a web server that takes two seconds for a file."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOW], cwd=run, stdout=subprocess.PIPE, text=True
    ) as server:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
        server.kill()


def test_ctrl_c_in_the_midst_of_files_leaves_nothing(slow, tmp_path):
    place = tmp_path / "temporary"
    place.mkdir()
    command = [sys.executable, "-m", "micrometric_cli", "summarize", slow]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, env=os.environ | {"TMPDIR": str(place)}
    )
    deadline = time.monotonic() + 20
    while not any(path.is_file() and path.stat().st_size for path in place.rglob("*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=30)

    assert (process.returncode, said) == (130, b"")
    assert list(place.iterdir()) == []


def test_progress_is_shown_on_a_terminal_and_taken_away(slow, tmp_path):
    command = f"micrometric summarize {slow} -g run"

    shown = in_terminal(command, columns=100, cwd=tmp_path)

    assert re.search(r"\r\x1b\[Kmicrometric: fetched \d of 2 files, 0\.0 MB\r\x1b\[K", shown)
    assert shown.rpartition("\x1b[K")[2].startswith("metric")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_comes_late_and_tells_what_is_known(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    now = 0.0
    tell = fetching(lambda: now)

    tell(Progress(1, 2, 0, 0))
    tell(None)
    now = 2.0
    tell(Progress(1, 2, 1_500_000, 3_000_000))
    tell(Progress(1, 2, 2_500_000, None))
    tell(None)

    clear = "\r\x1b[K"
    assert sys.stderr.getvalue() == (
        f"{clear}micrometric: fetched 1 of 2 files, 1.5 of 3.0 MB"
        f"{clear}micrometric: fetched 1 of 2 files, 2.5 MB{clear}"
    )
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    tell(Progress(1, 2, 0, 0))
    assert sys.stderr.getvalue() == ""


def test_reading_a_file_system_that_is_slow_ends_in_time(tmp_path):
    """The limits of the S3 client come before our own patience where nobody listens."""
    environ = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }
    command = [sys.executable, "-m", "micrometric_cli", "summarize", "s3://b/x"]
    begun = time.monotonic()

    ended = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environ, check=False
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(r"micrometric: cannot read 's3://b/x': Could not .*\n", ended.stderr)
    assert time.monotonic() - begun < 20


def test_what_is_read_without_a_url_imports_no_network(run: Path):
    code = (
        "import sys, micrometric\n"
        f"micrometric.summarize({str(run)!r})\n"
        "print({'fsspec', 'aiohttp', 's3fs', 'botocore', 'tempfile'} & sys.modules.keys())"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "{'tempfile'}\n"
