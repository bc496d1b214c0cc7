"""What a tuning run is asked to do. Plain values; the session turns them into TVM objects."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.errors import ConfigError

STRATEGIES = ("litecoop", "evolutionary", "replay-trace")
SPACES = ("stock", "litecoop")
BATCH, STOCK_BATCH = 8, 64
"""Candidates of a batch: few for the tree, which learns from each; TVM's own default, where starting one is dear."""


@dataclass(frozen=True)
class Request:
    """One run of one strategy on one workload.

    Attributes:
        workload: A built-in with or without a shape, or `path.py:attribute`.
        strategy: One of `STRATEGIES`.
        trials: Candidates to measure; 0 to compile a model from what earlier runs found.
        target: A target; empty for this machine.
        work_dir: Where the database and the logs go.
        seed: Makes all randomness of the search.
        batch: Candidates measured between two looks at the results; 0 for the strategy's own default.
        stock: Use TVM's default builder and runner instead of the warm ones.
        fresh: Start over; an earlier run in the same directory is kept aside.
        setting: Settings of the search by name (`SearchConfig.named`).
        space: One of `SPACES`: TVM's own design spaces, or those of `LiteCoOpSpace` as well.
    """

    workload: str
    strategy: str = "litecoop"
    trials: int = 64
    target: str = ""
    work_dir: str = ""
    seed: int = 1
    batch: int = 0
    stock: bool = False
    fresh: bool = False
    setting: str = "default"
    space: str = "stock"

    def __post_init__(self) -> None:
        """Name a wrong value where it was made."""
        if self.strategy not in STRATEGIES:
            raise ConfigError(f"unknown strategy {self.strategy!r}", f"choose from {', '.join(STRATEGIES)}")
        if self.space not in SPACES:
            raise ConfigError(f"unknown space {self.space!r}", f"choose from {', '.join(SPACES)}")
        SearchConfig.named(self.setting)
        if self.setting != "default" and self.strategy != "litecoop":
            raise ConfigError(f"{self.strategy} has no settings", "leave out --setting")
        if self.trials < 0:
            raise ConfigError(f"trials is {self.trials}", "choose at least 1, or 0 to compile what is known of a model")
        if self.fresh and not self.trials:
            raise ConfigError("--fresh leaves no record to compile with --trials 0", "leave out --fresh")
        if self.batch < 0:
            raise ConfigError(f"batch is {self.batch}", "choose at least 1, or 0 for the default")
        if not 1 <= self.seed <= 2**31 - 1:
            raise ConfigError(f"seed is {self.seed}", "choose a number from 1 to 2147483647")

    @property
    def directory(self) -> str:
        """The work directory, by default named after workload, target (where one was given) and strategy."""
        if self.work_dir:
            return self.work_dir
        parts = [self.workload.rsplit("/", 1)[-1], self.target, self.strategy]
        return "litecoop-work/" + "-".join(_plain(part) for part in parts if part)

    @property
    def batch_size(self) -> int:
        """Candidates per batch."""
        return min(
            self.trials, self.batch or (BATCH if self.strategy == "litecoop" and not self.stock else STOCK_BATCH)
        )


def _plain(text: str) -> str:
    """The words of a text, of any alphabet, fit for a file name that is not hidden."""
    return "-".join(re.findall(r"(?:[^\W_]|\.)+", text)).lstrip(".")
