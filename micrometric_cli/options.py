"""Options that commands share, with the words of their help."""

from __future__ import annotations

import enum
from typing import Annotated, TypedDict

import typer

from micrometric_cli.completion import (
    complete_condition,
    complete_figure,
    complete_key,
    complete_launch,
    complete_metric,
)


class Format(enum.StrEnum):
    """How a table is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    LATEX = "latex"


class LineFormat(enum.StrEnum):
    """How events are printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


class Color(enum.StrEnum):
    """When to print colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Filters(TypedDict):
    """The filters that all reading commands share, as the library takes them."""

    metrics: str | None
    location: str | None
    where: str | None
    since: str | None
    until: str | None
    launch: str | None
    assume_tz: str | None


PathsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="Files, directories (searched recursively), globs, URLs of these (s3://bucket/runs/), "
        "or - for standard input. By default MICROMETRIC_LOG_PATH, else read_path of "
        "[tool.micrometric] in the nearest pyproject.toml, else logs/ or metric_logs/.",
        show_default=False,
    ),
]
MetricsOption = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        "-m",
        metavar="SPEC",
        help="Only these metrics: names, globs and !exclusions, comma-separated.",
        autocompletion=complete_metric,
    ),
]
LocationOption = Annotated[
    str | None,
    typer.Option(
        "--location",
        "-l",
        metavar="GLOB",
        help="Only locations that match, such as '*.Attention.*'.",
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        "-w",
        metavar="CONDITION",
        help="Only events that meet a condition on keys, such as 'layer_idx == 3 and value > 0.1'.",
        autocompletion=complete_condition,
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Only events since a time: ISO 8601, an age such as 10m or 2h, today or yesterday.",
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only events until a time."),
]
LaunchOption = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Only one launch: its id, or 'last' for the last of each run.",
        autocompletion=complete_launch,
    ),
]
ZoneOption = Annotated[
    str | None,
    typer.Option(
        "--assume-tz",
        metavar="ZONE",
        help="Zone of timestamps that name none, such as UTC; by default MICROMETRIC_TZ, else "
        "this machine's.",
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Exit with 1 where lines were skipped that are no events, or directories not read.",
    ),
]
GroupByOption = Annotated[
    str,
    typer.Option(
        "--group-by",
        "-g",
        metavar="KEY[,KEY]",
        help="Keys to group by: location, run, session, rank, launch, a name=value part of the "
        "path, a metadata key (dots reach inside), a time bucket such as 1m, or value.",
        autocompletion=complete_key,
    ),
]
FormatOption = Annotated[
    Format, typer.Option("--format", "-f", help="How to print it; json is one object a line.")
]
DigitsOption = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, max=17, help="Digits of a number for people; json and csv have all."
    ),
]
EveryOption = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.05,
        max=86_400,
        help="Seconds between two views of a table that is kept up to date: 0.25 in place on a "
        "terminal, 10 as snapshots elsewhere, unless told.",
        show_default=False,
    ),
]
PollOption = Annotated[
    bool,
    typer.Option(
        "--poll",
        help="Look at the files ten times a second rather than wait for events of the kernel; on "
        "network file systems that is done anyway.",
    ),
]
StatsOption = Annotated[
    str | None,
    typer.Option(
        "--stats",
        metavar="NAME[,NAME]",
        help="Figures to show: count, mean, std, min, max, sum, median, any percentile such as "
        "p99.9, first, last, rate, non_finite, non_numeric.",
        autocompletion=complete_figure,
        show_default=False,
    ),
]
SortOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Sort groups by a figure or key; -NAME has the greatest first.",
        show_default=False,
    ),
]
TopOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Only the first N groups.", show_default=False),
]
ExplodeOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY[,KEY]",
        help="Take lists element by element, also of metrics without dims; the index becomes "
        "this key, of lists in lists the next one.",
        show_default=False,
    ),
]
FailIfOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LIMIT",
        help="Exit with 1 where a figure breaks a limit in any group, such as "
        "'output_error.p95 > 1.05 * base + 1e-3'; base is for compare alone. May be repeated.",
        show_default=False,
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory the query may use, such as 500MB; beyond that it uses the disk.",
        show_default=False,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What computes: duckdb, pandas, polars or spark. All give the same figures.",
    ),
]
ApproximateOption = Annotated[
    bool,
    typer.Option(
        "--approximate",
        help="Quantiles by a sketch of the values, in less memory, where the engine has one "
        "(duckdb, spark); it is said.",
    ),
]
MasterOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="For spark: the cluster, such as spark://host:7077; else all cores of this machine.",
        show_default=False,
    ),
]
ColorOption = Annotated[
    Color, typer.Option("--color", help="When to print colours; NO_COLOR and FORCE_COLOR count.")
]


def refuse_alone(switch: str, **options: object) -> None:
    """Refuse options that mean nothing without a switch.

    Raises:
        SettingError: one was given.
    """
    from micrometric.errors import SettingError

    for name, given in options.items():
        if given is not None and given is not False:
            raise SettingError(f"--{name.replace('_', '-')} needs {switch}")


def refuse_beside(switch: str, **options: object) -> None:
    """Refuse options that mean nothing beside a switch.

    Raises:
        SettingError: one was given.
    """
    from micrometric.errors import SettingError

    for name, given in options.items():
        if given is not None and given is not False:
            raise SettingError(f"--{name.replace('_', '-')} and {switch} exclude each other")
