"""The logger: configuration, what is enabled, when it is written, and what it says."""

import copy
import json
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger, MicrometricWarning, SettingError, SpecError
from micrometric.encoding import Encoding
from micrometric.machine import this_machine
from micrometric.manifest import read_manifest, session_state
from micrometric.pending import Pending
from micrometric.testing import capture, reset


def register(*identifiers: str) -> None:
    for identifier in identifiers:
        MicroMetricLogger.register_metric(identifier, float)


def written(logs: Path) -> list[float]:
    segment = logs / "micro_metrics.jsonl"
    if not segment.exists():
        return []
    return [json.loads(line)["value"] for line in segment.read_text().splitlines()]


def wait_for(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


# One object.


def test_every_call_gives_the_same_object(logs: Path) -> None:
    assert MicroMetricLogger() is MicroMetricLogger()
    assert MicroMetricLogger(logs, metrics_to_log="all") is MicroMetricLogger()


def test_a_copy_of_a_model_holds_the_same_logger(logs: Path) -> None:
    register("m")
    model = {"logger": MicroMetricLogger(logs, 1, metrics_to_log="all")}

    for copied in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert copied["logger"] is model["logger"]
        copied["logger"].log("m", 1.0)

    assert written(logs) == [1.0, 1.0, 1.0]


def test_threads_that_construct_at_once_get_one_object() -> None:
    for _ in range(20):
        reset()
        barrier = threading.Barrier(4)
        found: list[MicroMetricLogger] = []

        def construct(barrier=barrier, found=found) -> None:
            barrier.wait()
            found.append(MicroMetricLogger())

        threads = [threading.Thread(target=construct) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(logger) for logger in found}) == 1


def test_a_logger_cleared_the_way_of_the_original_starts_afresh(logs: Path, tmp_path) -> None:
    register("m")
    MicroMetricLogger(logs, metrics_to_log="all").log("m", 1.0)

    MicroMetricLogger._instance = None
    logger = MicroMetricLogger(tmp_path / "other", metrics_to_log="all")
    logger.log("m", 2.0)
    logger.flush()

    assert written(logs) == [1.0]
    assert written(tmp_path / "other") == [2.0]


# Configuration.


def test_a_bare_call_leaves_the_logger_unconfigured() -> None:
    logger = MicroMetricLogger()

    assert not logger.is_logging_configured()
    assert logger.log_path is None
    assert logger.enabled_metrics == set()
    assert (logger.flush_every, logger.flush_interval) == (1000, 1.0)
    assert (logger.get_max_records(), logger.get_sampling_factor()) == (None, 1.0)
    assert (logger.max_records, logger.sampling_factor) == (None, 1.0)
    assert len(logger.log_queue) == 0
    assert logger.last_flush_time == 0.0
    assert logger.get_total_records_logged() == 0
    logger.flush()


def test_logging_without_configuration_warns_once() -> None:
    logger = MicroMetricLogger()

    with pytest.warns(MicrometricWarning, match="no log path is configured") as caught:
        logger.log("m", 1.0)
        logger.log("m", 1.0)
        logger.log("other", 1.0)

    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", [str, Path])
