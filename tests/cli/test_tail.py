import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from micrometric.segment import active_name, closed_name
from tests.cli.conftest import SAMPLES, SESSION, block, event
from tests.tailing import Tail

OTHER = "20261123T090000000000Z-r1-4712"


def numbers(ended):
    return [json.loads(line)["value"] for line in ended.out.splitlines()]


def test_the_last_events_are_shown_in_order_of_time(cli, run):
    (run / active_name(OTHER)).write_text(event(1, "late", 99) + "\n")

    assert numbers(cli("tail", run, "-n", "5", "--no-follow", "-f", "json")) == [
        99, 0.5, 0.75, "warm", 1,
    ]  # fmt: skip


def test_ten_are_shown_unless_told(cli):
    path = SAMPLES / "oracle_top_k=8"

    assert len(numbers(cli("tail", path, "--no-follow", "-f", "json"))) == 10


def test_since_shows_all_since_unless_told(cli):
    arguments = ["tail", SAMPLES / "oracle_top_k=8", "--no-follow", "-f", "json"]
    arguments += ["--since", "2026-11-23T08:32:36Z", "--assume-tz", "UTC"]

    assert len(numbers(cli(*arguments))) > 10
    assert len(numbers(cli(*arguments, "-n", "3"))) == 3


def test_from_start_shows_all_and_excludes_lines(cli, run):
    options = ["tail", run, "--from-start", "-f", "json"]

    assert len(numbers(cli(*options, "--idle-exit", 0))) == 6
    ended = cli(*options, "-n", 3)
    assert ended.code == 2
    assert "--lines and --from-start exclude each other" in ended.err


@pytest.mark.parametrize("poll", [[], ["--poll"]], ids=["events", "polling"])
def test_it_ends_after_so_many_events_or_an_idle_time(cli, run, poll):
    options = ["tail", run, "-f", "json", *poll]

    assert numbers(cli(*options, "--count", 2)) == [0, 0.25]
    assert numbers(cli(*options, "-n", 2, "--idle-exit", 0.02)) == ["warm", 1]


def test_from_start_without_following_shows_all_and_a_whole_last_line(cli, run):
    (run / active_name(OTHER)).write_text(event(9, "late", 99) + "\n" + event(9, "late", 100))

    ended = cli("tail", run, "--from-start", "--no-follow", "-f", "json", "-m", "late")

    assert numbers(ended) == [99, 100]


def test_who_cannot_keep_up_is_told_how_far_behind_it_is(cli, run, monkeypatch):
    path = run / active_name(OTHER)
    path.write_text((event(9, "late", 99) + "\n") * 20_000)
    monkeypatch.setattr("micrometric_cli.streaming._HURRY", 0.0)

    ended = cli("tail", path, "--from-start", "--no-follow", "-f", "json")

    assert re.search(r"micrometric: still [12]\.\d MB behind what is written\n", ended.err)


def test_from_start_tells_of_half_a_line(cli, run):
    path = run / active_name(OTHER)
    path.write_text(event(9, "late", 99)[:-9])

    ended = cli("tail", path, "--from-start", "--no-follow", "-f", "json")

    assert ended.code == 1
    assert f"the last line of {path} is unfinished" in ended.err


@pytest.mark.parametrize("poll", [[], ["--poll"]], ids=["events", "polling"])
def test_lines_that_are_beyond_doubt_pass_as_they_are_with_their_origin(cli, run, poll):
    path = run / active_name(OTHER)
    odd = '{"timestamp": "2026-11-23T08:00:00Z", "metric": "m", "value": 1e2, "metadata": {}, '
    path.write_text(odd + '"location": "é", "more": [1]}\n')

    ended = cli("tail", path, "--from-start", "--no-follow", "-f", "json", *poll)

    origin = f', "run":"logs","session":"{OTHER}","rank":1}}'.replace(", ", ",", 1)
    assert ended.out == odd + '"location": "é", "more": [1]' + origin + "\n"


def test_a_merge_window_sorts_by_time(cli, run):
    (run / active_name(OTHER)).write_text(event(2, "late", 99) + "\n")
    options = ["tail", run, "--from-start", "--idle-exit", 0.1, "-f", "json"]

    assert numbers(cli(*options))[-1] == 99
    assert numbers(cli(*options, "--merge-window", 0.01)) == [0, 0.25, 0.5, 99, 0.75, "warm", 1]


