"""The settings of one member, as a table of the pool file gives them. Owns their ranges."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class MemberSettings(BaseModel):
    """One `[[member]]` table.

    Attributes:
        name: Unique in the pool; models name each other by it.
        provider: `expert`, `mutator`, `surrogate`, `openai`, `huggingface`, or one of another package.
        params: Parameter count; for a mixture of experts the total. Estimates will do: only its logarithm counts. A
            pool file must give it for a language model.
        usd_per_mtok_in: US dollars for a million tokens read.
        usd_per_mtok_out: US dollars for a million tokens written.
        model: Name of the model on its server; the member's name where it is left out.
        base_url: Server of an `openai` member, up to `/v1`; OpenAI's own where it is left out.
        api_key_env: Name of the environment variable that holds the key. Never the key itself.
        timeout_s: Seconds until an answer is given up. After other faults a server is asked up to three times, one of
            `background = false` once.
        concurrency: Calls at a time to its base_url, all members there together.
        background: Whether a member may think beside a measurement; false for a server on the tuned CPU, and for a
            model on the tuned GPU. A `huggingface` member on a CPU never does.
        path: Directory or file of a `huggingface` member.
        gguf_file: File name inside `path`, for GGUF weights.
        device: `cpu`, `cuda`, `cuda:1`, ...
        max_tokens: Tokens of an answer at most.
        temperature: Of sampling; the server's own default where it is left out.
        extra: More fields of the request, as they are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=80)]
    provider: str
    params: Positive = 1.0
    usd_per_mtok_in: Price = 0.0
    usd_per_mtok_out: Price = 0.0
    model: str = ""
    base_url: str = ""
    api_key_env: str = ""
    timeout_s: Positive = 60.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    background: bool = True
    path: str = ""
    gguf_file: str = ""
    device: str = "cpu"
    max_tokens: Annotated[int, Field(ge=16)] = 1024
    temperature: Price | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def usd_per_mtok(self) -> tuple[float, float]:
        """Prices of a million tokens read, and written."""
        return self.usd_per_mtok_in, self.usd_per_mtok_out


class PoolSettings(BaseModel):
    """The `[pool]` table.

    Attributes:
        usd_per_hour: What an hour of tuning may cost, so that prices can be told in seconds.
        slow_share: Seconds that each member which computes on the tuned CPU may take for each second of the run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd_per_hour: Positive = 10.0
    slow_share: Price = 0.1


class BudgetSettings(BaseModel):
    """The `[budget]` table: most of each that a run may spend; what is left out has no limit.

    Attributes:
        calls: Calls to members that are not free.
        tokens: Tokens read and written.
        usd: US dollars.
        seconds: Seconds of model time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    usd: Price | None = None
    seconds: Price | None = None


class PoolFile(BaseModel):
    """A whole pool file.

    Attributes:
        member: The `[[member]]` tables, in their order.
        pool: The `[pool]` table.
        budget: The `[budget]` table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: Annotated[list[MemberSettings], Field(min_length=1)]
    pool: PoolSettings = PoolSettings()
    budget: BudgetSettings = BudgetSettings()
