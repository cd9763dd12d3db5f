"""Counting what sampling and limits leave out."""

import threading
from collections import Counter

import pytest

from micrometric import gate
from micrometric.gate import Tally


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
    threads = [
        threading.Thread(target=lambda: [tally.add("a") for _ in range(20_000)]) for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tally.counts() == {"a": 80_000}