def test_fields_are_columns(cli, run):
    (run / "micro_metrics.jsonl").write_text(event(6, "density", ["NaN", 1.23456789]) + "\n")

    ended = cli("tail", run, "-n", 3, "--no-follow", "--fields", "timestamp, value,layer_idx,rank")

    assert ended.out == block(
        """
        2026-11-23T08:00:04.000000Z  warm            -  -
        2026-11-23T08:00:05.000000Z  1               -  -
        2026-11-23T08:00:06.000000Z  [NaN, 1.23457]  -  -
        """
    )


def test_fields_are_cells_and_members_in_full(cli, run):
    options = ["tail", run / closed_name(SESSION, 0), "-n", 2, "--no-follow", "--fields"]

    assert cli(*options, "metric,value,session", "-f", "csv").out == block(
        f"""
        metric,value,session
        phase,warm,{SESSION}
        stray,1,{SESSION}
        """
    )
    assert cli(*options, "value,layer_idx", "-f", "json").out == block(
        """
        {"value": "warm", "layer_idx": null}
        {"value": 1, "layer_idx": null}
        """
    )


def test_a_field_may_be_a_key_of_the_path(cli):
    ended = cli(
        "tail", SAMPLES, "-n", 2, "-m", "research*", "--no-follow", "--fields", "oracle_top_k,value"
    )

    assert all(re.fullmatch(r"(8|32|128) +[\d.]+", line) for line in ended.out.splitlines())
    assert len(ended.out.splitlines()) == 2


def test_piped_each_line_is_whole(cli, run):
    ended = cli("tail", run, "--no-follow")

    assert ended.err == ""
    assert ended.out == block(
        """
        2026-11-23 08:00:00.000Z  density         0  layer_idx=0  pkg.model.Attention.forward
        2026-11-23 08:00:01.000Z  density      0.25  layer_idx=1  pkg.model.Attention.forward
        2026-11-23 08:00:02.000Z  density       0.5  layer_idx=0  pkg.model.Attention.forward
        2026-11-23 08:00:03.000Z  density      0.75  layer_idx=1  pkg.model.Attention.forward
        2026-11-23 08:00:04.000Z  phase        warm               pkg.model.Attention.forward
        2026-11-23 08:00:05.000Z  stray           1               pkg.main.<module>
        """
    )


def test_on_a_terminal_the_date_stands_alone(cli, run):
    (run / "micro_metrics.jsonl").write_text(event(86400, "density", [0.25, "NaN"]) + "\n")

    ended = cli("tail", run, "--no-follow", columns=100)

    assert ended.out == block(
        """
        2026-11-23 UTC
        08:00:00.000  logs/4711  density            0  layer_idx=0  pkg.model.Attention.forward
        08:00:01.000  logs/4711  density         0.25  layer_idx=1  pkg.model.Attention.forward
        08:00:02.000  logs/4711  density          0.5  layer_idx=0  pkg.model.Attention.forward
        08:00:03.000  logs/4711  density         0.75  layer_idx=1  pkg.model.Attention.forward
        08:00:04.000  logs/4711  phase           warm               pkg.model.Attention.forward
        08:00:05.000  logs/4711  stray              1               pkg.main.<module>
        2026-11-24 UTC
        08:00:00.000  logs       density  [0.25, NaN]               pkg.model.Attention.forward
        """
    )


def test_on_a_narrow_terminal_names_are_shortened_and_the_location_goes(cli):
    ended = cli("tail", SAMPLES / "oracle_top_k=8", "-n", "3", "--no-follow", columns=60)

    assert ended.out == block(
        """
        2026-11-23 UTC
        08:32:42.838  resear…_output_error   0.496815  layer_idx=4
        08:32:42.898  resear…ntion_density  0.0546875  layer_idx=5
        08:32:42.899  resear…_output_error   0.991928  layer_idx=5
        """
    )
    assert "too narrow:\n  location\n" in ended.err


def test_at_80_columns_the_location_is_shortened_in_the_middle(cli):
    ended = cli("tail", SAMPLES / "topk_attention", "-n", "4", "--no-follow", columns=80)

    assert ended.out == block(
        """
        2026-11-23 UTC
        15:17:22.158  output_error      0.0208786  step=24 layer_idx=3 head=2
        15:17:22.158  output_error     0.00913951  step=24 layer_idx=3 head=3
        15:17:22.158  recall        [0.9….992037]  step=24 layer_idx=3
        15:17:22.158  accuracy                  1  step=24 layer_idx=3
        """
    )
    assert max(map(len, ended.out.splitlines())) <= 80


