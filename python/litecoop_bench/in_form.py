"""Is an answer of SmolLM2 ever out of form? `python -m litecoop_bench.in_form [CALLS]`, after `make setup-models`.

Asks it about made-up programs of all sizes, one alternative a call, and reads every answer as the search does.
"""

from __future__ import annotations

import argparse
import random
import time

from tvm_litecoop.models import providers
from tvm_litecoop.models.conformance import example_view
from tvm_litecoop.sites import Choice, Site, Tile
from tvm_litecoop.values import Program, Rejection, SetDecision
from tvm_litecoop.view import Colleague, Shown, Sketch, View


def main() -> None:
    """Print how many answers were out of form, and how long a call took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", nargs="?", type=int, default=500)
    args = parser.parse_args()
    member = providers.built_in("smollm2")
    member.ask(_view(0), 1, 0)()  # loads it
    start = time.perf_counter()
    bad = 0
    for number in range(1, args.calls + 1):
        view = _view(number)
        answer = member.ask(view, 1, number)()
        if not _in_form(view, answer.proposals) or answer.fault:
            bad += 1
            print(number, answer)
        if number % 50 == 0:
            print(f"{bad} of {number} out of form, {(time.perf_counter() - start) / number:.2f} s a call", flush=True)


def _in_form(view: View, proposals: object) -> bool:
    """One proposal, every edit legal for its site, the next member one of the pool."""
    if not isinstance(proposals, tuple) or len(proposals) != 1 or isinstance(proposals[0], Rejection):
        return False
    domains = {site.name: site.domain for site in view.sketch.sites}
    legal = all(not isinstance(e, SetDecision) or e.value in domains[e.site] for e in proposals[0].edits)
    return legal and proposals[0].next_member in {one.name for one in view.colleagues}


def _view(seed: int) -> View:
    """A made-up program: some tiled loops, an unroll limit, one to three members."""
    rng = random.Random(seed)
    tiles = [Tile(rng.choice((7, 64, 96, 384)), rng.choice((2, 4)), 64) for _ in range(rng.randint(1, 4))]
    sites = [Site(f"mm.a{i}", tile, rng.choice(tile.legal), "mm", i, position=i) for i, tile in enumerate(tiles)]
    sites.append(Site("unroll", Choice((0, 16, 64, 512)), rng.randrange(4), position=len(tiles)))
    sketch = Sketch(0, tuple(sites), ())
    names = ("expert", "smollm2", "größer/7b")[: rng.randint(1, 3)]
    plain = example_view(root=False)
    return View(
        Program(0, tuple(site.value for site in sites)),
        sketch,
        (sketch,) * rng.randint(1, 3),
        plain.mutators if rng.random() < 0.5 else (),
        plain.machine,
        path=(Shown(sketch, "", (), 1e-3, "", (), ()),),
        colleagues=tuple(Colleague(name, 1e9, (0.0, 0.0), seed, 0, 0, 0) for name in names),
    )


if __name__ == "__main__":
    main()
