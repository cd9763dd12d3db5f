"""Damage at random, as programs and disks do it: to lines, and to bytes."""

import random
from collections.abc import Callable

WORDS = [
    b'{"timestamp"', b'"metric":', b'"metric_enum":', b'"value":', b'"metadata":{', b'"location":',
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0.0", b"null", b"true", b"[", b"]", b"{", b"}",
    b'"', b"\\", b"\\u0000", b"\\ud800", b",", b":", b"\n", b"\r\n", b"\r", b"\0", b"\xef\xbb\xbf",
    b"\xff\xfe", b"\xe2\x80\xae", b"\x1b[2J", b"2026-02-30T00:00:00Z", b"0001-01-01T00:00:00+14:00",
    b"9999-12-31T23:59:59-14:00", b"2026-11-23T08:00:00", b"9" * 400, b"[" * 2000, b'{"a":' * 600,
    b'"rank":9', b'"run":"x"', b'"dims"', b"{}", b"[]", b"0",
]  # fmt: skip
"""What the formats are made of, and what has gone wrong before."""


def damage_lines(data: bytes, chance: random.Random) -> tuple[bytes, set[int]]:
    """Damage one or a few lines of a log, and nothing else.

    Returns:
        The damaged log, and the numbers from 0 of the lines of the sound one that were touched.
    """
    lines = data.splitlines(keepends=True)
    touched: set[int] = set()
    for _ in range(chance.randint(1, 4)):
        number = chance.randrange(len(lines))
        near = number + 1 < len(lines)
        kind = chance.choice(["cut", "merge", "tear", "nul", "flip", "word", "replace"])
        line = lines[number]
        if not line or (kind in ("merge", "tear") and (not near or not lines[number + 1])):
            continue
        place = chance.randrange(len(line))
        end = b"\n" if line.endswith(b"\n") else b""
        if kind == "cut":
            lines[number] = line[:place] + end
        elif kind == "merge":
            lines[number : number + 2] = [line.rstrip(b"\n") + lines[number + 1], b""]
            touched.add(number + 1)
        elif kind == "tear":
            lines[number : number + 2] = [line[:place] + lines[number + 1], b""]
            touched.add(number + 1)
        elif kind == "nul":
            lines[number] = line[:place] + b"\0" * chance.randint(1, 5000) + end
        elif kind == "flip":
            flipped = bytes([line[place] ^ (1 << chance.randrange(8))])
            lines[number] = line[:place] + flipped + line[place + 1 :]
        elif kind == "word":
            lines[number] = line[:place] + chance.choice(WORDS) + line[place:]
        else:
            lines[number] = chance.randbytes(chance.randint(1, 200)) + end
        touched.add(number)
        if not lines[number].endswith(b"\n") and near:
            touched.add(number + 1)  # It runs into the next one.
    return b"".join(lines), touched


def damage_bytes(data: bytes, chance: random.Random) -> bytes:
    """Change some bytes, anywhere."""
    for _ in range(chance.randint(1, 6)):
        data = chance.choice(_CHANGES)(data, chance)
    return data[: 1 << 16]


def _place(data: bytes, chance: random.Random) -> int:
    return chance.randint(0, len(data))


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = _place(data, chance)
    return start, min(len(data), start + chance.choice([1, 2, 8, 64, 512]))


def _flip(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    return data[:place] + chance.choice(WORDS) + data[place:]


def _delete(data: bytes, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    place = _place(data, chance)
    return data[:place] + data[start:end] * chance.choice([1, 1, 2, 20]) + data[place:]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


_CHANGES: list[Callable[[bytes, random.Random], bytes]] = [
    _flip, _flip, _insert, _insert, _delete, _repeat, _cut,
]  # fmt: skip
