"""Fuzz all targets for a time: `python -m tests.fuzz --seconds 600 --seed 1`.

Input is damaged at random from a seed; with `--coverage`, atheris (`pip install atheris`) looks
for input that reaches new code. What fails is kept in `--findings` and told; the exit code is 1.
"""

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.mutations import damage_bytes, damage_lines

if "--coverage" in sys.argv:
    import atheris

    # What is imported from here on counts the lines that are reached.
    with atheris.instrument_imports(include=["micrometric"]):
        from tests.fuzz.targets import TARGETS, seeds
else:
    from tests.fuzz.targets import TARGETS, seeds

_BY_LINE = {"lines", "followed", "engines", "damage"}


def say(text: str) -> None:
    """Tell something at once: the run may be ended at any moment."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def damaged(target: str, chance: random.Random, sound: list[bytes]) -> bytes:
    """Return damaged input for a target."""
    data = chance.choice(sound)
    if target in _BY_LINE and chance.random() < 0.5:
        return damage_lines(data, chance)[0]
    return damage_bytes(data, chance)


def run(target: str, seconds: float, seed: int, findings: Path) -> tuple[int, int]:
    """Fuzz a target, and return how many inputs it was given and how many failed."""
    chance = random.Random(f"{target} {seed}")
    sound = seeds(target)
    end = time.monotonic() + seconds
    count = failed = 0
    while time.monotonic() < end:
        data = damaged(target, chance, sound)
        count += 1
        if not passes(target, data, findings):
            failed += 1
    return count, failed


def passes(target: str, data: bytes, findings: Path) -> bool:
    """Give a target an input; keep it where it fails."""
    try:
        TARGETS[target](data)
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        findings.mkdir(parents=True, exist_ok=True)
        path = findings / f"{target}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        say(f"{path}:\n{traceback.format_exc(limit=-4)}")
        return False
    return True


def with_coverage(target: str, seconds: float, seed: int, findings: Path) -> None:
    """Fuzz a target guided by coverage; ends the process."""
    chance = random.Random(seed)

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        chance.seed(seed)
        if chance.random() < 0.3:
            return bytes(atheris.Mutate(data, limit))
        if target in _BY_LINE and data and chance.random() < 0.5:
            return damage_lines(data, chance)[0][:limit]
        return damage_bytes(data, chance)[:limit]

    corpus = findings / f"{target}.corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target)):
        (corpus / f"seed{number}").write_bytes(data)
    options = [f"-max_total_time={int(seconds)}", f"-seed={seed}", "-max_len=65536", "-timeout=60",
               "-rss_limit_mb=4000", "-print_final_stats=1", "-verbosity=0"]  # fmt: skip
    atheris.Setup(
        [sys.argv[0], *options, str(corpus)],
        lambda data: passes(target, data, findings) and None,
        custom_mutator=mutate,
        internal_libfuzzer=True,
    )
    atheris.Fuzz()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="by default all")
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--coverage", action="store_true", help="by atheris; of one target")
    asked = parser.parse_args()
    targets = asked.targets or [*TARGETS]
    if asked.coverage:
        with_coverage(targets[0], asked.seconds, asked.seed, asked.findings)
    failed = 0
    for target in targets:
        begun = time.process_time()
        count, bad = run(target, asked.seconds / len(targets), asked.seed, asked.findings)
        failed += bad
        used = time.process_time() - begun
        say(f"{target}: {count} inputs, {bad} failed, {used:.0f} s of CPU")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
