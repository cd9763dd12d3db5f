"""Stand-ins for torchrun, srun and sbatch: they start processes with the variables that those set.

The real ones are used where they are installed, by `tests/slow`; what a page says of them must
hold with both.
"""

import sys
import textwrap
from pathlib import Path

_TORCHRUN = """
import os, subprocess, sys
flag, number, *program = sys.argv[1:]
assert flag == "--nproc_per_node"
shared = {**os.environ, "WORLD_SIZE": number, "TORCHELASTIC_RUN_ID": "none",
          "TORCHELASTIC_RESTART_COUNT": "0"}
ranks = [subprocess.Popen([sys.executable, *program], env={**shared, "RANK": str(rank)})
         for rank in range(int(number))]
sys.exit(max(rank.wait() for rank in ranks))
"""

_SBATCH = """
import os, pathlib, re, subprocess, sys
script = pathlib.Path(sys.argv[1])
options = dict(re.findall(r"^#SBATCH --(\\w+)=(\\S+)$", script.read_text(), re.MULTILINE))
first, last = map(int, options.get("array", "0-0").split("-"))
count = pathlib.Path(".jobs")
job = int(count.read_text()) if count.exists() else 77
print(f"Submitted batch job {job}")
for task in range(first, last + 1):
    told = {"SLURM_JOB_ID": str(job), "SLURM_NTASKS": options["ntasks"],
            "SLURM_SUBMIT_DIR": os.getcwd()}
    if "array" in options:
        told["SLURM_ARRAY_TASK_ID"] = str(task)
    with open(f"slurm-{job}.out", "w") as output:
        ended = subprocess.run(["bash", script], env={**os.environ, **told},
                               stdout=output, stderr=subprocess.STDOUT)
    assert ended.returncode == 0, pathlib.Path(output.name).read_text()
    job += 1
count.write_text(str(job))
"""

_SRUN = """
import os, subprocess, sys
tasks = [subprocess.Popen(sys.argv[1:], env={**os.environ, "SLURM_PROCID": str(rank)})
         for rank in range(int(os.environ["SLURM_NTASKS"]))]
sys.exit(max(task.wait() for task in tasks))
"""

PROGRAMS = {"torchrun": _TORCHRUN, "sbatch": _SBATCH, "srun": _SRUN}


def install(directory: Path) -> Path:
    """Write the stand-ins into a directory, for a place on the path, and return it."""
    directory.mkdir()
    for name, program in PROGRAMS.items():
        path = directory / name
        path.write_text(f"#!{sys.executable}\n{textwrap.dedent(program)}")
        path.chmod(0o755)
    return directory
