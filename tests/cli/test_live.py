"""`tail --summary` and `summarize --watch`: a table that is kept up to date."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from micrometric import follow
from micrometric.event import LogEvent, format_timestamp
from micrometric.live import LiveSummary
from micrometric_cli import output, telling, watching
from micrometric_cli.options import Format
from micrometric_cli.watching import Look, watch
from tests.cli.conftest import Stream, block, event
from tests.terminal import Display, Session

WATCH = ["-m", "micrometric_cli", "summarize", "--watch", "--group-by"]
ENDED = ["--until", "2026-11-23T08:01:00Z"]
"""Following ends at once, with what there is."""
TABLE = block(
    """
    metric   layer_idx  count  rate    last    mean     min     max  recent
    ───────────────────────────────────────────────────────────────────────
    density          0      2   0.0  0.5000  0.2500  0.0000  0.5000  ▁█
    density          1      2   0.0  0.7500  0.5000  0.2500  0.7500  ▁█
    """
)


def append(run, *lines):
    with (run / "micro_metrics.jsonl").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


@pytest.fixture
def terminal(monkeypatch):
    """Make standard output a terminal of this process whose size is set."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")

    def make(columns, lines=24):
        stream = Stream(terminal=True)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", str(lines))
        return stream

    return make


def shown(stream, columns):
    display = Display(columns)
    display.send(stream.text())
    return display.text()


def at(second, value, **metadata):
    return LogEvent(datetime.fromtimestamp(second, UTC), "density", value, metadata, "a.f")


# In a terminal.


def test_the_table_changes_in_place_and_ctrl_c_leaves_the_last(run):
    arguments = [*WATCH, "layer_idx", run, "-m", "density"]
    with Session(*arguments, columns=80, lines=24) as session:
        assert session.wait(lambda text: "density          1" in text) == TABLE

        append(run, event(8, "density", 2, metadata={"layer_idx": 0}))
        session.wait(lambda text: "2.0000" in text)
        session.press("\x03")

        code, left = session.end()
        assert code == 130
        assert left == block(
            """
            metric   layer_idx  count  rate    last    mean     min     max  recent
            ───────────────────────────────────────────────────────────────────────
            density          0      3   0.0  2.0000  0.8333  0.0000  2.0000  ▁▃█
            density          1      2   0.0  0.7500  0.5000  0.2500  0.7500  ▁█
            """
        )


