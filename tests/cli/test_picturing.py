"""`plot --follow`: a picture that is kept up to date, in place on a terminal."""

import json
import subprocess
import sys

from tests.plotted import logs, steps
from tests.terminal import ENVIRONMENT, Session

FOLLOW = ["-m", "micrometric_cli", "plot", "--follow", "--every", "0.1"]


def append(directory, value, step):
    told = {
        "timestamp": f"2026-11-23T08:00:{step:02}.000000Z",
        "metric": "loss",
        "value": value,
        "metadata": {"step": step},
        "location": "a.b",
    }
    with (directory / "micro_metrics.jsonl").open("a") as file:
        file.write(json.dumps(told) + "\n")


def test_the_picture_changes_in_place_and_ctrl_c_leaves_the_last(tmp_path):
    path = logs(tmp_path / "logs", steps("loss", [1.0, 2.0]))
    with Session(*FOLLOW, path, columns=60, lines=20) as session:
        first = session.wait(lambda text: "step" in text)
        assert first.startswith("loss\n2.0 ┤")

        append(path, 40.0, 2)
        session.wait(lambda text: "40 ┤" in text)
        session.press("\x03")

        code, left = session.end()
        assert code == 130
        assert left.count("loss\n") == 1
        assert len(left.splitlines()) < 20
        assert "^C" not in left


def test_what_is_not_there_yet_is_waited_for(tmp_path):
    path = tmp_path / "logs"
    with Session(*FOLLOW, path, columns=200, lines=20) as session:
        session.wait(lambda text: "no such" in text)

        logs(path, steps("loss", [1.0, 2.0]))

        text = session.wait(lambda text: "step" in text)
        assert text.count("no such") == 1


def test_a_picture_higher_than_the_terminal_is_cut_and_that_is_said(tmp_path):
    events = [event for name in "abcd" for event in steps(name, [1.0, 2.0])]
    path = logs(tmp_path / "logs", events)
    with Session(*FOLLOW, path, columns=60, lines=12) as session:
        text = session.wait(lambda text: "do not fit" in text)

        assert len(text.splitlines()) <= 11
        assert text.splitlines()[-1].endswith(" lines do not fit")


def test_a_front_is_listed_below_a_live_picture(tmp_path):
    path = logs(tmp_path / "logs", [*steps("a", [1, 2]), *steps("b", [2, 1])])
    asked = ["-x", "a", "-y", "b", "--pair-by", "step"]
    with Session(*FOLLOW, path, *asked, columns=60, lines=40) as session:
        text = session.wait(lambda text: "step  a  b" in text)

        assert [line.split() for line in text.splitlines()[-2:]] == [
            ["0", "1", "2"],
            ["1", "2", "1"],
        ]


def test_a_pipe_gets_a_picture_whenever_it_is_another(tmp_path):
    path = logs(tmp_path / "logs", steps("loss", [1.0, 2.0]))
    command = [sys.executable, *FOLLOW, path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        pictures = []
        for number in range(2):
            lines = [process.stdout.readline()]
            while lines[-1].strip() != "step":
                lines.append(process.stdout.readline())
            while process.stdout.readline() != "\n":
                pass
            pictures.append("".join(lines))
            append(path, 40.0 + number, 2 + number)
        process.terminate()

    assert "40 ┤" not in pictures[0]
    assert "40 ┤" in pictures[1]
    assert "\x1b" not in "".join(pictures)
