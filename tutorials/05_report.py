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
# A run to look at: a gated feed-forward layer, three matrix products, so that there is something to decide.

# %%
assert main(["tune", "mlp:16x32x64", "--trials", "16", "--work-dir", str(WORK), "--quiet"]) == 0
assert main(["report", str(WORK)]) == 0

page = WORK / "report.html"
print(f"open {page.resolve().as_uri()} in a browser")

# %% [markdown]
# ## What to look for
#
# 1. **Results.** Whether the winner computes what the untuned program does, and how many times as fast it is, with the
#    interval. An interval that reaches 1 means: no difference was shown.
# 2. **Progress.** Best latency over trials, and over seconds, with who proposed each improvement. Flat for the last
#    half of the trials: more of them would have bought little. Still falling at the end: give it more, the same command
#    takes the records over.
# 3. **Members.** What each cost and brought. Many calls and no hits: take it out of the pool. Many refused: its answers
#    cannot be used; `litecoop pool audition` says more.
# 4. **Where the time went.** A large share of model time that is not hidden behind measurements: that member is too
#    slow for this workload.
# 5. **The shared tree.** One deep branch: the search has trusted one program early. Many children of the root that were
#    never followed: few trials for so large a space. Each node has its author, edits and reason.
# 6. **The winner beside the untuned program**, as TVMScript, and the schedule between them.
# 7. **To make this run again.** Seed, settings, versions. One seed is one draw; tutorial 08 is about that.

# %%
text = page.read_text("utf-8")
assert all(part in text for part in ("Results", "Progress", "Members", "The shared tree", "To make this run again"))
assert 'src="http' not in text and 'href="http' not in text  # nothing from outside
assert (WORK / "litecoop.sqlite").exists()

# The page can be made while a run goes on, in another process, and as often as you like.
assert main(["report", str(WORK), "-o", str(WORK / "copy.html")]) == 0
