# %% [markdown]
"""# 05: reading the report

A run as one HTML file, which needs no network and no other file, made from the journal in the work dir.
"""

# %%
import shutil
from pathlib import Path

from tvm_litecoop.cli import main

WORK = Path(__file__).parent / "work" / "05"
shutil.rmtree(WORK, ignore_errors=True)

# %% [markdown]
# A run to look at: two matrix products and a sum between them, so that there is something to decide.

# %%
assert main(["tune", "mlp:16x32x64", "--trials", "16", "--work-dir", str(WORK), "--quiet"]) == 0
assert main(["report", str(WORK)]) == 0

page = WORK / "report.html"
print(f"open {page.resolve().as_uri()} in a browser")

# %% [markdown]
# ## What to look for
#
# 1. **Certified?** The head says whether the winner computes what the untuned program does, and how many times as fast
#    it is, with the interval. An interval that reaches 1 means: no difference was shown.
# 2. **The curve.** Best latency over trials, and over seconds. Flat for the last half of the trials: more of them would
#    have bought little. Still falling at the end: give it more, the same command goes on from the records.
# 3. **Members.** What each cost and brought. Many calls and no hits: take it out of the pool. Hits that are no records:
#    it polishes what others find. Many refused: its answers cannot be used, `litecoop pool audition` says why.
# 4. **Time.** Search, build, run, and model time that was not hidden behind measurements. Building is most of it in
#    small kernels; a large share of model time means that a member is too slow for this workload.
# 5. **The tree.** One deep branch: the search has trusted one program early. Many children of the root that were never
#    followed: few trials for so large a space.
# 6. **The kernel** beside the untuned program: what the winner does, as TVMScript.
# 7. **To make it again**: command, seed, versions, machine. A seed that wins by less than the interval is luck;
#    tutorial 08 is about that.

# %%
text = page.read_text("utf-8")
assert "<html" in text and "litecoop" in text
assert 'src="http' not in text and 'href="http' not in text  # nothing from outside
assert (WORK / "litecoop.sqlite").exists()

# The page can be made while a run goes on, in another process, and as often as you like.
assert main(["report", str(WORK), "-o", str(WORK / "copy.html")]) == 0