def test_several_writers_are_told_apart(cli, run):
    (run / active_name(OTHER)).write_text(event(9, "density", 1) + "\n")

    ended = cli("tail", run, "-n", "2", "--no-follow", columns=100)

    assert ended.out == block(
        """
        2026-11-23 UTC
        08:00:05.000  logs/4711  stray           1  pkg.main.<module>
        08:00:09.000  logs/r1    density         1  pkg.model.Attention.forward
        """
    )


def test_colour_is_left_to_the_terminal(cli, run):
    ended = cli("tail", run, "-n", "1", "--no-follow", "--color", "always")

    assert ended.out == (
        "\x1b[2m2026-11-23 08:00:05.000Z\x1b[0m  \x1b[1mstray\x1b[0m         1  "
        "\x1b[2mpkg.main.<module>\x1b[0m\n"
    )


def test_json_lines_carry_their_origin_and_can_be_read_again(cli, run, tmp_path):
    ended = cli("tail", run, "-n", "2", "--no-follow", "-f", "json")
    (tmp_path / "copy.jsonl").write_text(ended.out)

    last = json.loads(ended.out.splitlines()[-1])
    assert [*last][-4:] == ["location", "run", "session", "launch"]
    assert cli("tail", "copy.jsonl", "--no-follow", "-f", "json").out == ended.out


def test_csv_has_a_heading_and_everything_in_full(cli, run):
    ended = cli("tail", run, "-n", "2", "--no-follow", "-f", "csv")

    assert ended.out == block(
        """
        timestamp,metric,value,metadata,location,run,session,rank,launch
        2026-11-23T08:00:04.000000Z,phase,warm,{},pkg.model.Attention.forward,logs,20261123T080000000000Z-host-4711,,morning
        2026-11-23T08:00:05.000000Z,stray,1,{},pkg.main.<module>,logs,20261123T080000000000Z-host-4711,,morning
        """
    )


def test_digits_of_floats_are_those_asked_for(cli, run):
    (run / "micro_metrics.jsonl").write_text(event(9, "density", 0.123456789) + "\n")

    ended = cli("tail", run, "-n", "1", "--no-follow", "--digits", "3")

    assert "  0.123  " in ended.out


@pytest.mark.parametrize("format_", ["text", "json", "csv"])
def test_on_a_terminal_nothing_from_a_log_commands_it(cli, tmp_path, format_):
    nasty = event(1, "a\x1b[31m", "b\x9b2J", location="c\u202e", metadata={"d\x07": "e\x1b"})
    (tmp_path / "micro_metrics.jsonl").write_text(nasty + "\n")

    ended = cli("tail", tmp_path, "--no-follow", "-f", format_, columns=400)

    assert ended.out.replace("\n", "").isprintable()


def test_filters_are_those_of_the_other_commands(cli, run):
    arguments = ["-m", "density", "-w", "layer_idx == 1", "--launch", "morning"]

    ended = cli("tail", run, "--no-follow", "-f", "json", *arguments)

    assert numbers(ended) == [0.25, 0.75]


def test_an_empty_answer_says_why(cli, run):
    ended = cli("tail", run, "--no-follow", "-m", "densty")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "micrometric: no event is of metric 'densty'; did you mean 'density'?\n"


def test_asking_for_none_is_no_empty_answer(cli, run):
    assert cli("tail", run, "-n", "0", "--no-follow").code == 0


def test_without_following_a_path_must_be_there(cli):
    ended = cli("tail", "nowhere", "--no-follow")

    assert (ended.code, ended.err) == (2, "micrometric: no such path: 'nowhere'\n")


def test_what_is_skipped_is_said_once_for_each_file_and_reason(cli, run):
    (run / "micro_metrics.jsonl").write_text("rubbish\n" * 3 + event(9, "density", 1)[:9])

    ended = cli("tail", run, "-n", "9", "--no-follow")

    plain = run / "micro_metrics.jsonl"
    assert ended.err == (
        f"micrometric: skipped a line that is no event: {plain}: not JSON\n"
        f"micrometric: the last line of {plain} is unfinished\n"
        "micrometric: 3 lines are not events and were skipped\n"
    )


def test_what_is_skipped_from_the_start_on_has_its_number(cli, run, tmp_path, monkeypatch):
    text = event(1, "density", 1) + "\nrubbish\n\nrubbish\n"
    (run / closed_name(SESSION, 0)).write_text(text)
    (tmp_path / "lines").write_text(text)
    with (tmp_path / "lines").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        piped = cli("tail", "-", "--no-follow")
    started = cli("tail", run, "--no-follow", "--from-start")

    for ended, path in [(piped, "-"), (started, run / closed_name(SESSION, 0))]:
        assert ended.err == (
            f"micrometric: skipped a line that is no event: {path}:2: not JSON\n"
            f"micrometric: skipped a line that is no event: {path}:4: not JSON\n"
            "micrometric: 2 lines are not events and were skipped\n"
        )