def test_it_follows_the_size_of_the_terminal(run):
    append(run, *[event(9, "density", n, metadata={"layer_idx": n}) for n in range(12)])
    with Session(*WATCH, "layer_idx", run, "-m", "density", columns=80, lines=24) as session:
        session.wait(lambda text: text.count("density") == 12)

        session.narrow(50, 8)

        text = session.wait(lambda text: "groups shown" in text)
        assert text == block(
            """
            metric   layer_idx  count  rate    last    mean
            ───────────────────────────────────────────────
            density          0      3   0.0  0.0000  0.1667
            density          1      3   0.0  1.0000  0.6667
            density          2      1   0.0  2.0000  2.0000
            density          3      1   0.0  3.0000  3.0000
            4 of 12 groups shown; left out at 50 columns: min…
            """
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_table_left_and_nothing_said(run, number):
    with Session(*WATCH, "layer_idx", run, "-m", "density", columns=80, lines=24) as session:
        session.wait(lambda text: text == TABLE)

        session.process.send_signal(number)

        assert session.end() == (-number, TABLE)


def test_what_is_to_be_said_stands_above_the_table(run):
    with Session(*WATCH, "layer_idx", run, "-m", "density", columns=300, lines=24) as session:
        session.wait(lambda text: text == TABLE)

        append(run, "rubbish")

        text = session.wait(lambda text: "not JSON" in text and text.endswith(TABLE))
        assert text.count("metric   layer_idx") == 1


def test_an_encoding_without_blocks_has_plain_signs(run):
    with Session(
        *WATCH, "layer_idx", run, "-m", "density",
        columns=80, lines=24, PYTHONIOENCODING="ascii", PYTHONUTF8="0",
    ) as session:  # fmt: skip
        text = session.wait(lambda text: text.count("density") == 2)

        assert text.isascii()
        assert text.splitlines()[-1].endswith("|_@")


def test_events_that_come_are_summarized_with_their_rate(run):
    arguments = ["-m", "micrometric_cli", "tail", run, "--summary"]
    with Session(*arguments, columns=80, lines=24) as session:
        session.wait(lambda text: text == "no events yet\n")

        now = format_timestamp(datetime.now(UTC))
        append(run, *[event(0, "density", n, timestamp=now) for n in range(4)])

        text = session.wait(lambda text: "density" in text)
        assert text.splitlines()[-1].split()[:3] == ["density", "4", "4.0"]
        session.wait(lambda text: float(text.splitlines()[-1].split()[2]) < 3)


# Elsewhere.


def test_a_pipe_gets_a_snapshot_now_and_then(run):
    command = [sys.executable, *WATCH, "run", str(run), "-m", "density", "-f", "json"]
    process = subprocess.Popen(
        [*command, "--every", "0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    first, second = (json.loads(process.stdout.readline()) for _ in range(2))
    append(run, event(9, "density", 5))
    counts = [first["count"], second["count"]]
    while counts[-1] == 4:
        counts.append(json.loads(process.stdout.readline())["count"])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert counts[-1] == 5
    assert first["time"] < second["time"]
    assert json.loads(out.splitlines()[-1])["last"] == 5
    assert err == ""


def test_a_reader_that_is_gone_ends_it_quietly(run):
    process = subprocess.Popen(
        [sys.executable, *WATCH, "run", str(run), "--every", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=30) == 0


def test_a_snapshot_as_text_has_its_time_and_everything(cli, run):
    ended = cli("summarize", run, "--watch", "-g", "layer_idx", "-m", "density", *ENDED)

    stamp, table = ended.out.split("\n", 1)
    assert datetime.fromisoformat(stamp).tzinfo is not None
    assert table == TABLE + "\n"


def test_snapshots_as_csv_have_one_heading(run, capsys):
    summary = LiveSummary(clock=lambda: 100.0)
    with follow(run) as follower:
        batches = [[at(1, 1)], [at(2, 2)], []]
        watch(follower, summary, Look(Format.CSV, every=1e-9), batches)

    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading == "time,metric,count,rate,last,mean,min,max,recent,non_finite,non_numeric"
    assert [row.split(",", 1)[1] for row in rows] == [
        "density,1,0.0,1.0,1.0,1.0,1.0,[1.0],0,0",
        *['density,2,0.0,2.0,1.5,1.0,2.0,"[1.0, 2.0]",0,0'] * 3,
    ]


@pytest.mark.parametrize("poll", [[], ["--poll"]], ids=["events", "polling"])
def test_what_a_logger_leaves_out_is_told(cli, tmp_path, poll):
    code = (
        "from micrometric import MicroMetricLogger as L\n"
        "L.register_metric('density', float)\n"
        "logger = L('logs', metrics_to_log='all', max_records=2)\n"
        "for n in range(5): logger.log('density', n)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)

    ended = cli("summarize", "--watch", "-f", "json", *poll, "--until", "0s", tmp_path / "logs")

    assert re.search(
        r"micrometric: not all events logged by micro_metrics\.\S+\.manifest\.json are in its "
        r"files: some were beyond max_records\n",
        ended.err,
    )
    assert json.loads(ended.out.splitlines()[-1])["count"] == 2


def test_without_events_there_is_no_snapshot(cli, run):
    ended = cli("tail", run, "--summary", *ENDED)

    assert (ended.code, ended.out) == (0, "")


def test_tail_summarizes_what_lines_and_since_ask_for(cli, run):
    def count(*arguments):
        ended = cli("tail", run, "--summary", "-f", "json", "-m", "density", *arguments)
        return [json.loads(line)["count"] for line in ended.out.splitlines()]

    assert count("-n", "3", *ENDED) == [3]
    assert count("--since", "2026-11-23T08:00:02Z", *ENDED) == [2]
    assert count("--from-start", *ENDED) == [4]
    assert count("--no-follow") == [4]
    assert count("--no-follow", "--count", "3") == [3]
    assert count("--no-follow", "--count", "9") == [4]
    assert count("--no-follow", "-g", "layer_idx") == [2, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["summarize", "--watch", "--format", "md"],
            "--watch shows a table, json or csv; for md leave --watch out, or convert its csv",
        ),
        (["summarize", "--every", "2"], "--every needs --watch"),
        (["tail", "--every", "2"], "--every needs --summary"),
        (["summarize", "--poll"], "--poll needs --watch"),
        (["tail", "--group-by", "run"], "--group-by needs --summary"),
        (["tail", "--summary", "--fields", "value"], "--fields and --summary exclude each other"),
    ],
)
def test_what_does_not_fit_is_refused(cli, run, arguments, said):
    ended = cli(*arguments, run)

    assert (ended.code, ended.out, ended.err) == (2, "", f"micrometric: {said}\n")


# The parts, in this process.


def test_on_a_terminal_a_table_is_drawn_over_the_last(terminal, run):
    stream = terminal(80)
    with follow(run) as follower:
        batches = [[at(1, 1)], [], [at(2, 2)], [], []]
        watch(follower, LiveSummary(clock=lambda: 100.0), Look(every=1e-9), batches)

    assert stream.text().count("metric") == 2
    assert shown(stream, 80) == block(
        """
        metric   count  rate    last    mean     min     max  recent
        ────────────────────────────────────────────────────────────
        density      2   0.0  2.0000  1.5000  1.0000  2.0000  ▁█
        """
    )


def test_before_the_first_event_it_says_so(terminal, run):
    stream = terminal(80)
    with follow(run) as follower:
        watch(follower, LiveSummary(), Look(), [[]])

    assert shown(stream, 80) == "no events yet\n"


def test_nothing_is_drawn_before_it_is_due(terminal, run):
    stream = terminal(80)
    with follow(run) as follower:
        batches = [[at(1, n)] for n in range(9)]
        watch(follower, LiveSummary(clock=lambda: 100.0), Look(every=60), batches)

    assert stream.text().count("metric") == 2


def test_news_are_told_once_and_the_table_drawn_again(terminal, run, capsys):
    stream = terminal(80)
    summary = LiveSummary("layer", groups=2, clock=lambda: 100.0)
    append(run, "rubbish")
    with follow(run, last=None) as follower:
        follower.past()
        follower.report.skip(run, None, "not JSON")
        events = [[at(1, 1, layer=n)] for n in range(3)]
        watch(follower, summary, Look(every=1e-9), [*events, [], [], []])

    said = capsys.readouterr().err
    assert said.count("not JSON") >= 1
    assert said.count("there are more than 2 groups; further groups are left out") == 1
    assert shown(stream, 80).count("metric") == 1


def test_ctrl_c_erases_its_sign_and_leaves_the_table(terminal, run):
    stream = terminal(80)

    def batches():
        yield [at(1, 1)]
        stream.write("^C")
        raise KeyboardInterrupt

    with follow(run) as follower, pytest.raises(KeyboardInterrupt):
        watch(follower, LiveSummary(clock=lambda: 100.0), Look(), batches())

    assert shown(stream, 80).splitlines()[-1].startswith("density      1")


def test_a_reader_that_has_gone_is_noticed_while_nothing_comes(run, monkeypatch):
    monkeypatch.setattr(telling, "reader_is_gone", lambda: True)

    with follow(run) as follower, pytest.raises(BrokenPipeError):
        watch(follower, LiveSummary(), Look(), [[]])


def test_a_pipe_tells_whether_its_reader_has_gone(monkeypatch):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert not output.reader_is_gone()

        os.close(reading)

        assert output.reader_is_gone()


def test_a_terminal_that_cannot_move_the_cursor_gets_snapshots(terminal, run, monkeypatch):
    stream = terminal(80)
    monkeypatch.setenv("TERM", "dumb")
    with follow(run) as follower:
        watch(follower, LiveSummary(clock=lambda: 100.0), Look(), [[at(1, 1)]])

    assert "\x1b" not in stream.text()


@pytest.mark.parametrize("columns", [1, 7, 20, 43])
@pytest.mark.parametrize("lines", [1, 2, 5])
def test_no_terminal_is_too_small(terminal, run, columns, lines):
    stream = terminal(columns, lines)
    with follow(run) as follower:
        events = [[at(1, n, layer=n) for n in range(9)]]
        watch(follower, LiveSummary("layer", clock=lambda: 100.0), Look(), events)

    drawn = shown(stream, columns).splitlines()
    assert len(drawn) <= max(1, lines - 1)
    assert all(len(line) <= columns for line in drawn)


def test_what_an_encoding_lacks_takes_no_more_room(monkeypatch):
    stream = Stream(terminal=True)
    stream.reconfigure(encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    assert watching._encodable("a…bé") == "a~b?"
    assert watching._levels().isascii()
