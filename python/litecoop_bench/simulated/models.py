"""The figures of one simulated model, and the file that holds them with their sources."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAPER = Path(__file__).parent / "paper.toml"
LABEL = "(simulated)"

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]


class Simulated(BaseModel):
    """One `[[model]]` table.

    Attributes:
        name: Without the label.
        params: Parameter count.
        params_source: Where that is from, or `estimate`.
        usd_per_mtok_in: US dollars for a million tokens read.
        usd_per_mtok_out: US dollars for a million tokens written, thoughts included.
        price_source: Where the prices are from, or `estimate`.
        host: Who serves it: models of one host share its limit of calls at a time, as they would in a pool file.
        latency_s: Seconds an answer takes; slept for real.
        thinking: Tokens of thought that are billed with an answer and not shown.
        skill: Share of answers that the rule-based expert gives; the others are random legal edits.
        malformed: Share of answers that are cut off in the middle.
        assumed: Which of the figures above have no source.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    params: Annotated[float, Field(gt=0)]
    params_source: Annotated[str, Field(min_length=1)]
    usd_per_mtok_in: Amount
    usd_per_mtok_out: Amount
    price_source: Annotated[str, Field(min_length=1)]
    host: Annotated[str, Field(min_length=1)] = "one host"
    latency_s: Amount
    thinking: Annotated[int, Field(ge=0)] = 0
    skill: Share
    malformed: Share = 0.0
    assumed: Annotated[str, Field(min_length=1)]

    @property
    def label(self) -> str:
        """The name it has in pools and results."""
        return f"{self.name} {LABEL}"


def load(file: Path = PAPER) -> tuple[Simulated, ...]:
    """The models of a file; pydantic's or tomllib's error where it is wrong."""
    return tuple(Simulated.model_validate(one) for one in tomllib.loads(file.read_text("utf-8"))["model"])


def largest(models: Sequence[Simulated]) -> Simulated:
    """The one with the most parameters."""
    return max(models, key=lambda model: model.params)
