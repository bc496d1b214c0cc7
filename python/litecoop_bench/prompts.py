"""The longest text a model is shown, and against IR and trace of three programs: `python -m litecoop_bench.prompts`.

The comparison is what the paper authors' code sends: for the node and two programs above it the TIR and the trace.
Programs are real; run times are made up (*simulated*), because nothing is built or run here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.models.providers import FREE
from tvm_litecoop.proposal.menu import Menu
from tvm_litecoop.proposal.prompt import Prompt, render
from tvm_litecoop.search import sight
from tvm_litecoop.search.loop import Search
from tvm_litecoop.search.tree import Node
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.values import Measurement

TRIALS = 40
K = 4
ANCESTORS = 3


def main() -> None:
    """Print one row per workload, or the text of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", help="default: every built-in, with its default shape")
    parser.add_argument("--show", action="store_true", help="print the texts as well")
    args = parser.parse_args()
    print("| workload | longest text | most of the IR + trace of three programs |\n| --- | --- | --- |")
    for workload in args.workloads or _built_ins():
        texts = list(texts_of(workload))
        if not texts:
            print(f"| {workload} | nothing to decide, so nobody is asked | |")
            continue
        longest = max((text for text, _ in texts), key=len)
        share = max(len(text) / plain for text, plain in texts if plain)
        print(f"| {workload} | {len(longest)} | {share:.3f} |", flush=True)
        if args.show:
            print(f"{longest.system}\n\n{longest.user}", file=sys.stderr)


def texts_of(workload: str) -> Iterator[tuple[Prompt, int]]:
    """The text for every node of a small tree, with the characters of IR and trace of the three programs on its path.

    The second is 0 where the path has fewer than three.
    """
    from litecoop_bench.tasks import space_of

    space = space_of(workload)
    search = Search(space, Pool.built_in(*FREE), SearchConfig(), seed=1)
    while search.tree.root.visits < TRIALS and (batch := search.ask(8)):
        search.tell([Measurement(node.id, 1e-3 * (1 + node.built.key % 97 / 100)) for node in batch])
    plain = {node.id: _plain(space, node) for node in search.tree.nodes}
    for node in search.tree.nodes if len(search.tree) > 1 else []:
        view = sight.view_of(search.tree, node, space, search.pool, search.config)
        path = [one.id for one in search.tree.path(node)][:ANCESTORS]
        yield render(view, Menu.of(view), K), sum(plain[one] for one in path) if len(path) == ANCESTORS else 0


def _plain(space: TvmSpace, node: Node) -> int:
    schedule = space.schedule(node.built.program)
    return len(schedule.mod.script()) + len(str(schedule.trace))


def _built_ins() -> list[str]:
    from tvm_litecoop.workloads.registry import BUILTIN

    return list(BUILTIN)


if __name__ == "__main__":
    main()
