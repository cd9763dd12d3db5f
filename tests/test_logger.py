"""The logger: one object, how it is configured, and what it says."""

import copy
import json
import pickle
import threading
import warnings
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger, MicrometricWarning, SettingError, SpecError
from micrometric.testing import reset
from tests.loops import register, written

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
