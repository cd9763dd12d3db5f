"""Manifests: read back, merged, refused, and whether their sessions live."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from micrometric import ManifestError, PathError
from micrometric.bounds import AXES_LIMIT
from micrometric.manifest import (
    Accounting,
    Counts,
    Manifest,
    merge_metrics,
    read_manifest,
    session_state,
    write_manifest,
)
from micrometric.registry import Metric
from tests.sessions import GONE, HERE, NOW, facts


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"end": NOW.isoformat()}, "ended"),
        ({}, "live"),
        ({"pid": GONE}, "killed"),
        ({"process_start": "0"}, "killed"),
        ({"host": "x"}, "unknown"),
        ({"host": "x", "heartbeat_interval": 30.0}, "live"),
        ({"host": "x", "heartbeat_interval": 1.0}, "killed"),
    ],
)
def test_the_state_of_a_session(changes, state) -> None:
    asked = session_state(facts(**changes), now=NOW + timedelta(seconds=60), machine=HERE)

    assert asked == state


def test_a_manifest_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    accounting = Accounting(Counts(logged=2, written=2), {"m": Counts(logged=2, written=2)})
    manifest = Manifest({"m": Metric("float", "1", "text", ("head",), "f:1")}, facts(), accounting)

    write_manifest(path, manifest)

    assert read_manifest(path) == manifest
    assert json.loads(path.read_text())["format"] == "micrometric-manifest"
    assert json.loads(path.read_text())["version"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["registry.json"]


def test_a_manifest_is_readable_as_the_umask_says(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    previous = os.umask(0o027)
    try:
        write_manifest(path, Manifest({}))
    finally:
        os.umask(previous)

    assert path.stat().st_mode & 0o777 == 0o640


def test_a_manifest_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "registry.json").mkdir()

    with pytest.raises(OSError, match="registry"):
        write_manifest(tmp_path / "registry.json", Manifest({}))

    assert [entry.name for entry in tmp_path.iterdir()] == ["registry.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is broken: Input data was truncated"),
        ("{", "is broken"),
        ("[]", "is broken: Expected `object`, got `array`"),
        ("{}", 'is not a manifest: expected a JSON object with "format"'),
        ('{"format":"other"}', "found format 'other'"),
        ('{"format":"micrometric-manifest","version":2}', "has version 2, this micrometric reads"),
        (
            '{"format":"micrometric-manifest","version":1,"metrics":{"m":{"dtype":3}}}',
            "is broken: Expected `str`, got `int` - at `$.metrics[...].dtype`",
        ),
        ('{"format":"micrometric-manifest","version":1}', "is broken: Object missing required"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "registry.json"
    path.write_text(text)

    with pytest.raises(ManifestError) as caught:
        read_manifest(path)

    assert repr(str(path)) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("rank", [-1, 2**63])
def test_a_manifest_with_a_rank_that_is_none_is_broken(tmp_path: Path, rank: int) -> None:
    path = tmp_path / "registry.json"
    write_manifest(path, Manifest({}, facts(rank=rank)))

    with pytest.raises(ManifestError, match=f"is broken: rank {rank} is none, expected 0 to"):
        read_manifest(path)


def test_a_manifest_that_is_not_there_is_a_path_error(tmp_path: Path) -> None:
    with pytest.raises(PathError, match=r"cannot read manifest .*: No such file or directory"):
        read_manifest(tmp_path / "none.json")


def test_manifests_are_merged_and_conflicts_told() -> None:
    merged, conflicts = merge_metrics(
        [
            ("first", Manifest({"a": Metric("float"), "b": Metric("int")})),
            ("second", Manifest({"a": Metric("str")})),
            ("third", Manifest({"a": Metric("str"), "c": Metric("bool")})),
        ]
    )

    assert {name: metric.dtype for name, metric in merged.items()} == {
        "a": "str",
        "b": "int",
        "c": "bool",
    }
    assert [str(conflict) for conflict in conflicts] == [
        "metric 'a' is float in first but str in second"
    ]


def test_counts_balance_or_not() -> None:
    assert Counts(logged=6, written=1, pending=1, sampled_out=1, capped=1, failed=2).balances
    assert not Counts(logged=5, written=1).balances


def test_a_manifest_may_have_as_long_a_name_as_any(tmp_path: Path) -> None:
    path = tmp_path / ("r" * 250 + ".json")

    write_manifest(path, Manifest({}))

    assert [*tmp_path.iterdir()] == [path]


def test_a_manifest_with_more_dims_than_are_ever_read_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    names = tuple(f"axis_{number}" for number in range(AXES_LIMIT + 1))
    write_manifest(path, Manifest({"recall": Metric("float", dims=names)}))

    with pytest.raises(ManifestError, match="metric 'recall' has 17 dims, expected at most 16"):
        read_manifest(path)
