"""The account of a session: what became of every event, metric by metric."""

from __future__ import annotations

import threading
from collections import Counter

import msgspec

from micrometric.gate import Gate
from micrometric.manifest import Accounting, Counts


class Account:
    """Counts event by event what no queue and no gate counts. Safe from any thread."""

    def __init__(self) -> None:
        self._metrics: dict[str, Counts] = {}
        self._lock = threading.RLock()
        """Held for a moment; reentrant for the sake of signals."""

    def note(
        self,
        metric: str,
        *,
        failed: int = 0,
        not_enabled: int = 0,
        misfits: int = 0,
        by_repr: int = 0,
    ) -> None:
        """Count events of a metric; see `Counts` for what each count means."""
        with self._lock:
            counts = self._metrics.setdefault(metric, Counts())
            # No call from here on: a signal handler that notes something too comes before or after.
            counts.failed += failed
            counts.not_enabled += not_enabled
            counts.misfits += misfits
            counts.by_repr += by_repr

    def balance(self, gate: Gate, written: Counter[str], pending: Counter[str]) -> Accounting:
        """Return the account of every event so far.

        Args:
            gate: counts what it left out.
            written: events on the disk, by metric.
            pending: events in memory, by metric.
        """
        with self._lock:
            return self._balance(gate, written, pending)

    def _balance(self, gate: Gate, written: Counter[str], pending: Counter[str]) -> Accounting:
        sampled_out, capped = gate.sampled_out.counts(), gate.capped.counts()
        account = Accounting(metrics={})
        for metric in {**self._metrics, **written, **pending, **sampled_out, **capped}:
            counts = msgspec.structs.replace(
                self._metrics.get(metric, Counts()),
                written=written[metric],
                pending=pending[metric],
                sampled_out=sampled_out[metric],
                capped=capped[metric],
            )
            counts.logged = counts.written + counts.pending + counts.sampled_out
            counts.logged += counts.capped + counts.failed
            account.metrics[metric] = counts
            account.total.add(counts)
        return account