def test_the_path_is_resolved_when_it_is_configured(kind, tmp_path, monkeypatch) -> None:
    register("m")
    monkeypatch.chdir(tmp_path)
    logger = MicroMetricLogger(kind("logs"), metrics_to_log="all", flush_every=1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    logger.log("m", 1.0)

    assert logger.log_path == str(tmp_path / "logs")
    assert written(tmp_path / "logs") == [1.0]


def test_metrics_without_a_path_go_to_metric_logs(tmp_path, monkeypatch) -> None:
    register("m")
    monkeypatch.chdir(tmp_path)

    logger = MicroMetricLogger(metrics_to_log="m")

    assert logger.log_path == str(tmp_path / "metric_logs")


def test_the_environment_configures_a_first_bare_call(logs, monkeypatch) -> None:
    register("m", "other")
    monkeypatch.setenv("MICROMETRIC_LOG_PATH", str(logs))
    monkeypatch.setenv("MICROMETRIC_METRICS", "m")
    monkeypatch.setenv("MICROMETRIC_FLUSH_EVERY", "7")
    monkeypatch.setenv("MICROMETRIC_FLUSH_INTERVAL", "none")
    monkeypatch.setenv("MICROMETRIC_MAX_RECORDS", "5")
    monkeypatch.setenv("MICROMETRIC_SAMPLING_FACTOR", "0.5")

    logger = MicroMetricLogger()

    assert logger.log_path == str(logs)
    assert logger.enabled_metrics == {"m"}
    assert (logger.flush_every, logger.flush_interval) == (7, None)
    assert (logger.max_records, logger.sampling_factor) == (5, 0.5)


def test_an_argument_wins_over_the_environment(logs, tmp_path, monkeypatch) -> None:
    register("m", "other")
    monkeypatch.setenv("MICROMETRIC_LOG_PATH", str(tmp_path / "environment"))
    monkeypatch.setenv("MICROMETRIC_METRICS", "m")
    monkeypatch.setenv("MICROMETRIC_FLUSH_EVERY", "7")

    logger = MicroMetricLogger(logs, metrics_to_log="other")

    assert logger.log_path == str(logs)
    assert logger.enabled_metrics == {"other"}
    assert logger.flush_every == 7


def test_metrics_in_the_environment_alone_configure_nothing(monkeypatch) -> None:
    monkeypatch.setenv("MICROMETRIC_METRICS", "all")

    assert not MicroMetricLogger().is_logging_configured()


def test_a_bare_call_first_does_not_forbid_arguments_later(logs) -> None:
    register("m")
    MicroMetricLogger()

    logger = MicroMetricLogger(logs, metrics_to_log="m")

    assert logger.log_path == str(logs)
    assert logger.enabled_metrics == {"m"}


def test_settings_without_a_path_are_kept_for_the_configuration(logs) -> None:
    register("m")
    logger = MicroMetricLogger(None, 7, 3.0)

    logger.configure_logging(logs, "all")

    assert (logger.flush_every, logger.flush_interval) == (7, 3.0)


def test_arguments_that_disagree_warn_and_change_nothing(logs, tmp_path) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="m", flush_every=5)

    with pytest.warns(MicrometricWarning) as caught:
        MicroMetricLogger(tmp_path / "other", 6, metrics_to_log="all")

    message = str(caught[0].message)
    assert f"log_path={str(logs)!r}, not {str(tmp_path / 'other')!r}" in message
    assert "flush_every=5, not 6" in message
    assert "metrics_to_log='m', not 'all'" in message
    assert "configure_logging()" in message
    assert caught[0].filename == __file__
    assert (logger.log_path, logger.flush_every) == (str(logs), 5)
    assert not (tmp_path / "other").exists()


def test_arguments_that_agree_say_nothing(logs) -> None:
    register("m", "n")
    MicroMetricLogger(logs, 5, 1.0, ["m", "n"], None, 1.0)

    MicroMetricLogger(str(logs), flush_every=5, metrics_to_log="n,m")
    MicroMetricLogger(None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"log_path": 3}, "log_path must be a path, not 3"),
        ({"log_path": ""}, "log_path must be a path, not ''"),
        (
            {"log_path": "s3://b/x"},
            "log_path must be a directory of this machine, not the URL 's3://b/x'; copy it there "
            "afterwards: URLs are only read",
        ),
        ({"flush_every": -1}, "flush_every must be a number of events, 0 or more, not -1"),
        ({"flush_every": 1.5}, "flush_every must be a number of events, 0 or more, not 1.5"),
        ({"flush_every": True}, "flush_every must be a number of events, 0 or more, not True"),
        ({"flush_interval": -1}, "flush_interval must be seconds, 0 or more, or None, not -1"),
        ({"flush_interval": "1"}, "flush_interval must be seconds, 0 or more, or None, not '1'"),
        ({"max_records": -1}, "max_records must be a number of events, 0 or more, not -1"),
        ({"sampling_factor": "x"}, "sampling_factor must be a share from 0 to 1, not 'x'"),
        (
            {"metrics_to_log": "m", "enabled_metrics": "m"},
            "metrics_to_log and enabled_metrics are two names of one argument; pass one of them",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_told_early(arguments, message) -> None:
    with pytest.raises(SettingError) as caught:
        MicroMetricLogger(**arguments)

    assert str(caught.value) == message
    assert not MicroMetricLogger().is_logging_configured()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("FLUSH_EVERY", "many", "MICROMETRIC_FLUSH_EVERY must be a whole number, not 'many'"),
        ("FLUSH_INTERVAL", "soon", "MICROMETRIC_FLUSH_INTERVAL must be a number, not 'soon'"),
        ("MAX_RECORDS", "1.5", "MICROMETRIC_MAX_RECORDS must be a whole number, not '1.5'"),
    ],
)
def test_an_environment_variable_that_cannot_be_read_is_named(
    name, text, message, monkeypatch
) -> None:
    monkeypatch.setenv(f"MICROMETRIC_{name}", text)

    with pytest.raises(SettingError) as caught:
        MicroMetricLogger()

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((1, 2, 3, 4, 5, 6, 7), {}, "at most 6 positional arguments, got 7"),
        ((), {"log_pth": "x"}, "unknown argument 'log_pth'"),
        (("x",), {"log_path": "y"}, "multiple values for argument 'log_path'"),
    ],
)
def test_calls_that_python_would_refuse_are_refused(arguments, named, message) -> None:
    with pytest.raises(TypeError, match=message):
        MicroMetricLogger(*arguments, **named)


