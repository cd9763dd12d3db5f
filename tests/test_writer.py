"""When events are written, and that nothing of it disturbs the loop."""

import json
import math
import signal
import threading
import time
import warnings
from datetime import datetime

import pytest

from micrometric import MicroMetricLogger, MicrometricWarning
from micrometric.encoding import Encoding
from micrometric.pending import Pending
from tests.loops import register, written
from tests.programs import wait_for

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

    def encoders_of_a_loop() -> set[str]:
        encoders.clear()
        for _ in range(20):
            for number in range(50):
                logger.log("m", number)
            time.sleep(0.002)
        return encoders

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoding, "encode", note)
        # Not at once: only a thread that proves quick to wake is left the work, on a busy machine
        # now and then.
        wait_for(lambda: encoders_of_a_loop() == {"micrometric-writer"})

    logger.close()
    assert written(logs) == [*range(50)] * (len(written(logs)) // 50)


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
