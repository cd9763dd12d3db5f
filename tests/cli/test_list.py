import json
import os

import pytest

from micrometric.machine import this_machine
from micrometric.manifest import Manifest, read_manifest, write_manifest
from micrometric.registry import Metric
from micrometric.segment import manifest_name
from tests.cli.conftest import SESSION, block, event, facts

OTHER = "20261123T090000000000Z-host-4712"


def of_session(run, session=SESSION, metrics=None, **changes):
    """Write a session's manifest."""
    metrics = metrics or {"density": Metric("float", place="pkg.model:3")}
    told = Manifest(metrics, facts(**{"id": session, **changes}))
    write_manifest(run / manifest_name(session), told)


def rows(ended):
    return {row["metric"]: row for row in map(json.loads, ended.out.splitlines())}


def test_everything_is_shown_where_there_is_room(cli, run):
    ended = cli("list", run, columns=160)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == block(
        """
        metric        dtype         unit  dims  enabled                   events  last_seen             sessions  registered_at  description
        ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        density       float         1     -     yes                            4  2026-11-23 08:00:03Z  ended     pkg.model:3    share of keys attended
        phase         str           -     -     yes                            1  2026-11-23 08:00:04Z  ended     pkg.model:4    -
        debug_scores  list          -     head  no: excluded by !debug_*       0  -                     ended     pkg.model:5    -
        stray         unregistered  -     -     -                              1  2026-11-23 08:00:05Z  -         -              -
        """  # noqa: E501
    )


def test_at_80_columns_the_least_telling_columns_are_left_out_and_named(cli, run):
    ended = cli("list", run, columns=80)

    assert ended.out == block(
        """
        metric        dtype         enabled                   events  registered_at
        ───────────────────────────────────────────────────────────────────────────
        density       float         yes                            4  pkg.model:3
        phase         str           yes                            1  pkg.model:4
        debug_scores  list          no: excluded by !debug_*       0  pkg.model:5
        stray         unregistered  -                              1  -
        """
    )
    assert ended.err == block(
        """
        micrometric: left out at 80 columns: unit, dims, last_seen, sessions,
          description
        """
    )


def test_json_has_every_column(cli, run):
    ended = cli("list", run, "-m", "debug*", "-f", "json")

    assert json.loads(ended.out) == {
        "metric": "debug_scores",
        "dtype": "list",
        "unit": None,
        "dims": ["head"],
        "enabled": "no: excluded by !debug_*",
        "events": 0,
        "last_seen": None,
        "sessions": "ended",
        "registered_at": "pkg.model:5",
        "description": None,
    }


@pytest.mark.parametrize(
    ("spec", "enabled"),
    [
        ("all", "yes"),
        ("", "no: no metric is enabled"),
        ("recall,phase", "no: not in recall,phase"),
        ("all,!dens*", "no: excluded by !dens*"),
    ],
)
def test_a_metric_that_is_not_enabled_says_why(cli, run, spec, enabled):
    of_session(run, spec=spec)

    assert rows(cli("list", run, "-f", "json"))["density"]["enabled"] == enabled


def test_sessions_of_different_specs_are_counted(cli, run):
    of_session(run, spec="all")
    of_session(run, OTHER, spec="phase")

    row = rows(cli("list", run, "-f", "json"))["density"]
    assert (row["enabled"], row["sessions"]) == ("in 1 of 2 sessions", "2 ended")


def test_the_latest_session_says_why_none_enables_it(cli, run):
    of_session(run, OTHER, spec="x", start="2026-11-23T09:00:00.000000Z")
    of_session(run, spec="y")

    assert rows(cli("list", run, "-f", "json"))["density"]["enabled"] == "no: not in x"


def test_a_session_is_live_ended_or_killed(cli, run):
    here = this_machine()
    alive = {"end": None, "host": here.host, "boot": here.boot, "pid": os.getpid()}
    of_session(run, **alive)
    of_session(run, OTHER, **alive | {"process_start": "another"})

    ended = cli("list", run, "-f", "json")

    assert rows(ended)["density"]["sessions"] == "1 live, 1 killed"


def test_states_have_the_colours_of_the_terminal(cli, run):
    of_session(run, end=None, heartbeat_interval=1.0)

    ended = cli("list", run, "--color", "always")

    assert "\x1b[31mkilled" in ended.out


def test_a_launch_restricts_sessions_and_events(cli, run):
    of_session(run)
    of_session(run, OTHER, launch="evening", spec="")

    ended = cli("list", run, "--launch", "morning", "-f", "json")

    assert rows(ended)["density"]["sessions"] == "ended"
    assert rows(ended)["density"]["enabled"] == "yes"


def test_filters_choose_which_events_are_counted(cli, run):
    ended = cli(
        "list", run, "-w", "layer_idx == 1", "--until", "2026-11-23T08:00:02Z", "-f", "json"
    )

    assert {name: row["events"] for name, row in rows(ended).items()} == {
        "density": 1,
        "phase": 0,
        "debug_scores": 0,
    }