@pytest.mark.parametrize("wrong", [3, object(), [1], b"m"])
def test_metrics_of_a_wrong_type_are_told_early(logs, wrong) -> None:
    with pytest.raises(SpecError):
        MicroMetricLogger(logs, metrics_to_log=wrong)
    with pytest.raises(SpecError):
        MicroMetricLogger().configure_logging(logs, wrong)
    with pytest.raises(SpecError):
        MicroMetricLogger().enable_metrics(wrong)


def test_a_path_that_is_a_file_is_told_early(tmp_path) -> None:
    path = tmp_path / "file"
    path.touch()

    with pytest.raises(SettingError, match="is a file; expected a directory"):
        MicroMetricLogger(path, metrics_to_log="all")
    with pytest.raises(SettingError, match="cannot be created: Not a directory"):
        MicroMetricLogger(path / "logs", metrics_to_log="all")


def test_nothing_enabled_warns_once(logs) -> None:
    with pytest.warns(MicrometricWarning, match="no metric is enabled") as caught:
        MicroMetricLogger(logs)
        MicroMetricLogger().configure_logging(logs)

    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_configuring_again_drains_to_the_old_place_and_counts_anew(logs, tmp_path) -> None:
    register("m", "n")
    logger = MicroMetricLogger(logs, 50, None, "all", 10, 1.0)
    logger.log("m", 1.0)

    logger.configure_logging(tmp_path / "second", ["n"])
    assert written(logs) == [1.0]
    assert logger.get_total_records_logged() == 0
    assert logger.enabled_metrics == {"n"}
    assert (logger.max_records, logger.sampling_factor) == (None, 1.0)
    assert (logger.flush_every, logger.flush_interval) == (50, None)
    logger.log("n", 2.0)
    logger.flush()

    assert written(logs) == [1.0]
    assert written(tmp_path / "second") == [2.0]


def test_configuring_the_same_path_again_starts_a_new_segment(logs) -> None:
    register("m")
    logger = MicroMetricLogger()
    for value in (1.0, 2.0):
        logger.configure_logging(logs, enabled_metrics="all")
        logger.log("m", value)
    logger.close()

    assert written(logs) == [2.0]
    (archived,) = logs.glob("micro_metrics.*.0.jsonl")
    assert json.loads(archived.read_text())["value"] == 1.0


def test_the_older_name_of_the_metrics_is_known(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, enabled_metrics=["m"])
    assert logger.enabled_metrics == {"m"}

    logger.configure_logging(log_path=logs, enabled_metrics=["m"], sampling_factor=2.0)
    assert logger.enabled_metrics == {"m"}
    assert logger.get_sampling_factor() == 1.0
    with pytest.raises(SettingError, match="two names of one argument"):
        logger.configure_logging(logs, "m", enabled_metrics="m")


