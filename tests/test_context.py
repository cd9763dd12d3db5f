"""Metadata that events inherit."""

import pytest

from tests.loops import run_threads


def test_context_is_inherited_and_the_nearer_wins(logs, logger, lines) -> None:
    logger.set_context(run="a", step=0, layer=0)
    with logger.context(step=1, layer=1), logger.context(layer=2):
        logger.log("density", 1.0, {"layer": 3})
        logger.log("density", 1.0)
    logger.log("density", 1.0)
    logger.set_context(run=None, step=None, layer=None)
    logger.log("density", 1.0)

    assert [line["metadata"] for line in lines()] == [
        {"run": "a", "step": 1, "layer": 3},
        {"run": "a", "step": 1, "layer": 2},
        {"run": "a", "step": 0, "layer": 0},
        {},
    ]


def test_context_belongs_to_its_thread_and_set_context_to_all(logger, lines) -> None:
    logger.set_context(run="a")
    with logger.context(step=1):
        run_threads(lambda: logger.log("density", 1.0), 1)

    assert lines()[0]["metadata"] == {"run": "a"}


def test_context_ends_with_an_exception(logger, lines) -> None:
    with pytest.raises(ZeroDivisionError), logger.context(step=1):
        raise ZeroDivisionError
    logger.log("density", 1.0)

    assert lines()[0]["metadata"] == {}
