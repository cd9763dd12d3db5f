"""A clean start for tests, and events without files."""

from micrometric import MicroMetricLogger
from micrometric.testing import capture, reset
from tests.loops import register, written


def test_capture_gives_the_events_and_restores_what_was(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1, metrics_to_log="all")
    with capture() as events:
        register("inside")
        assert logger.is_metric_enabled("inside")
        logger.log("m", 1.0, {"step": 1})
        assert [event.value for event in events] == [1.0]
        logger.log("inside", 2.0)

    assert [(event.metric, event.metadata) for event in events] == [
        ("m", {"step": 1}),
        ("inside", {}),
    ]
    assert set(logger.get_registered_metrics()) == {"m"}
    assert logger.log_path == str(logs)
    logger.log("m", 3.0)
    assert written(logs) == [3.0]


def test_capture_takes_a_spec_and_needs_no_configuration() -> None:
    register("a", "b")
    with capture("a") as events:
        logger = MicroMetricLogger()
        logger.log("a", 1.0)
        if logger.is_metric_enabled("b"):
            logger.log("b", 1.0)

    assert [event.metric for event in events] == ["a"]
    assert not logger.is_logging_configured()


def test_reset_drops_configuration_registrations_and_pending_events(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, None, "all")
    logger.log("m", 1.0)

    reset()

    assert MicroMetricLogger() is logger
    assert not logger.is_logging_configured()
    assert logger.get_registered_metrics() == {}
    assert written(logs) == []
