import json

import pytest

from micrometric.manifest import Manifest, write_manifest
from micrometric.registry import Metric
from micrometric.segment import manifest_name
from tests.cli.conftest import SESSION, block


def test_a_spec_that_fits_exits_with_0(cli, run):
    ended = cli("validate", "--metrics", "density,ph*,!debug_*", run, columns=80)

    assert ended.code == 0
    assert ended.out == block(
        """
        term      matches  metrics
        ───────────────────────────────
        density         1  density
        ph*             1  phase
        !debug_*        1  debug_scores
        """
    )
    assert ended.err == "micrometric: 2 of 3 registered metrics are enabled\n"


def test_a_term_that_matches_nothing_exits_with_1_and_names_the_nearest(cli, run):
    ended = cli("validate", "--metrics", "densty,phase", run, columns=80)

    assert ended.code == 1
    assert ended.out == block(
        """
        term    matches  metrics  nearest
        ─────────────────────────────────
        densty        0  -        density
        phase         1  phase    -
        """
    )
    assert ended.err == block(
        """
        micrometric: 'densty' matches no registered metric; did you mean 'density'?
        micrometric: 1 of 3 registered metrics are enabled
        """
    )


def test_without_anything_near_it_says_what_there_is(cli, run):
    ended = cli("validate", "-m", "xyz", run)

    assert "'xyz' matches no registered metric; there are 'debug_scores', 'density'" in ended.err


def test_json_tells_the_same(cli, run):
    ended = cli("validate", "-m", "densty", run, "-f", "json")

    assert json.loads(ended.out) == {
        "term": "densty",
        "matches": 0,
        "metrics": [],
        "nearest": ["density"],
    }


@pytest.mark.parametrize("spec", ["density,!all", "all,!*"])
def test_a_spec_that_enables_nothing_is_a_finding(cli, run, spec):
    ended = cli("validate", "-m", spec, run)

    assert ended.code == 1
    assert f"the spec {spec!r} enables no metric" in ended.err


def test_an_empty_spec_is_a_finding(cli, run):
    ended = cli("validate", "-m", "", run)

    assert (ended.code, ended.out) == (1, "")
    assert "the spec is empty and enables nothing; 'all' enables every metric" in ended.err


def test_an_unreadable_spec_is_wrong_use_and_its_fault_is_pointed_at(cli, run):
    ended = cli("validate", "-m", "density,,x", run)

    assert ended.code == 2
    assert ended.err.endswith("  density,,x\n          ^\n")


def test_logs_without_manifest_cannot_be_validated_against(cli, tmp_path):
    (tmp_path / "micro_metrics.jsonl").write_text("")

    ended = cli("validate", "-m", "density", tmp_path)

    assert ended.code == 2
    assert f"no usable manifest in {str(tmp_path)!r}; log something there first" in ended.err


def test_a_broken_manifest_is_told_and_not_used(cli, run):
    (run / manifest_name(SESSION)).write_text("{")

    ended = cli("validate", "-m", "density", run)

    assert ended.code == 2
    assert "is broken" in ended.err
    assert "no usable manifest" in ended.err


def test_a_file_that_is_named_must_be_a_manifest(cli, tmp_path):
    (tmp_path / "other.json").write_text("{}")

    ended = cli("validate", "-m", "density", "other.json")

    assert ended.code == 2
    assert "other.json" in ended.err


def test_a_conflict_of_dtypes_is_said(cli, run):
    write_manifest(run / "registry.json", Manifest({"density": Metric("int")}))

    assert "metric 'density' is float in" in cli("validate", "-m", "density", run).err


def test_the_spec_is_required(cli):
    ended = cli("validate")

    assert ended.code == 2
    assert ended.err == "micrometric: missing option '--metrics' / '-m'; see --help\n"