def test_close_ends_the_session_and_leaves_the_logger_unconfigured(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all")
    logger.log("m", 1.0)

    logger.close()

    assert written(logs) == [1.0]
    assert manifest().session.end is not None
    assert not logger.is_logging_configured()
    assert logger.enabled_metrics == set()
    with pytest.warns(MicrometricWarning, match="no log path is configured"):
        logger.log("m", 2.0)
    logger.close()


def test_a_logger_that_logged_nothing_leaves_no_files(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all")
    logger.flush()
    logger.close()

    assert list(logs.iterdir()) == []


# Which metrics are enabled.


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


# When it is written.


def writer_runs() -> bool:
    return "micrometric-writer" in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("flush_every", [0, 1])
def test_the_file_is_written_before_log_returns(logs, flush_every) -> None:
    register("m")
    logger = MicroMetricLogger(logs, flush_every, 60.0, "all")

    for count in range(1, 4):
        logger.log("m", float(count))
        assert written(logs) == [float(n) for n in range(1, count + 1)]
    assert not writer_runs()


def test_without_an_interval_the_caller_writes_every_so_many_events(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 100, None, "all")

    for count in range(1, 251):
        logger.log("m", float(count))
        assert len(written(logs)) % 100 == 0
    assert len(written(logs)) == 200
    assert [event.value for event in logger.log_queue] == [float(n) for n in range(201, 251)]
    assert not writer_runs()


def test_the_thread_writes_when_the_loop_pauses(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, 0.02, "all")

    logger.log("m", 1.0)
    wait_for(lambda: written(logs) == [1.0])
    logger.log("m", 2.0)
    wait_for(lambda: written(logs) == [1.0, 2.0])
    assert writer_runs()
    logger.close()
    assert not writer_runs()


def test_the_thread_writes_when_there_are_enough_events(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 128, 3600.0, "all")

    for count in range(1, 129):
        logger.log("m", float(count))

    wait_for(lambda: len(written(logs)) == 128)


def test_pending_events_can_be_looked_at(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, None, "all")
    for count in range(100):
        logger.log("m", float(count), {"step": count})

    queue = logger.log_queue

    assert [event.value for event in queue] == [float(n) for n in range(100)]
    assert queue[3].metadata == {"step": 3}
    assert queue[0].timestamp.tzinfo is not None
    assert logger.get_total_records_logged() == 100
    before = logger.last_flush_time
    logger.flush()
    assert len(logger.log_queue) == 0
    assert logger.get_total_records_logged() == 100
    assert logger.last_flush_time >= before > 0


def test_time_runs_in_the_file_as_in_the_loop(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, None, "all")
    before = time.time()
    for _ in range(3000):
        logger.log("m", 1.0)
    after = time.time()
    logger.flush()

    stamps = [
        json.loads(line)["timestamp"]
        for line in (logs / "micro_metrics.jsonl").read_text().splitlines()
    ]
    assert stamps == sorted(stamps)
    moments = [datetime.fromisoformat(stamp).timestamp() for stamp in stamps]
    assert before - 1e-5 <= moments[0] <= moments[-1] <= after + 1e-5


# Limits and sampling.


def test_no_more_than_max_records_are_kept(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all", max_records=3)

    for count in range(10):
        logger.log("m", float(count))

    assert logger.get_total_records_logged() == 3
    assert logger.is_max_records_reached()
    assert logger.get_records_remaining() == 0
    logger.close()
    assert written(logs) == [0.0, 1.0, 2.0]
    counts = manifest().accounting.total
    assert (counts.logged, counts.written, counts.capped) == (10, 3, 7)
    assert counts.balances


def test_max_records_holds_with_threads(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all", max_records=500)

    def work() -> None:
        for _ in range(300):
            logger.log("m", 1.0)

    run_threads(work, 4)

    assert logger.get_total_records_logged() == 500
    logger.close()
    assert len(written(logs)) == 500


def test_without_a_limit_there_is_nothing_to_reach(logs) -> None:
    logger = MicroMetricLogger(logs, metrics_to_log="all")

    assert logger.get_records_remaining() is None
    assert not logger.is_max_records_reached()


def test_sampling_keeps_its_share_and_counts_the_rest(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all", sampling_factor=0.3)

    for count in range(5000):
        logger.log("m", float(count))

    logger.close()
    counts = manifest().accounting.total
    assert counts.logged == 5000
    assert counts.written == len(written(logs))
    assert counts.sampled_out == 5000 - counts.written
    # Five standard deviations.
    assert abs(counts.written - 1500) < 5 * (5000 * 0.3 * 0.7) ** 0.5
    assert manifest().session.sampling_factor == 0.3


@pytest.mark.parametrize(("factor", "kept"), [(0.0, 0), (1.0, 200), (5, 200), (-1, 0)])
def test_the_ends_of_sampling_are_exact(logs, factor, kept) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all", sampling_factor=factor)

    for _ in range(200):
        logger.log("m", 1.0)

    assert logger.get_total_records_logged() == kept


def test_sampling_leaves_the_generator_of_the_program_alone(logs) -> None:
    register("m")
    random.seed(1)
    expected = random.random()
    random.seed(1)

    logger = MicroMetricLogger(logs, metrics_to_log="all", sampling_factor=0.5)
    for _ in range(100):
        logger.log("m", 1.0)

    assert random.random() == expected


# Context.


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


# Threads and endings.


def run_threads(work, count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_every_event_of_every_thread_is_written_once(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 100, 0.01, "all")

    def work() -> None:
        me = threading.current_thread().name
        for count in range(5000):
            logger.log("m", count, {"thread": me})

    run_threads(work, 4)
    logger.close()

    seen = [
        (json.loads(line)["metadata"]["thread"], json.loads(line)["value"])
        for line in (logs / "micro_metrics.jsonl").read_text().splitlines()
    ]
    assert len(seen) == len(set(seen)) == 20_000
    counts = manifest().accounting.total
    assert (counts.logged, counts.written, counts.pending) == (20_000, 20_000, 0)


ENDINGS = {
    "return": "",
    "exception": "raise SystemError",
    "sys-exit": "import sys; sys.exit(3)",
    "later-exit-handler": "",
    "thread": "import threading; threading.Thread(target=lambda: log(3.0)).start()",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_orderly_ending_loses_nothing(tmp_path, ending) -> None:
    script = f"""
import atexit
if {ending == "later-exit-handler"}:
    atexit.register(lambda: log(3.0))  # registered before the logger's own, so it runs after
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("m", float)
logger = MicroMetricLogger("logs", metrics_to_log="all")
def log(value): logger.log("m", value)
log(1.0)
log(2.0)
{ENDINGS[ending]}
"""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True
    )

    extra = [3.0] if ending in ("later-exit-handler", "thread") else []
    assert written(tmp_path / "logs") == [1.0, 2.0, *extra]
    (path,) = (tmp_path / "logs").glob("*.manifest.json")
    told = json.loads(path.read_text())
    assert told["session"]["end"] is not None
    assert told["accounting"]["total"]["written"] == 2 + len(extra)


def test_a_killed_process_leaves_whole_lines_up_to_the_last_interval(tmp_path) -> None:
    script = """
import sys, time
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("m", int)
logger = MicroMetricLogger("logs", flush_interval=0.05, metrics_to_log="all")
for number in range(1000):
    logger.log("m", number)
time.sleep(0.5)
print("waited", flush=True)
while True:
    logger.log("m", -1)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waited\n"
        process.kill()

    *whole, _ = (tmp_path / "logs" / "micro_metrics.jsonl").read_bytes().split(b"\n")
    values = [json.loads(line)["value"] for line in whole]
    assert values[:1000] == list(range(1000))
    assert set(values[1000:]) <= {-1}
    (path,) = (tmp_path / "logs").glob("*.manifest.json")
    facts = read_manifest(path).session
    assert session_state(facts, now=datetime.now(UTC), machine=this_machine()) == "killed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_writes_a_file_of_its_own_and_nothing_of_its_parent(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, 3600.0, "all")
    logger.log("m", 1.0)
    logger.flush()
    logger.log("m", 2.0)
    child = os.fork()
    if child == 0:
        try:
            logger.log("m", 3.0)
            logger.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    logger.close()

    assert written(logs) == [1.0, 2.0]
    (other,) = logs.glob(f"micro_metrics.*-{child}.jsonl")
    assert json.loads(other.read_text())["value"] == 3.0
    manifests = [json.loads(path.read_text()) for path in logs.glob("*.manifest.json")]
    assert len({told["session"]["launch"] for told in manifests}) == 1


# Nothing of it disturbs the loop.


def test_log_never_raises(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, metrics_to_log="all")
    logger.log("m", 1.0)

    class Hostile:
        @property
        def __class__(self):
            raise RuntimeError("no")

    with pytest.warns(MicrometricWarning):
        logger.log(["unhashable"], 1.0)
        logger.log("m", Hostile())
        logger.log(None, 1.0)


def test_warnings_that_are_errors_do_not_end_the_loop(logs) -> None:
    logger = MicroMetricLogger()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logger.log("m", 1.0)


def test_events_wait_while_the_directory_cannot_be_written_to(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 10, None, "all")
    logs.rmdir()
    logs.touch()  # A file in place of the directory.

    with pytest.warns(MicrometricWarning, match="kept in memory") as caught:
        for count in range(100):
            logger.log("m", float(count))
    assert len(caught) == 1
    assert len(logger.log_queue) == 100
    logs.unlink()
    logger.flush()
    logger.close()

    assert written(logs) == [float(n) for n in range(100)]
    assert manifest().accounting.total.written == 100


def test_log_does_not_wait_while_a_slow_disk_is_written_to(logs) -> None:
    register("m", "off")
    logger = MicroMetricLogger(logs, 100, 60.0, "m")
    logger.log("m", 0.0)
    logger.flush()

    def work() -> None:
        for count in range(300):
            logger.log("m", float(count), {"step": count})
            logger.log("m", "a misfit")
            logger.log("off", 1.0)
            with logger.context(step=1):
                logger.log("m", 2.0)

    with warnings.catch_warnings(), logger._state.writer._write_lock:  # as held during a long write
        warnings.simplefilter("ignore")
        loop = threading.Thread(target=work, daemon=True)
        loop.start()
        loop.join(timeout=20)
        assert not loop.is_alive()
    logger.close()

    assert len(written(logs)) == 901


def test_a_directory_that_vanishes_is_made_again(logs) -> None:
    import shutil

    register("m")
    logger = MicroMetricLogger(logs, 1, metrics_to_log="all")
    logger.log("m", 1.0)
    shutil.rmtree(logs)

    logger.log("m", 2.0)

    assert written(logs) == [2.0]


def test_memory_is_bounded_while_the_disk_takes_nothing(logs, monkeypatch) -> None:
    monkeypatch.setattr("micrometric.pending.MAX_BYTES", 10_000)
    register("m")
    logger = MicroMetricLogger(logs, 10, None, "all")
    logs.rmdir()
    logs.touch()

    with pytest.warns(MicrometricWarning) as caught:
        for count in range(1000):
            logger.log("m", float(count))

    assert any("dropped and counted as failed" in str(warning.message) for warning in caught)
    kept = len(logger.log_queue)
    account = logger._state.writer.accounting().total
    assert 0 < kept < 200
    assert (account.logged, account.pending, account.failed) == (1000, kept, 1000 - kept)
    assert account.balances


def test_a_signal_handler_may_log_while_its_thread_encodes(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 64, None, "all")
    previous = signal.signal(signal.SIGALRM, lambda *_: logger.log("m", -1.0))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for count in range(20_000):
            logger.log("m", float(count))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    logger.close()

    values = written(logs)
    assert sorted(value for value in values if value >= 0) == [float(n) for n in range(20_000)]
    assert -1.0 in values


# micrometric.testing.


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


def test_nothing_is_ever_printed(logs, capfd) -> None:
    """The original logger printed its warnings into the output of the run."""
    register("m")
    logger = MicroMetricLogger()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.log("m", 1.0)
        logger.configure_logging(logs, "nothing*")
        logger.log("m", 1.0)
        logger.configure_logging(logs, "m", 1)
        for value in (1.0, "a misfit", object()):
            logger.log("m", value)
        logger.close()

    assert capfd.readouterr() == ("", "")


def test_one_bad_event_never_costs_its_batch(logs, monkeypatch, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, None, "m")
    encode_one = Encoding._encode_one

    def fail_for_seven(self, event):
        if event[2] == 7:
            raise RuntimeError("no line for it")
        return encode_one(self, event)

    def fail(self, batch):
        raise RuntimeError("not all at once")

    monkeypatch.setattr(Encoding, "_encode_one", fail_for_seven)
    monkeypatch.setattr(Encoding, "_encode_all", fail)
    with pytest.warns(MicrometricWarning, match="no line for it"):
        for number in range(200):
            logger.log("m", number)
        logger.close()

    assert written(logs) == [number for number in range(200) if number != 7]
    account = manifest().accounting.total
    assert (account.logged, account.written, account.failed) == (200, 199, 1)


def test_numbers_that_are_not_finite_cost_no_other_event(logs, lines) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, None, "m")
    for number in range(300):
        odd = math.nan if number % 3 == 0 else number
        logger.log("m", odd, {"scale": odd, "none": None, 3: [odd]})
    logger.close()

    names = ["NaN" if number % 3 == 0 else number for number in range(300)]
    assert [line["value"] for line in lines()] == names
    assert [line["metadata"] for line in lines()] == [
        {"scale": name, "none": None, "3": [name]} for name in names
    ]


def test_the_same_seed_keeps_the_same_events(logs, tmp_path) -> None:
    register("m")
    logger = MicroMetricLogger()
    kept = []
    for place in (logs, tmp_path / "again"):
        logger.configure_logging(place, "m", sampling_factor=0.3, sampling_seed=7)
        for number in range(500):
            logger.log("m", number)
        logger.close()
        kept.append(written(place))

    assert kept[0] == kept[1]
    assert 100 < len(kept[0]) < 200


@pytest.mark.parametrize(
    ("value", "metadata"),
    [("x" * 200_000, None), (1.0, {"text": "x" * 200_000}), (["x" * 200_000], {"n": 1})],
    ids=["value", "metadata", "nested"],
)
def test_the_size_of_a_large_event_counts_before_the_next_comes(
    logs, monkeypatch, value, metadata
) -> None:
    monkeypatch.setattr("micrometric.pending.MAX_BYTES", 1_000_000)
    MicroMetricLogger.register_metric("any", object)
    logger = MicroMetricLogger(logs, 1_000_000, None, "any")
    logger.log("any", 0)

    with pytest.warns(MicrometricWarning, match="dropped and counted as failed"):
        for _ in range(20):
            logger.log("any", value, metadata)
            assert len(logger._state.writer.queue) <= 1

    account = logger._state.writer.accounting().total
    assert (account.logged, account.pending, account.failed) == (21, 5, 16)


def test_a_loop_that_leaves_the_interpreter_free_has_its_events_encoded_by_the_thread(logs) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 100, 30.0, "m")
    encoders = set()
    encode = Encoding.encode

    def note(self, batch, fail):
        encoders.add(threading.current_thread().name)
        return encode(self, batch, fail)

    def work() -> None:
        for number in range(50):
            logger.log("m", number)
        time.sleep(0.002)

    wait_for(lambda: work() or logger._state.writer._thread.is_quick)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoding, "encode", note)
        for _ in range(20):
            work()

    assert encoders == {"micrometric-writer"}
    logger.close()
    assert written(logs) == [*range(50)] * (len(written(logs)) // 50)


def test_threads_that_log_hard_all_get_their_turn(logs, manifest) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 1000, 0.01, "m")

    def work(who: int) -> None:
        for number in range(5000):
            logger.log("m", number, {"who": who})

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.close()

    assert sorted(written(logs)) == sorted([*range(5000)] * 8)
    assert manifest().accounting.total.written == 40_000


def test_an_error_behind_the_queue_neither_raises_nor_doubles(logs, monkeypatch) -> None:
    register("m")
    logger = MicroMetricLogger(logs, 10, None, "m")
    logger.log("m", -1)
    logger.flush()
    take = Pending.take

    def fail(*_):
        raise MemoryError("for now")

    monkeypatch.setattr(Pending, "take", fail)
    with pytest.warns(MicrometricWarning, match="writing events met an error: MemoryError"):
        for number in range(50):
            logger.log("m", number)
    monkeypatch.setattr(Pending, "take", take)
    logger.close()

    assert written(logs) == [-1, *range(50)]
