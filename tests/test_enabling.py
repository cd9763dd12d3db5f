"""Which metrics are enabled, and what is said of those that are not."""

import pytest

from micrometric import MicroMetricLogger, MicrometricWarning
from tests.loops import register, written


def test_metrics_are_enabled_by_spec(logs) -> None:
    register("density", "attn_a", "attn_debug_a")
    logger = MicroMetricLogger(logs, metrics_to_log=["density", "attn_*", "!attn_debug_*"])

    assert logger.get_enabled_metrics() == {"density", "attn_a"}
    assert logger.is_metric_enabled("density")
    assert not logger.request_metric("attn_debug_a")


def test_a_metric_registered_later_is_enabled_then(logs) -> None:
    with pytest.warns(MicrometricWarning, match="'late' matches no registered metric yet"):
        logger = MicroMetricLogger(logs, metrics_to_log="late")
    assert not logger.is_metric_enabled("late")

    register("late")

    assert logger.is_metric_enabled("late")


def test_a_name_that_matches_nothing_warns_once_with_the_nearest(logs) -> None:
    register("density")
    with pytest.warns(MicrometricWarning) as caught:
        logger = MicroMetricLogger(logs, metrics_to_log=["densty", "zzz"])
        logger.enable_metrics("densty")

    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 2
    assert messages[0].startswith("metrics_to_log: 'densty' matches no registered metric yet")
    assert messages[0].endswith("; did you mean 'density'?")
    assert "did you mean" not in messages[1]


def test_metrics_are_switched_one_by_one(logs) -> None:
    register("a", "b")
    logger = MicroMetricLogger(logs, metrics_to_log="a,!b")

    logger.enable_metric("b")
    assert logger.enabled_metrics == {"a", "b"}
    logger.disable_metric("a")
    assert logger.enabled_metrics == {"b"}
    with pytest.warns(MicrometricWarning, match="'c' matches no registered metric"):
        logger.enable_metric("c")
    logger.enable_metrics("all")
    assert logger.enabled_metrics == {"a", "b"}
    logger.enable_metrics(None)
    assert logger.enabled_metrics == set()


def test_nothing_is_enabled_without_a_place_to_log_to(logs) -> None:
    register("m")
    logger = MicroMetricLogger()
    logger.enable_metrics("all")
    assert not logger.is_metric_enabled("m")

    logger.configure_logging(logs, "all")
    assert logger.is_metric_enabled("m")


def test_a_metric_that_is_not_enabled_warns_once_for_each_metric_and_place(logs, manifest) -> None:
    register("a", "b", "density")
    logger = MicroMetricLogger(logs, metrics_to_log="a")
    with pytest.warns(MicrometricWarning) as caught:
        for _ in range(3):
            logger.log("b", 1.0)
            logger.log("densty", 1.0)
        logger.log("b", 1.0)
    logger.log("a", 1.0)
    logger.close()

    assert [str(warning.message) for warning in caught] == [
        "metric 'b' is not logged: it is not enabled; name it in metrics_to_log, or ask "
        "is_metric_enabled()",
        "metric 'densty' is not logged: it is not registered; did you mean 'density'?",
        "metric 'b' is not logged: it is not enabled; name it in metrics_to_log, or ask "
        "is_metric_enabled()",
    ]
    accounting = manifest().accounting
    assert accounting.metrics["b"].not_enabled == 4
    assert accounting.total.not_enabled == 7
    assert accounting.total.logged == 1


def test_the_dtype_of_a_later_registration_counts_from_there_on(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all")
    logger.log("m", 1.5)
    with pytest.warns(MicrometricWarning, match="in place of float"):
        MicroMetricLogger.register_metric("m", str)

    logger.log("m", "text")
    with pytest.warns(MicrometricWarning, match="registered as str, logged was float"):
        logger.log("m", 1.5)
    logger.close()

    assert written(logs) == [1.5, "text", 1.5]
    assert manifest().metrics["m"].dtype == "str"
    assert manifest().accounting.total.misfits == 1
