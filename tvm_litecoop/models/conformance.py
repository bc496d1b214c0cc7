"""What every member must keep to, for the tests of those who write one: `conforms(my_member)`.

```python
from tvm_litecoop.models.conformance import conforms

def test_my_member_conforms():
    conforms(MyMember(...))
```
"""

from __future__ import annotations

import threading

from tvm_litecoop.models.base import Answer, Call, Member, Profile, well_formed
from tvm_litecoop.nest import Access, Axis, Block, Machine
from tvm_litecoop.sites import Choice, Site, Tile
from tvm_litecoop.values import Program, Proposal
from tvm_litecoop.view import Colleague, Shown, Sketch, View

PATIENCE_S = 300.0
"""Seconds a call may take here; a local model may have to be loaded."""


def conforms(member: Member, k: int = 2) -> Answer:
    """Ask a member about an example and check what it does.

    Args:
        member: The one to check; it is asked for real, twice.
        k: Alternatives to ask for.

    Returns:
        Its first answer, for checks of your own.

    Raises:
        AssertionError: With the rule that it breaks.
    """
    profile = member.profile
    assert isinstance(profile, Profile) and profile == member.profile, "a profile is a constant"
    assert profile.name and profile.params >= 1, "a profile has a name and a size of at least 1"
    assert not (profile.free and profile.background), "a free member answers at once"
    view = example_view(root=False)
    answer = _elsewhere(member.ask(view, k, seed=1))
    _check(answer, profile, k)
    if profile.free:
        assert _elsewhere(member.ask(view, k, seed=1)) == answer, "same view and seed, same answer"
    _check(_elsewhere(member.ask(example_view(root=True), k, seed=2)), profile, k)
    return answer


def example_view(*, root: bool) -> View:
    """A matrix product with two design spaces, as every member should be able to read it."""
    sites = (
        Site("mm.i", Tile(64, 4, max_innermost=64), (4, 4, 2, 2), "mm", 0, position=0),
        Site("mm.j", Tile(64, 4, max_innermost=64), (4, 1, 1, 16), "mm", 1, position=1),
        Site("mm.k", Tile(32, 2, max_innermost=64), (8, 4), "mm", 2, position=2),
        Site("unroll", Choice((0, 16, 64, 512)), 1, position=3),
    )
    axes = (Axis("i", 64, False), Axis("j", 64, False), Axis("k", 32, True))
    accesses = (
        Access("a", 4, (64, 32), ((1, 0, 0), (0, 0, 1))),
        Access("b", 4, (32, 64), ((0, 0, 1), (0, 1, 0))),
        Access("c", 4, (64, 64), ((1, 0, 0), (0, 1, 0)), write=True),
    )
    block = Block("mm", axes, accesses, "SSRSRS")
    values = tuple(site.value for site in sites)
    sketches = tuple(Sketch(index, sites, (block,), stages, values) for index, stages in enumerate(((), ("c cached",))))
    shown = Shown(sketches[0], "", (), 1e-3, "", (), ())
    return View(
        Program(0, values),
        sketches[0],
        sketches,
        (("MutateTileSize", 0.9), ("MutateUnroll", 0.1)),
        Machine(cores=2, vector_bytes=64, registers=32),
        flops=2 * 64 * 64 * 32,
        root=root,
        path=(shown,),
        best=(shown,),
        colleagues=(Colleague("expert", 1.0, (0.0, 0.0), 4, 8, 2, 0), Colleague("large", 1e11, (1.0, 8.0), 1, 2, 1, 0)),
    )


def _elsewhere(call: Call) -> Answer:
    """The answer of a call made on another thread, as the pool makes it."""
    found: list[Answer] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:  # the rule is that nothing at all is raised
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert not raised, f"a call never raises, this one did: {raised[0]!r}"
    assert found, f"a call ends; this one takes more than {PATIENCE_S:g} s"
    return found[0]


def _check(answer: Answer, profile: Profile, k: int) -> None:
    try:
        well_formed(answer)
    except (TypeError, ValueError) as error:
        raise AssertionError(str(error)) from None
    assert len(answer.proposals) <= k, f"at most {k} alternatives were asked for"
    assert answer.proposals or answer.fault or profile.free, "an answer has proposals, or says why there are none"
    assert all(one.edits for one in answer.proposals if isinstance(one, Proposal)), "a proposal changes something"
    assert not profile.free or answer.usage.usd == 0, "a free member is free"
