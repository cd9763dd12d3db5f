"""Files of pictures: PNG and SVG as matplotlib draws them, and pages that hold such an SVG.

matplotlib is the extra `micrometric[plot]`; it is imported when something is drawn.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from micrometric.errors import SettingError
from micrometric.exports import target
from micrometric.spec import did_you_mean

if TYPE_CHECKING:
    from micrometric.pictures import Picture

SUFFIXES = (".png", ".svg", ".html")
PIP_LINE = "pip install 'micrometric[plot]'"


def check_output(output: Path) -> None:
    """Refuse a file that cannot be drawn, before logs are read for it.

    Raises:
        SettingError: its name tells no format, or matplotlib is not installed.
    """
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise SettingError(
            f"{str(output)!r} does not tell the format; expected a name that ends with one of "
            f"{', '.join(SUFFIXES)}{did_you_mean(suffix, SUFFIXES)}"
        )
    need_matplotlib()


def save(picture: Picture, output: Path, *, force: bool, dark: bool) -> None:
    """Write a picture to a file; see `Picture.save`."""
    check_output(output)
    with target(output, force=force) as path:
        path.write_bytes(_drawn(picture, output.suffix.lower(), dark=dark))


def fragment(picture: Picture) -> str:
    """Return a picture as HTML to stand in a notebook."""
    need_matplotlib()
    from micrometric.drawing.page import body

    return body(picture)


def _drawn(picture: Picture, suffix: str, *, dark: bool) -> bytes:
    if suffix == ".html":
        from micrometric.drawing.page import page

        return page(picture).encode()
    from micrometric.drawing.figure import DARK, LIGHT, draw, write

    file = io.BytesIO()
    write(draw(picture, DARK if dark else LIGHT), file, suffix[1:])
    return file.getvalue()


def need_matplotlib() -> None:
    """Refuse to draw where what draws is not installed.

    Raises:
        SettingError: saying how to install it.
    """
    try:
        import matplotlib  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        raise SettingError(f"files of pictures need matplotlib: {PIP_LINE}") from None
