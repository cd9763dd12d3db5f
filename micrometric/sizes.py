"""Amounts of bytes as people write them."""

from __future__ import annotations

import re

from micrometric.errors import SettingError

_SIZE = re.compile(r"(?P<count>[0-9]{1,15}(?:\.[0-9]{1,6})?) *(?P<unit>[kKMGT]?)(?P<two>i?)B?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def read_size(text: str | int, option: str) -> int:
    """Return a number of bytes: `10GB` is 10 to the 10th, `10GiB` ten times 2 to the 30th.

    Args:
        text: what the user wrote.
        option: the option it was written for, named in the error.

    Raises:
        SettingError: it is no amount of bytes.
    """
    found = _SIZE.fullmatch(str(text).strip())
    if found is None or (found["two"] and not found["unit"]):
        raise SettingError(
            f"{option} {text!r} is no size; expected a number of bytes, such as 500MB, 10GB or 2GiB"
        )
    base = 1024 if found["two"] else 1000
    return int(float(found["count"]) * base ** _POWERS[found["unit"]])