def test_logs_without_manifest_are_listed_as_unregistered(cli, tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text(event(3, "density", 1) + "\n")

    ended = cli("list", tmp_path)

    assert ended.out == block(
        """
        metric   dtype         events  last_seen
        ───────────────────────────────────────────────────
        density  unregistered       1  2026-11-23 08:00:03Z
        """
    )


def test_damaged_lines_and_manifests_are_said(cli, run):
    (run / manifest_name(SESSION)).write_text("{")
    (run / "micro_metrics.jsonl").write_text("rubbish\n")

    ended = cli("list", run)

    assert ended.code == 0
    assert "is broken" in ended.err
    assert "1 line is not an event and was skipped" in ended.err


def test_a_conflict_of_dtypes_is_said(cli, run):
    of_session(run, OTHER, {"density": Metric("int")})

    assert "metric 'density' is float in" in cli("list", run).err


def test_a_manifest_that_stands_alone_can_be_listed(cli, tmp_path):
    write_manifest(tmp_path / "registry.json", Manifest({"density": Metric("float", "1")}))

    ended = cli("list", "registry.json")

    assert ended.out == block(
        """
        metric   dtype  unit  events
        ────────────────────────────
        density  float  1          0
        """
    )


def test_nothing_to_list_is_an_empty_answer(cli, run):
    ended = cli("list", run, "-m", "other")

    assert (ended.code, ended.out) == (1, "")
    assert "--metrics leaves none" in ended.err


class TestSource:
    @pytest.fixture
    def source(self, tmp_path):
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "model.py").write_text(
            "from micrometric import MicroMetricLogger as L\n"
            'L.register_metric("density", float, unit="1", description="share of keys")\n'
            'L.register_metric("recall", list, dims=("head",))\n'
            "L.register_metric(name, float)\n"
        )
        return tmp_path / "src"

    def test_registrations_are_found_without_importing(self, cli, source):
        ended = cli("list", "--source", "src")

        assert ended.code == 0
        assert ended.out == block(
            """
        metric   dtype  unit  dims  registered_at   description
        ─────────────────────────────────────────────────────────
        density  float  1     -     src/model.py:2  share of keys
        recall   list   -     head  src/model.py:3  -
        """
        )
        assert ended.err == (
            "micrometric: src/model.py:4: cannot tell the identifier of what is registered, "
            "name: expected a literal or a constant of this file\n"
        )

    def test_they_become_a_manifest_that_validate_reads(self, cli, source, tmp_path):
        ended = cli("list", "--source", "src", "--output", "registry.json")

        assert ended.err.endswith("micrometric: wrote 2 metrics to registry.json\n")
        manifest = read_manifest(tmp_path / "registry.json")
        assert manifest.session is None
        assert manifest.metrics["recall"] == Metric("list", dims=("head",), place="src/model.py:3")
        assert cli("validate", "-m", "density", "registry.json").code == 0

    def test_a_manifest_of_that_kind_is_replaced(self, cli, source, tmp_path):
        write_manifest(tmp_path / "registry.json", Manifest({}))

        cli("list", "--source", "src", "-m", "recall", "-o", "registry.json")

        assert [*read_manifest(tmp_path / "registry.json").metrics] == ["recall"]

    def test_any_other_file_is_left_alone(self, cli, source, run):
        for path, kind in (
            ("src/model.py", "no manifest"),
            (f"logs/{manifest_name(SESSION)}", "the manifest of a session"),
        ):
            ended = cli("list", "--source", "src", "-o", path)

            assert ended.code == 2
            message = f"{path!r} is there and is {kind}; it is left alone, name another"
            assert message in ended.err

    def test_a_place_that_cannot_be_written_is_an_error(self, cli, source):
        ended = cli("list", "--source", "src", "-o", "nowhere/registry.json")

        assert ended.code == 2
        assert "cannot write 'nowhere/registry.json': No such file or directory" in ended.err

    def test_the_registry_of_logs_can_be_written_too(self, cli, run, tmp_path):
        cli("list", run, "-m", "density", "-o", "registry.json")

        found = read_manifest(tmp_path / "registry.json")
        assert [*found.metrics] == ["density", "phase", "debug_scores"]

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            (["logs"], "PATH"),
            (["-l", "*.f"], "--location"),
            (["--where", "((("], "--where"),
            (["--since", "1d"], "--since"),
            (["--until", "1d"], "--until"),
            (["--launch", "last"], "--launch"),
            (["--assume-tz", "UTC"], "--assume-tz"),
            (["--strict"], "--strict"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_is_asked_of_logs_is_refused(self, cli, source, arguments, what):
        ended = cli("list", "--source", "src", *arguments)

        said = f"micrometric: {what} and --source exclude each other\n"
        assert (ended.code, ended.out, ended.err) == (2, "", said)

    def test_a_place_without_sources_is_an_error(self, cli, tmp_path):
        assert cli("list", "--source", tmp_path).code == 2