def test_until_ends_following(cli, run):
    ended = cli("tail", run, "-f", "json", "--until", "2026-11-23T08:00:01Z")

    assert (ended.code, numbers(ended)) == (0, [0, 0.25])


def values(lines: list[str]) -> list[object]:
    return [json.loads(line)["value"] for line in lines]


def test_a_path_that_is_not_there_is_waited_for_and_its_events_come_at_once(tmp_path: Path):
    logs = tmp_path / "logs"
    with Tail(logs, "-f", "json") as tail:
        assert tail.wait("err", 1) == [
            f"micrometric: waiting for {str(logs)!r}: there is no such path\n"
        ]

        logs.mkdir()
        (logs / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")

        assert values(tail.wait("out", 1)) == [1]


def test_rotation_truncation_and_half_a_line_lose_and_repeat_nothing(run):
    plain = run / "micro_metrics.jsonl"
    with Tail(run, "-n", "1", "-f", "json") as tail:
        assert values(tail.wait("out", 1)) == [1]

        half = event(7, "density", 7) + "\n"
        plain.write_text(event(6, "density", 6) + "\n" + half[:30])
        tail.wait("out", 2)
        with plain.open("a") as file:
            file.write(half[30:])
        tail.wait("out", 3)
        plain.rename(run / f"micro_metrics.{OTHER}.0.jsonl")
        plain.write_text(event(8, "density", 8) + "\n" + event(9, "density", 9) + "\n")
        tail.wait("out", 5)
        plain.write_text(event(10, "density", 10) + "\n")

        assert values(tail.wait("out", 6)) == [1, 6, 7, 8, 9, 10]


def test_standard_input_is_followed_to_its_end():
    with Tail("-", "-f", "json", "-m", "density") as tail:
        stdin = tail.process.stdin
        assert stdin is not None
        stdin.write(event(1, "density", 1) + "\n" + event(2, "other", 2) + "\n")
        stdin.flush()
        assert values(tail.wait("out", 1)) == [1]
        stdin.write(event(3, "density", 3))
        stdin.close()

        assert tail.process.wait(timeout=30) == 0
        assert values(tail.wait("out", 2)) == [1, 3]


def test_the_library_that_writes_is_followed_live(tmp_path: Path):
    program = (
        "from micrometric import MicroMetricLogger as L\n"
        "L.register_metric('density', float)\n"
        "logger = L('logs', flush_every=1, metrics_to_log='all')\n"
        "for n in range(3): logger.log('density', n)\n"
    )
    with Tail(tmp_path / "logs", "-f", "json") as tail:
        tail.wait("err", 1)

        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)

        lines = tail.wait("out", 3)
        assert values(lines) == [0, 1, 2]
        assert re.fullmatch(r"\d{8}T\d{12}Z-.*", json.loads(lines[0])["session"])


@pytest.fixture
def many(tmp_path):
    """A run of 61 segments: active ones, a closed one and a compressed one."""
    logs = tmp_path / "logs"
    logs.mkdir()
    for n in range(59):
        session = f"20261123T0800{n:02}000000Z-r{n}-1"
        (logs / active_name(session)).write_text(event(n, "density", n) + "\n")
    (logs / closed_name(SESSION, 0, ".jsonl.gz")).write_bytes(
        gzip.compress((event(59, "density", 59) + "\n").encode())
    )
    (logs / closed_name(SESSION, 1)).write_text(event(60, "density", 60))
    return logs


def with_few_files(logs, arguments):
    """Run `tail` as a process that may open 40 files."""
    return subprocess.run(
        [
            "bash",
            "-c",
            f"ulimit -n 40; {sys.executable} -m micrometric_cli tail {logs} {arguments}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", ["-n 1000", "--from-start"])
def test_without_following_more_files_are_read_than_may_be_open(many, arguments):
    ended = with_few_files(many, f"--no-follow {arguments} -f json")

    values = [json.loads(line)["value"] for line in ended.stdout.splitlines()]
    assert sorted(values) == [*range(61)]
    assert (ended.returncode, ended.stderr) == (0, "")


def test_more_files_than_may_be_open_are_not_followed(many):
    ended = with_few_files(many, "-n 5")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Too many open files; each file that is followed is open: let more be" in ended.stderr
    assert ended.stderr.count("\n") == 1
