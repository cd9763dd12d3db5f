"""Limits and sampling: what is kept, and that what is left out is counted."""

import random
from collections import Counter

import pytest

from micrometric import MicroMetricLogger, gate
from micrometric.gate import Tally
from tests.loops import register, run_threads, written


def test_names_are_counted_whatever_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally()

    def interrupted(names: list[str]) -> Counter[str]:
        # As a signal handler does that is run while names are summed up.
        monkeypatch.setattr(gate, "Counter", Counter)
        tally.add("b")
        assert tally.counts() == {"a": 1, "b": 1}
        return Counter(names)

    tally.add("a")
    monkeypatch.setattr(gate, "Counter", interrupted)

    assert tally.counts() == {"a": 1, "b": 1}
    assert tally.counts() == {"a": 1, "b": 1}


def test_names_of_many_threads_are_all_counted() -> None:
    tally = Tally()

    run_threads(lambda: [tally.add("a") for _ in range(20_000)], 4)

    assert tally.counts() == {"a": 80_000}


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
