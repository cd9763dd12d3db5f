"""What a document must say with a table: units, what the data lack, and what intervals rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from micrometric.report import Report
from micrometric_cli.render.table import Table


def captioned(
    table: Table, report: Report, units: Mapping[str, str], remarks: Iterable[str] = ()
) -> Table:
    """Return a table with what a document must say with it.

    Args:
        table: with a column `metric`.
        report: what was met on the way to its figures.
        units: of metrics.
        remarks: what else there is to say.
    """
    # Which zone was taken for times is nothing that figures rest on.
    lacking = replace(report, assumed_zone=None).sentences()
    return replace(table, caption=(*_in_units(table.rows, units), *remarks, *lacking))


def _in_units(rows: list[dict[str, Any]], units: Mapping[str, str]) -> Iterator[str]:
    """Yield in which units the metrics of rows are; 1 goes without saying."""
    metrics = dict.fromkeys(row["metric"] for row in rows)
    told = [f"{name} in {units[name]}" for name in metrics if units.get(name, "1") != "1"]
    if told:
        yield ", ".join(told)
