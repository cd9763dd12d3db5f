"""The command line as a whole: exit codes, error lines, help, and how soon it is there."""

import codecs
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import micrometric
from micrometric.segment import closed_name
from micrometric_cli import exits, streams
from tests.cli.conftest import SAMPLES, SESSION, event
from tests.terminal import in_terminal

COMMAND = [sys.executable, "-m", "micrometric_cli"]
_ALL = "-dac_override,-dac_read_search"
# Root reads what nobody may, unless it gives that up.
UNPRIVILEGED = ["setpriv", "--bounding-set", _ALL, "--inh-caps", _ALL] if not os.geteuid() else []


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_version_is_that_of_the_library(cli):
    assert cli("--version").out == f"micrometric {micrometric.__version__}\n"


def test_help_names_every_command_in_a_line(cli):
    ended = cli("--help")

    assert ended.code == 0
    assert re.findall(r"^  (\w+)  +(.*)\.$", ended.out, re.MULTILINE) == [
        ("list", "List metrics and whether they are logged"),
        ("validate", "Check a spec of metrics against those registered"),
        ("tail", "Show the last events, then follow"),
        ("summarize", "Show figures of each metric by group"),
        ("compact", "Turn closed segments into Parquet, a fifteenth of their size"),
        ("compare", "Compare logs by group: figures, differences, intervals"),
        ("plot", "Draw lines, distributions, heatmaps and Pareto fronts"),
        ("report", "Write one page of HTML: facts, figures, pictures, defects"),
        ("export", "Write events as csv, jsonl, parquet, arrow or tensorboard"),
        ("files", "List segments with size, events, span and state"),
        ("check", "Find every defect: broken lines, files, manifests, losses"),
        ("repair", "Write logs anew without their defects; the originals stay"),
        ("prune", "Delete segments by age, size, number or run; needs --yes"),
    ]


