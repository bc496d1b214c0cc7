"""Characters of the text a model is shown, against IR and trace of three programs: `python -m litecoop_bench.prompts`.

The comparison is what the paper authors' code sends: for the node and two programs above it the TIR and the trace.
Programs are real; run times are made up (*simulated*), because nothing is built or run here.
"""

from __future__ import annotations

import argparse
import sys

from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.proposal.menu import Menu
from tvm_litecoop.proposal.prompt import Prompt, render
from tvm_litecoop.search import sight
from tvm_litecoop.search.loop import Search
from tvm_litecoop.search.tree import Node
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.values import Measurement

TRIALS = 40
K = 4


def main() -> None:
    """Print one row per workload, or the text of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", help="default: every built-in, with its default shape")
    parser.add_argument("--show", action="store_true", help="print the texts as well")
    args = parser.parse_args()
    print("| workload | text | IR + trace of three programs | share |\n| --- | --- | --- | --- |")
    for workload in args.workloads or _built_ins():
        prompt, plain, sites = sizes(workload)
        if not sites:
            print(f"| {workload} | nothing to decide, so nobody is asked | | |")
            continue
        print(f"| {workload} | {len(prompt)} | {plain} | {len(prompt) / plain:.3f} |", flush=True)
        if args.show:
            print(f"{prompt.system}\n\n{prompt.user}", file=sys.stderr)


def sizes(workload: str) -> tuple[Prompt, int, int]:
    """The text for the deepest node of a small tree, characters of three IRs and traces on its path, its sites."""
    from litecoop_bench.tasks import space_of

    space = space_of(workload)
    search = Search(space, Pool.built_in("expert", "mutator"), SearchConfig(), seed=1)
    while search.tree.root.visits < TRIALS and (batch := search.ask(8)):
        search.tell([Measurement(node.id, 1e-3 * (1 + node.built.key % 97 / 100)) for node in batch])
    node = max(search.tree.nodes, key=lambda n: (n.measured, len(list(search.tree.path(n)))))
    view = sight.view_of(search.tree, node, space, search.pool, search.config)
    path = list(search.tree.path(node))[:3]
    return render(view, Menu.of(view), K), sum(_plain(space, one) for one in path), len(view.sketch.sites)


def _plain(space: TvmSpace, node: Node) -> int:
    schedule = space.schedule(node.built.program)
    return len(schedule.mod.script()) + len(str(schedule.trace))


def _built_ins() -> list[str]:
    from tvm_litecoop.workloads.registry import BUILTIN

    return list(BUILTIN)


if __name__ == "__main__":
    main()
