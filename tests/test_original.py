"""Code written for the original logger runs on this one with only its import changed."""

import json
from datetime import datetime
from pathlib import Path

import pytest

# The only line that changes; it was sparse_attention_hub.metric_logging.
from micrometric import LogEvent, MicroMetricLogger

# The original said so by print; here it is a warning, and other code may go on.
pytestmark = pytest.mark.filterwarnings("ignore::micrometric.MicrometricWarning")


def register() -> None:
    MicroMetricLogger.register_metric("research_attention_density", float)
    MicroMetricLogger.register_metric("research_attention_output_error", float)


def read(directory: Path) -> list[dict[str, object]]:
    with (directory / "micro_metrics.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file.readlines()]


def test_the_pattern_of_its_scripts(tmp_path: Path) -> None:
    register()
    metric_logger = MicroMetricLogger()
    metric_logger.flush()
    metric_logger.configure_logging(
        log_path=str(tmp_path),
        enabled_metrics=["research_attention_density", "research_attention_output_error"],
        sampling_factor=1.0,
        max_records=20000,
    )

    if metric_logger.is_metric_enabled("research_attention_density"):
        metric_logger.log("research_attention_density", 0.5, metadata={"layer_idx": 3})
    metric_logger.flush()

    (event,) = read(tmp_path)
    assert list(event) == ["timestamp", "metric", "value", "metadata", "location"]
    assert event["value"] == 0.5
    assert event["metadata"] == {"layer_idx": 3}


@pytest.mark.parametrize("flush_every", [0, 1])
def test_positional_arguments_and_the_file_right_after_log(tmp_path: Path, flush_every) -> None:
    register()
    logger = MicroMetricLogger(str(tmp_path), flush_every, 60.0, "all", None, 1.0)

    logger.log("research_attention_density", 0.5, {"layer_idx": 0})

    assert [event["value"] for event in read(tmp_path)] == [0.5]
    assert len(logger.log_queue) == 0


def test_a_thousand_events_and_the_file_right_after_flush(tmp_path: Path) -> None:
    register()
    logger = MicroMetricLogger(str(tmp_path), 1000, 60.0, enabled_metrics="all")

    for step in range(1000):
        logger.log("research_attention_density", step / 1000)
    logger.flush()

    assert [event["value"] for event in read(tmp_path)] == [step / 1000 for step in range(1000)]


def test_the_queue_holds_log_events(tmp_path: Path) -> None:
    register()
    logger = MicroMetricLogger(log_path=str(tmp_path))
    logger.enable_metrics(["research_attention_density"])

    logger.log("research_attention_density", 42.0, {"layer": 1, "head": 2})

    assert len(logger.log_queue) == 1
    event = logger.log_queue[0]
    assert isinstance(event, LogEvent)
    assert isinstance(event.timestamp, datetime)
    assert (event.metric, event.value) == ("research_attention_density", 42.0)
    assert event.metadata == {"layer": 1, "head": 2}
    assert event.location.endswith("test_the_queue_holds_log_events")
    assert logger.log_queue.popleft() == event


def test_configuring_twice_counts_anew(tmp_path: Path) -> None:
    register()
    logger = MicroMetricLogger()
    for name in ("first", "second"):
        logger.configure_logging(str(tmp_path / name), "all")
        assert logger.get_total_records_logged() == 0
        logger.log("research_attention_density", 1.0)
        assert logger.get_total_records_logged() == 1
        before = logger.last_flush_time
        logger.flush()
        assert logger.last_flush_time >= before
    assert len(read(tmp_path / "first")) == len(read(tmp_path / "second")) == 1


def test_the_limit_and_its_questions(tmp_path: Path) -> None:
    register()
    logger = MicroMetricLogger()
    logger.configure_logging(str(tmp_path), "all", max_records=2, sampling_factor=1.0)

    for _ in range(3):
        logger.log("research_attention_density", 1.0)

    assert logger.get_max_records() == 2
    assert logger.get_sampling_factor() == 1.0
    assert logger.get_total_records_logged() == 2
    assert logger.get_records_remaining() == 0
    assert logger.is_max_records_reached()


def test_enabling_what_is_not_registered_enables_the_rest(tmp_path: Path) -> None:
    register()
    logger = MicroMetricLogger(log_path=str(tmp_path))

    logger.enable_metrics(["research_attention_density", "unregistered_metric"])
    assert logger.enabled_metrics == {"research_attention_density"}
    assert logger.get_enabled_metrics() == {"research_attention_density"}
    logger.enable_metrics("all")
    assert logger.enabled_metrics == set(MicroMetricLogger.get_registered_metrics())
    logger.enable_metrics(None)
    assert logger.enabled_metrics == set()


def test_a_second_constructor_with_another_path_changes_nothing(tmp_path: Path) -> None:
    first = MicroMetricLogger(log_path=str(tmp_path / "one"))
    second = MicroMetricLogger(log_path=str(tmp_path / "two"))

    assert first is second
    assert second.log_path == str(tmp_path / "one")
    assert first.is_logging_configured()


def test_logging_without_configuration_and_disabled_metrics_do_nothing(tmp_path: Path) -> None:
    logger = MicroMetricLogger()
    logger.log("research_attention_density", 1.0)
    logger.configure_logging(str(tmp_path))
    logger.log("research_attention_density", 1.0)
    logger.flush()

    assert not (tmp_path / "micro_metrics.jsonl").exists()


def test_a_log_event_is_made_of_its_five_fields() -> None:
    now = datetime.now()
    event = LogEvent(timestamp=now, metric="m", value=None, metadata={}, location="a.b")

    assert (event.timestamp, event.metric, event.value) == (now, "m", None)
    assert (event.metadata, event.location) == ({}, "a.b")
