"""Whether predictions may be believed: they count only while they rank new measurements better than chance."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

WINDOW = 48  # newest measurements that count
SIGMAS = 3.0  # how far from chance the ranking must be: once in a thousand by luck


class Trust:
    """Keeps what was predicted of a candidate before it was measured, and what came out.

    The statistic is Kendall's: within each batch, the pairs that the prediction put in the right order less the pairs
    it put in the wrong order, against the spread that chance would give. Only predictions made before the measurement
    are compared, so a model that has learned a result by heart gains nothing.
    """

    def __init__(self) -> None:
        self._batches: deque[list[tuple[float, float]]] = deque()

    def observe(self, predicted: Sequence[float], throughput: Sequence[float]) -> None:
        """Add one batch: predicted scores and measured throughputs of the same candidates."""
        self._batches.append(list(zip(predicted, throughput, strict=True)))
        while sum(map(len, self._batches)) > WINDOW and len(self._batches) > 1:
            self._batches.popleft()

    @property
    def sigmas(self) -> float:
        """Distance of the ranking from chance in standard deviations; negative where it ranks the wrong way round."""
        right = sum(_concordance(batch) for batch in self._batches)
        variance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in map(len, self._batches))
        return right / math.sqrt(variance) if variance else 0.0

    @property
    def trusted(self) -> bool:
        """Whether predictions may stand in for measurements now."""
        return self.sigmas >= SIGMAS


def _concordance(batch: list[tuple[float, float]]) -> int:
    """Pairs in the right order less pairs in the wrong order."""
    return sum(((p > q) - (p < q)) * ((t > u) - (t < u)) for i, (p, t) in enumerate(batch) for q, u in batch[:i])