def test_without_a_command_there_is_help_and_exit_2(cli):
    ended = cli()

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Usage: micrometric [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sumarize"], "no such command 'sumarize'. Did you mean 'summarize'?"),
        (["list", "--sorce", "x"], "no such option: --sorce"),
        (
            ["summarize", "--format", "jsn"],
            "invalid value for '--format' / '-f': 'jsn' is not one of 'table', 'json', 'csv', "
            "'md', 'latex'; did you mean 'json'?; see --help",
        ),
        (["summarize", "--format", "qqq"], "'md', 'latex'; see --help"),
        (["tail", "-n", "many"], "invalid value for '--lines' / '-n'"),
        (["list", "nowhere"], "no such path: 'nowhere'"),
        (["summarize", "nowhere*"], "no path matches 'nowhere*'"),
        (["summarize", ".", "--assume-tz", "Mars"], "no time zone is called 'Mars'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(cli, arguments, said):
    ended = cli(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_fault_in_a_text_is_pointed_at(cli, run):
    ended = cli("summarize", run, "--where", "value >> 3")

    assert ended.code == 2
    assert ended.err.splitlines()[1:] == ["  value >> 3", "  ^"]


def test_on_a_terminal_sentences_are_wrapped_between_words(cli):
    ended = cli("list", "nowhere", "--assume-tz", "Not/a-zone-at-all", columns=40)

    assert ended.err == (
        "micrometric: no time zone is called\n"
        "  'Not/a-zone-at-all'; expected a name\n"
        "  such as 'UTC' or 'Europe/Berlin'\n"
    )


def test_a_bug_keeps_its_traceback(cli, monkeypatch):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("micrometric_cli.paths.paths_or_default", fail)

    with pytest.raises(ZeroDivisionError):
        exits._code_of(__import__("micrometric_cli.app", fromlist=["app"]).app, ["list"])


def test_ctrl_c_is_exit_130_and_silence(cli, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("micrometric_cli.paths.paths_or_default", interrupt)

    ended = cli("list")

    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_a_pipe_closed_by_its_reader_is_exit_0_and_silence(cli, monkeypatch):
    def nobody_reads(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("micrometric_cli.paths.paths_or_default", nobody_reads)
    nowhere: list[object] = []
    monkeypatch.setattr("os.dup2", lambda *descriptors: nowhere.append(descriptors))
    monkeypatch.setattr("tests.cli.conftest.Stream.fileno", lambda _: 1)

    ended = cli("list")

    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert len(nowhere) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk at hand")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments",
    [
        *("--help", "--version", "summarize logs", "tail logs --no-follow", "list logs -f json"),
        *("export logs -o - -f csv", "plot logs"),
    ],
)
def test_a_full_disk_below_the_output_is_one_line_and_exit_2(tmp_path, arguments, unbuffered):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")

    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, *arguments.split()],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    told = "micrometric: cannot write to standard output: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (2, told)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("text", "code"), [("{}", 1), (event(1, "density", 1), 0)])
def test_closed_streams_change_no_exit_code(tmp_path, text, code, closed):
    (tmp_path / "micro_metrics.jsonl").write_text(f"{text}\n")
    words = [*COMMAND, "summarize", tmp_path, "--strict"]

    ended = subprocess.run(
        ["bash", "-c", f'"$@" {closed}', "-", *words], capture_output=True, text=True, check=False
    )

    assert ended.returncode == code
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        *(("summarize", 2), ("summarize {logs}", 0), ("check {logs}", 0), ("list {logs}", 0)),
        *(("repair {logs} -o out", 2), ("repair {logs} -o {out}", 0)),
    ],
)
def test_where_the_working_directory_is_gone_absolute_paths_do(tmp_path, arguments, code):
    here, logs, out = (tmp_path / name for name in ("here", "logs", "out"))
    here.mkdir()
    logs.mkdir()
    (logs / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")
    words = arguments.format(logs=logs, out=out).split()

    ended = subprocess.run(
        ["bash", "-c", 'rmdir "$PWD" && exec "$@"', "-", *COMMAND, *words],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == code
    assert "Traceback" not in ended.stderr
    if code:
        assert ended.stderr.startswith("micrometric: the working directory is gone; ")


@pytest.mark.parametrize("name", ["ä", "\U0001f600", "lone\ud800"])
def test_escapes_are_those_of_json(name):
    codecs.register_error("micrometric.escaped", streams._escaped)  # type: ignore[arg-type]

    escaped = name.encode("ascii", "micrometric.escaped").decode()

    assert json.loads(f'"{escaped}"') == name


def test_ctrl_c_before_a_command_has_begun_is_exit_130(monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    assert exits._code_of(interrupted, []) == 130


@pytest.mark.parametrize(
    ("option", "environment", "terminal", "coloured"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_as_told_then_as_the_environment_and_the_terminal_say(
    cli, run, monkeypatch, option, environment, terminal, coloured
):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    ended = cli("summarize", run, "--color", option, columns=80 if terminal else None)

    assert ("\x1b[" in ended.out) is coloured


def test_ctrl_c_ends_tail_at_once(tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")
    out = tmp_path / "out"
    with out.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, "tail", tmp_path], stdout=file, stderr=subprocess.PIPE
        )
    wait_for(out)

    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 130


@pytest.mark.parametrize("command", ["summarize -f csv -g timestamp", "tail -n 1800 --no-follow"])
def test_a_closed_pipe_ends_silently(command):
    shell = f"{sys.executable} -m micrometric_cli {command} --assume-tz UTC {SAMPLES} | head -1"

    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout.count("\n")) == (0, 1)
    assert "Error" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_pipe_closed_while_nothing_comes_ends_tail(tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")

    ended = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m micrometric_cli tail {tmp_path} | head -1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""


def test_what_the_encoding_does_not_know_is_still_json(tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text(event(1, "density", "ä") + "\n")

    ended = subprocess.run(
        [*COMMAND, "summarize", tmp_path, "-g", "value", "-f", "json"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )

    assert json.loads(ended.stdout)["value"] == "ä"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_in_a_real_terminal_nothing_is_wrapped_and_all_in_order(unbuffered):
    command = "python -m micrometric_cli summarize"
    shown = in_terminal(command, columns=80, PYTHONUNBUFFERED=unbuffered)

    lines = shown.splitlines()
    assert len(lines) == 1 + 2 + 7 + 1
    assert lines[-1].startswith("micrometric: left out at 80 columns")
    assert max(map(len, lines)) <= 80


def test_help_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from micrometric_cli.app import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'rich', 'micrometric', 'msgspec', 'duckdb', 'pandas', 'narwhals', 'pydantic'}\n"
        "print(*sorted(heavy & sys.modules.keys()))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ended.stdout.splitlines()[-1] == ""


@pytest.mark.skipif(bool(UNPRIVILEGED) and not shutil.which("setpriv"), reason="root reads all")
@pytest.mark.parametrize(
    ("command", "suffix"),
    [
        ("summarize", ".jsonl.gz"),
        ("summarize", ".parquet"),
        *((command, ".jsonl") for command in ("summarize", "compare --by location", "list")),
        *((command, ".jsonl") for command in ("plot", "export -o a.csv", "report -o a.html")),
        *(("tail --no-follow", suffix) for suffix in (".jsonl", ".jsonl.gz")),
        *(("tail --no-follow --from-start", suffix) for suffix in (".jsonl", ".jsonl.gz")),
    ],
)
def test_a_segment_that_may_not_be_read_is_one_line_and_exit_2(tmp_path, command, suffix):
    (tmp_path / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")
    closed = tmp_path / closed_name(SESSION, 0, suffix)
    closed.touch(mode=0)

    ended = subprocess.run(
        [*UNPRIVILEGED, *COMMAND, *command.split(), "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr == f"micrometric: cannot read {closed.name!r}: Permission denied\n"
