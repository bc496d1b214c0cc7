"""What is shown when a run is over: searches side by side, members, what figures alone do not say."""

from __future__ import annotations

from rich.table import Table

from tvm_litecoop.tuning.outcome import Outcome, RunOutcome


def results(outcomes: list[Outcome]) -> Table:
    """The strategies side by side, as timed together at the end; the first row is what the others are compared with."""
    shown = plain("strategy", "trials", "failed", "kernel ms", "GFLOP/s", "speed", "untuned x", "tuning s", "correct")
    base = outcomes[0].seconds_per_run
    for outcome in outcomes:
        mine = outcome.seconds_per_run
        shown.add_row(
            outcome.strategy,
            trials(outcome),
            str(outcome.failed),
            f"{mine * 1e3:.4f}" if mine else "none",
            f"{outcome.gflops:.1f}" if outcome.gflops else "none",
            f"{base / mine:.2f}x" if base and mine and len(outcomes) > 1 else "",
            _times_untuned(outcome),
            f"{outcome.seconds.get('total', 0.0):.1f}",
            {True: "yes", False: "NO", None: f"unchecked: {outcome.unchecked}"}[outcome.correct],
        )
    return shown


def remarks(outcome: RunOutcome, wanted: int) -> list[str]:
    """What the figures alone do not say: why a run ended early, and of what its candidates failed."""
    said = []
    if outcome.trials < wanted and not outcome.interrupted and outcome.seconds:
        said.append(f"{outcome.strategy} ended after {outcome.trials} of {wanted} trials: it found nothing new to try")
    if outcome.failed:
        own = outcome.trials - outcome.carried
        said.append(f"{outcome.failed} of {own} candidates failed, the first: {outcome.first_failure}")
        said.append(f"TVM's log of the run is in {outcome.directory}/logs")
    return said


def trials(outcome: RunOutcome) -> str:
    """Those of this process, to which the seconds belong, and what it found there."""
    earlier = outcome.known + outcome.carried
    return f"{outcome.trials - outcome.carried}" + (f" + {earlier} earlier" if earlier else "")


def _times_untuned(outcome: Outcome) -> str:
    """How many times as fast as the untuned program, with the interval."""
    if outcome.speedup is None:
        return "untuned is best" if outcome.certificate else ""
    mean, low, high = outcome.speedup
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def members(outcome: RunOutcome) -> Table:
    """What each member of the pool cost and brought."""
    figures = ("calls", "given", "refused", "faults", "trials", "hits", "records", "tokens", "USD", "s")
    shown = plain("member", *figures)
    for name, stats in outcome.members.items():
        counted = {
            **stats,
            "given": stats["proposals"],
            "faults": _sum(stats["faults"]),
            "tokens": int(str(stats["tokens_in"])) + int(str(stats["tokens_out"])),
            "USD": money(float(str(stats["usd"])), float(str(stats["assumed_usd"]))),
            "s": f"{stats['seconds']:.1f}",
        }
        shown.add_row(name, *(str(counted[figure]) for figure in figures))
    return shown


def money(usd: float, assumed_usd: float) -> str:
    """What was paid, and what calls without an answer may have cost besides."""
    return f"{usd:.4f}" + (f" + {assumed_usd:.4f} assumed" if assumed_usd else "")


def model_time(outcome: RunOutcome) -> str:
    """How long models thought, and how much of that was hidden behind measurements."""
    hidden, waited = outcome.seconds["hidden"], outcome.seconds["model"]
    total = sum(float(str(stats["seconds"])) for stats in outcome.members.values())
    share = f" ({hidden / total:.0%})" if total else ""
    return f"calls to models took {total:.1f} s, {hidden:.1f} s{share} of it behind measurements; waited {waited:.1f} s"


def _sum(reasons: object) -> int:
    return sum(reasons.values()) if isinstance(reasons, dict) else 0


def plain(*columns: str) -> Table:
    """A plain table; the first column is a name, the others are figures."""
    shown = Table(box=None, pad_edge=False, padding=(0, 1))
    for number, column in enumerate(columns):
        shown.add_column(column, justify="right" if number else "left")
    return shown
