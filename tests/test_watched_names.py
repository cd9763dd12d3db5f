"""Which files are under a path, and where more of them may appear."""

import os
from pathlib import Path

import pytest

from micrometric.segment import PLAIN_NAME, manifest_name
from micrometric.waiting import ANY_DIRECTORY, ANY_NAME, Places
from micrometric.watched_names import add_place_of, identity_of, names_under

MANIFEST = manifest_name("20261123T080000000000Z-r0-11")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / "logs" / name).mkdir(parents=True)
        (tmp_path / "logs" / name / PLAIN_NAME).touch()
        (tmp_path / "logs" / name / "other.jsonl").touch()
    (tmp_path / "logs" / "a" / MANIFEST).touch()
    return tmp_path / "logs"


def under(path: Path) -> tuple[list[str], Places]:
    places: Places = {}
    return sorted(names_under(path, places)), places


def place_of(path: Path) -> Places:
    places: Places = {}
    add_place_of(path, places)
    return places


def test_a_directory_has_segments_and_manifests_wherever_a_directory_is_below(logs):
    names, places = under(logs)

    assert names == [
        str(logs / "a" / MANIFEST),
        str(logs / "a" / PLAIN_NAME),
        str(logs / "b" / PLAIN_NAME),
    ]
    assert places == {str(place): {ANY_DIRECTORY} for place in (logs, logs / "a", logs / "b")}


def test_a_file_that_is_named_is_one_whatever_its_name(logs):
    path = logs / "a" / "other.jsonl"

    assert under(path) == ([str(path)], {})


def test_a_path_that_is_not_there_has_none(logs):
    assert under(logs / "absent") == ([], {})


def test_a_glob_has_the_files_it_matches_and_more_may_come_beside_them(logs):
    names, places = under(logs / "*" / "other.*")

    assert names == [str(logs / name / "other.jsonl") for name in ("a", "b")]
    assert places == {str(logs / name): {ANY_NAME} for name in ("a", "b")}


def test_a_glob_reaches_any_depth(logs):
    names, _ = under(logs.parent / "**" / "other.jsonl")

    assert names == [str(logs / name / "other.jsonl") for name in ("a", "b")]


def test_a_glob_of_directories_has_what_is_in_them(logs):
    names, places = under(logs / "[b]")

    assert names == [str(logs / "b" / PLAIN_NAME)]
    assert places == {str(logs): {ANY_NAME}, str(logs / "b"): {ANY_DIRECTORY}}


def test_places_that_are_known_keep_their_names(logs):
    places: Places = {str(logs): {"x"}, str(logs.parent): {"y"}}

    list(names_under(logs, places))
    add_place_of(logs, places)

    assert places[str(logs)] == {"x", ANY_DIRECTORY}
    assert places[str(logs.parent)] == {"y", "logs"}


@pytest.mark.parametrize(
    ("path", "place", "name"),
    [
        ("logs", ".", "logs"),
        ("logs/a/other.jsonl", "logs/a", "other.jsonl"),
        ("logs/a/absent", "logs/a", "absent"),
        ("logs/c/d/e", "logs", "c"),
        ("logs/*", "logs", ANY_NAME),
        ("logs/*/x?", "logs", ANY_NAME),
        ("logs/c/*", "logs", "c"),
        ("logs/[x]/absent", "logs", ANY_NAME),
    ],
)
def test_a_path_appears_in_the_directory_that_is_there(logs, path, place, name):
    top = logs.parent

    assert place_of(top / path) == {str(top / place): {name}}


def test_a_name_with_brackets_that_is_there_is_no_glob(logs):
    (logs / "[x]").touch()

    assert place_of(logs / "[x]") == {str(logs): {"[x]"}}
    assert under(logs / "[x]") == ([str(logs / "[x]")], {})


def test_a_file_is_known_by_device_and_inode(logs):
    path = logs / "a" / PLAIN_NAME
    status = path.stat()

    assert identity_of(str(path)) == (status.st_dev, status.st_ino)


def test_a_manifest_is_another_whenever_it_was_written(logs):
    path = logs / "a" / MANIFEST
    os.utime(path, ns=(1, 12345))

    assert identity_of(str(path)) == (12345, path.stat().st_ino)


def test_what_is_no_file_means_nothing(logs):
    os.mkfifo(logs / "pipe")

    assert [identity_of(str(logs / name)) for name in ("pipe", "a", "absent")] == [None] * 3
