"""Whether predictions may be believed: they count only while they rank new measurements better than chance."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

MIN_PAIRS = 12
WINDOW = 48
THRESHOLD = 0.6


class Trust:
    """Keeps what was predicted of a candidate before it was measured, and what came out.

    The statistic is the share of pairs in the same batch that the prediction put in the right order (0.5 is chance).
    Only predictions made before the measurement are compared, so a model that has learned a result by heart gains
    nothing.
    """

    def __init__(self) -> None:
        self._batches: deque[list[tuple[float, float]]] = deque()

    def observe(self, predicted: Sequence[float], throughput: Sequence[float]) -> None:
        """Add one batch: predicted scores and measured throughputs of the same candidates."""
        self._batches.append(list(zip(predicted, throughput, strict=True)))
        while sum(map(len, self._batches)) > WINDOW and len(self._batches) > 1:
            self._batches.popleft()

    @property
    def concordance(self) -> float | None:
        """Share of pairs ranked right, in [0, 1]; None while there are too few pairs to say."""
        right = pairs = 0.0
        for batch in self._batches:
            for i, (p, t) in enumerate(batch):
                for q, u in batch[:i]:
                    if t != u:
                        pairs += 1
                        right += 0.5 if p == q else float((p > q) == (t > u))
        return right / pairs if pairs >= MIN_PAIRS else None

    @property
    def trusted(self) -> bool:
        """Whether predictions may stand in for measurements now."""
        share = self.concordance
        return share is not None and share >= THRESHOLD
