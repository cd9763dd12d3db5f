"""`micrometric validate`: does a `metrics_to_log` spec fit what is registered?"""

from __future__ import annotations

from typing import Annotated

import typer

from micrometric_cli.completion import complete_metric
from micrometric_cli.exits import ExitCode, finish, say
from micrometric_cli.options import Color, ColorOption, Format, FormatOption

PathsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Manifests, such as registry.json, or directories with logs. By default as for the "
        "other commands.",
        show_default=False,
    ),
]


def validate(
    metrics: Annotated[
        str,
        typer.Option(
            "--metrics",
            "-m",
            metavar="SPEC",
            help="The spec: 'all', names, globs such as 'attn_*' and '!exclusions', "
            "comma-separated.",
            autocompletion=complete_metric,
        ),
    ],
    paths: PathsArgument = None,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """Check a metrics_to_log spec against the registered metrics.

    Exits with 0 when every term matches a metric, with 1 when one matches nothing, and with 2
    when the spec cannot be read or there is no manifest.
    """
    from micrometric.errors import PathError
    from micrometric.finder import find_manifests
    from micrometric.manifest import merge_metrics
    from micrometric.spec import parse_spec
    from micrometric_cli.output import print_table, say_all
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.registry import findings, validation_table

    spec = parse_spec(metrics)
    chosen = paths_or_default(paths)
    manifests = find_manifests(chosen)
    if not manifests:
        raise PathError(
            f"no manifest in {', '.join(map(repr, chosen))}; log something there first, or write "
            "one with micrometric list --source DIR --output registry.json"
        )
    registered, conflicts = merge_metrics((str(path), told) for path, told in manifests)
    if spec.terms:
        print_table(validation_table(spec, registered), format_, color)
    say_all(str(conflict) for conflict in conflicts)
    problems = findings(spec, registered)
    say_all(problems)
    enabled = spec.select(registered)
    say(f"{len(enabled)} of {len(registered)} registered metrics are enabled")
    if problems:
        finish(ExitCode.FINDINGS)
