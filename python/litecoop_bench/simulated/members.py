"""Pools of *simulated* models: `with members.pool() as pool`, and `with members.pool(members.largest_alone())`.

A member tells the server what could be said to a view and then asks it through the real provider `openai`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from litecoop_bench.simulated import models
from litecoop_bench.simulated.answers import sheet_of
from litecoop_bench.simulated.models import Simulated
from litecoop_bench.simulated.server import Server
from tvm_litecoop import seeds
from tvm_litecoop.models import openai_api
from tvm_litecoop.models.base import Call, Member, Profile
from tvm_litecoop.models.budget import Limits
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.models.turns import Prices
from tvm_litecoop.proposal.menu import Menu
from tvm_litecoop.proposal.prompt import render
from tvm_litecoop.view import View


@dataclass(frozen=True)
class SimulatedMember:
    """A remote member whose server is told beforehand what could be said."""

    remote: Member
    server: Server

    @property
    def profile(self) -> Profile:
        """The remote member's, with the figures of the file."""
        return self.remote.profile

    def ask(self, view: View, k: int, seed: int) -> Call:
        """Hand the sheet over, then ask as anybody would."""
        menu, name = Menu.of(view), self.profile.name
        text = render(view, menu, k).user
        self.server.remember(name, text, sheet_of(view, menu, k, seeds.fork(self.server.seed, "sheet", name, text)))
        return self.remote.ask(view, k, seed)


def member(model: Simulated, server: Server) -> SimulatedMember:
    """One model of a started server, as a member."""
    settings = MemberSettings(
        name=model.label,
        provider="openai",
        base_url=server.url,
        params=model.params,
        usd_per_mtok_in=model.usd_per_mtok_in,
        usd_per_mtok_out=model.usd_per_mtok_out,
    )
    return SimulatedMember(openai_api.member(settings), server)


@contextmanager
def pool(
    chosen: Sequence[Simulated] = (),
    *,
    seed: int = 1,
    limits: Limits | None = None,
    prices: Prices | None = None,
    beside: Sequence[Member] = (),
) -> Iterator[Pool]:
    """A pool of simulated members and their servers, one for each host, while the context is open.

    Args:
        chosen: The models; the paper's eight where none is given.
        seed: All chance of their answers.
        limits: What may be spent.
        prices: What time and money are worth.
        beside: Members that are not simulated, listed after them.
    """
    found = tuple(chosen) or models.load()
    with ExitStack() as opened:
        hosts = {model.host: [one for one in found if one.host == model.host] for model in found}
        servers = {host: opened.enter_context(Server(served, seed)) for host, served in hosts.items()}
        made = Pool([*(member(model, servers[model.host]) for model in found), *beside], limits, prices)
        yield made


def largest_alone() -> tuple[Simulated, ...]:
    """The largest of the paper's models, to be compared with all of them."""
    return (models.largest(models.load()),)
