"""`micrometric validate`: does a `metrics_to_log` spec fit what is registered?"""

from __future__ import annotations

from typing import Annotated

import typer

from micrometric_cli.completion import complete_metric
from micrometric_cli.exits import ExitCode, finish, say
from micrometric_cli.options import Color, ColorOption, Format, FormatOption

ManifestsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="Directories with logs, or manifests such as registry.json, or URLs of these. "
        "By default as for the other commands.",
        show_default=False,
    ),
]
SpecOption = Annotated[
    str,
    typer.Option(
        "--metrics",
        "-m",
        metavar="SPEC",
        help="The spec: 'all', names, globs such as 'attn_*' and '!exclusions', comma-separated.",
        autocompletion=complete_metric,
    ),
]


def validate(
    metrics: SpecOption,
    paths: ManifestsArgument = None,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """Check a spec of metrics against those registered.

    The spec is what metrics_to_log takes. Exits with 0 when each term matches a metric, with 1
    when one matches nothing, and with 2 when the spec cannot be read or there is no manifest.
    """
    from micrometric.errors import PathError
    from micrometric.fetched import shown
    from micrometric.finder import find_manifests
    from micrometric.manifest import merge_metrics
    from micrometric.spec import parse_spec
    from micrometric_cli.output import print_table, say_all
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.validation import findings, validation_table

    spec = parse_spec(metrics)
    chosen = paths_or_default(paths)
    notes: list[str] = []
    manifests = find_manifests(chosen, notes)
    say_all(notes)
    if not manifests:
        raise PathError(
            f"no usable manifest in {', '.join(map(repr, chosen))}; log something there first, or "
            "write one with micrometric list --source DIR --output registry.json"
        )
    registered, conflicts = merge_metrics((shown(path), told) for path, told in manifests)
    say_all(map(str, conflicts))
    problems = findings(spec, registered)
    if spec.terms:
        print_table(validation_table(spec, registered), format_, color)
    say_all(problems)
    say(f"{len(spec.select(registered))} of {len(registered)} registered metrics are enabled")
    if problems:
        finish(ExitCode.FINDINGS)
