"""Programs in which one step at the file system fails, or is the last before the power goes.

Python tells an audit hook of each file that is opened, linked, renamed, removed or made. A program
here counts those of its logs, and at the one it is told, either raises that the disk is full or
ends at once, as if the machine had.
"""

import subprocess
import sys
from pathlib import Path

from tests.programs import environment

_HARNESS = """
import os, sys
STEP, HOW, PLACE = int(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
EVENTS = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod",
          "os.utime", "os.truncate", "shutil.rmtree", "shutil.copyfile", "tempfile.mkdtemp"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
steps = 0

def is_ours(event, args):
    if event not in EVENTS:
        return False
    names = [os.fsdecode(arg) for arg in args if isinstance(arg, (str, bytes))]
    if event == "open":
        mode, flags = args[1], args[2]
        writes = flags & WRITING if isinstance(flags, int) else False
        return writes and os.path.abspath(names[0]).startswith(PLACE) if names else False
    # Names without a directory are those of an open one.
    return any(os.path.abspath(n).startswith(PLACE) or "/" not in n for n in names)

def hook(event, args):
    global steps
    if armed and is_ours(event, args):
        steps += 1
        if steps == STEP:
            if HOW == "cut":
                os._exit(9)
            raise OSError(28, "No space left on device")

armed = False
sys.addaudithook(hook)
"""


def run_with_fault(program: str, step: int, how: str, place: Path) -> tuple[int, int, str]:
    """Run a program whose n-th step fails.

    Args:
        program: its text; it sets `armed` to True where the steps begin to count.
        step: which step; from 1.
        how: `fail` or `cut`.
        place: the directory whose files count.

    Returns:
        The exit code (9 of a cut), how many steps there were, and what it said.
    """
    body = f"{_HARNESS}\n{program}\narmed = False\nprint(steps)\n"
    ended = subprocess.run(
        [sys.executable, "-c", body, str(step), how, str(place)],
        capture_output=True, text=True, env=environment(), cwd=place, timeout=120,
    )  # fmt: skip
    lines = ended.stdout.split()
    return ended.returncode, int(lines[-1]) if lines else step, ended.stderr
