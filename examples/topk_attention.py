"""A small attention in numpy, exact and with only the top-k keys, and what micrometric sees of it.

Every layer looks for one key among many: the query is that key with noise, and the value under
it is the label to find. Run it, and look at what it logs:

    python examples/topk_attention.py --log-path logs --top-k 16
    micrometric summarize logs --group-by layer_idx
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micrometric import MicroMetricLogger

Array = NDArray[np.float64]

MicroMetricLogger.register_metric(
    "density", float, unit="1", description="share of keys that are attended to"
)
MicroMetricLogger.register_metric(
    "latency_s", float, unit="s", description="time of one sparse attention"
)
MicroMetricLogger.register_metric(
    "output_error", float, unit="1", description="relative distance to the exact output"
)
MicroMetricLogger.register_metric(
    "recall", float, unit="1", dims=("head",), description="share of the attention that is kept"
)
MicroMetricLogger.register_metric(
    "accuracy", float, unit="1", description="share of queries whose label is found"
)
MicroMetricLogger.register_metric(
    "debug_scores", list, description="scores of the first query, for looking closely"
)

HEADS, QUERIES, KEYS, WIDTH, LABELS = 4, 32, 256, 32, 8


@dataclass(frozen=True)
class Inputs:
    """What one layer attends with: queries, keys and values of each head, and the labels."""

    queries: Array
    keys: Array
    values: Array
    labels: NDArray[np.int64]


class ExactAttention:
    """Softmax attention over all keys."""

    def __init__(self, sharpness: float) -> None:
        self.sharpness = sharpness

    def weights(self, inputs: Inputs) -> Array:
        """Return the attention of each head, query and key."""
        scores = self.sharpness * inputs.queries @ inputs.keys.swapaxes(1, 2)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)


class TopKAttention(ExactAttention):
    """Attention over the k keys with the largest scores."""

    def __init__(self, sharpness: float, top_k: int) -> None:
        super().__init__(sharpness)
        self.top_k = top_k

    def weights(self, inputs: Inputs) -> Array:
        """Return the attention of each head, query and key, zero but for the top k."""
        logger = MicroMetricLogger()
        start = time.perf_counter()
        weights = super().weights(inputs)
        least = np.partition(weights, -self.top_k, axis=-1)[..., -self.top_k, None]
        kept = np.where(weights >= least, weights, 0.0)
        sparse = kept / kept.sum(axis=-1, keepdims=True)
        logger.log("latency_s", time.perf_counter() - start)
        logger.log("density", np.count_nonzero(sparse) / sparse.size)
        if logger.is_metric_enabled("debug_scores"):  # costs something, so ask first
            logger.log("debug_scores", weights[0, 0])
        return sparse


def compare(exact: Array, sparse: Array, values: Array) -> None:
    """Log how far the sparse attention is from the exact one, head by head."""
    logger = MicroMetricLogger()
    for head, (whole, part) in enumerate(zip(exact @ values, sparse @ values, strict=True)):
        error = np.linalg.norm(part - whole) / np.linalg.norm(whole)
        logger.log("output_error", error, {"head": head})
    logger.log("recall", np.where(sparse > 0, exact, 0.0).sum(axis=-1).mean(axis=-1))


class Probe:
    """Reads the label out of the attention."""

    def evaluate(self, weights: Array, inputs: Inputs) -> None:
        """Log the share of queries for which the largest output is the right label."""
        found = (weights @ inputs.values).mean(axis=0).argmax(axis=-1)
        MicroMetricLogger().log("accuracy", (found == inputs.labels).mean())


def make_inputs(random: np.random.Generator, noise: float) -> Inputs:
    """Return queries that each look for one of the keys, through noise."""
    keys = random.normal(size=(HEADS, KEYS, WIDTH)) / np.sqrt(WIDTH)
    targets = random.integers(KEYS, size=QUERIES)
    labels = random.integers(LABELS, size=KEYS)
    queries = keys[:, targets] + noise * random.normal(size=(HEADS, QUERIES, WIDTH))
    values = np.broadcast_to(np.eye(LABELS)[labels], (HEADS, KEYS, LABELS))
    return Inputs(queries, keys, values, labels[targets])


def main() -> None:
    """Run all layers for some steps and log them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log-path", default="logs")
    parser.add_argument("--top-k", type=int, default=16)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two steps")
    options = parser.parse_args()

    logger = MicroMetricLogger(options.log_path, metrics_to_log="all,!debug_*")
    random = np.random.default_rng(0)
    probe = Probe()
    for step in range(options.steps):
        for layer_idx in range(options.layers):
            inputs = make_inputs(random, noise=0.1 + 0.05 * layer_idx)
            exact = ExactAttention(sharpness=4.0 * (layer_idx + 1))
            sparse = TopKAttention(exact.sharpness, options.top_k)
            with logger.context(step=step, layer_idx=layer_idx):
                weights = sparse.weights(inputs)
                compare(exact.weights(inputs), weights, inputs.values)
                probe.evaluate(weights, inputs)
        time.sleep(options.pause)


if __name__ == "__main__":
    main()
