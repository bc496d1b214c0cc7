# %% [markdown]
"""# 06: adding a member

Anything that can propose a change can act in the tree: a model, a rule, a search of your own. A member is a class with
a `profile` and one method, `ask`.
"""

# %%
import os
import random
import shutil
from pathlib import Path

import psutil

os.environ.setdefault("TVM_NUM_THREADS", str(psutil.cpu_count(logical=False) or 1))  # see tutorial 02

from tvm.s_tir import meta_schedule as ms

from tvm_litecoop import LiteCoOpStrategy, ModelPool
from tvm_litecoop.measure.tools import warm_tools
from tvm_litecoop.models.base import Answer, Call, Profile
from tvm_litecoop.models.conformance import conforms, example_view
from tvm_litecoop.models.mutator import Mutator
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.sites import Tile
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.values import Proposal, SetDecision
from tvm_litecoop.view import View
from tvm_litecoop.workloads import parse

WORK = Path(__file__).parent / "work" / "06"
shutil.rmtree(WORK, ignore_errors=True)

# %% [markdown]
# ## The member
#
# This one changes the tiling of one loop to another legal one. A view holds everything it may look at: the decision
# sites of the program with their legal values, the loop nests, the machine, what was tried here and how fast it was.
#
# Three rules: the view is read in `ask`; the call it returns may run on another thread, and never raises; a member that
# is `free` gives the same answer for the same view and seed.


# %%
class Tiler:
    """Another tiling of one loop, any legal one."""

    profile = Profile("tiler", free=True)

    def ask(self, view: View, k: int, seed: int) -> Call:
        rng = random.Random(seed)
        loops = [site for site in view.sketch.sites if isinstance(site.domain, Tile)]
        proposals = []
        for site in rng.sample(loops, min(k, len(loops))):
            others = [value for value in site.domain.legal if value != site.value]
            if others:
                proposals.append(Proposal((SetDecision(site.name, rng.choice(others)),), reason="another tiling"))
        answer = Answer(tuple(proposals))
        return lambda: answer


# %% [markdown]
# ## Does it keep the rules?
#
# The conformance kit asks it about an example and raises AssertionError with the rule that it breaks. One line in your
# tests.

# %%
answer = conforms(Tiler())
print("it says:", *(proposal.edits for proposal in answer.proposals))
sites = {site.name: site for site in example_view(root=False).sketch.sites}
assert all(edit.value in sites[edit.site].domain for proposal in answer.proposals for edit in proposal.edits)


class Raises(Tiler):
    def ask(self, view: View, k: int, seed: int) -> Call:
        return lambda: 1 / 0


try:
    conforms(Raises())
except AssertionError as broken:
    print("another one is refused:", broken)
else:
    raise AssertionError("the kit has missed it")

# %% [markdown]
# ## In a pool
#
# It needs a partner here: a tiling is all it can change, and `mutator` opens the search with samples.

# %%
pool = ModelPool([Mutator(), Tiler()])
with warm_tools() as tools:
    ms.tune_tir(
        parse("matmul:128x128x128").mod,
        parse_target(None),
        work_dir=str(WORK),
        max_trials_global=16,
        num_trials_per_iter=8,
        strategy=LiteCoOpStrategy(pool, seed=1),
        **tools,
    )
mine = pool.stats["tiler"]
print(f"tiler: {mine.calls} calls, {mine.proposals} proposals, {mine.trials} programs measured, {mine.hits} hits")
assert mine.calls > 0 and mine.proposals > 0
assert mine.refused == 0 or set(mine.rejections) <= {"duplicate", "postproc refused", "replay failed"}

# %% [markdown]
# ## In a pool file
#
# A provider makes members from the `[[member]]` tables of a pool file. Yours is a function of the settings, which your
# package names under the entry-point group `tvm_litecoop.models`; then `provider = "tiler"` works in any pool file:
#
# ```toml
# [project.entry-points."tvm_litecoop.models"]
# tiler = "my_package:tiler"
# ```
#
# A language model needs less: a class with `sampling` and `complete(question)`, which `LanguageModel` in
# `tvm_litecoop.models.llm` makes a member of, with prompt, schema and parser.


# %%
def tiler(settings: MemberSettings) -> Tiler:
    return Tiler()


assert tiler(MemberSettings(name="tiler", provider="tiler")).profile.name == "tiler"
