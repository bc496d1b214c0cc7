"""Where the seconds of the searches went: building, running, waiting for models, and the search itself."""

from __future__ import annotations

from statistics import mean

from litecoop_bench.grid import Grid, Rows

PARTS = ("build", "run", "model", "search")


def render(grid: Grid, rows: Rows) -> str:
    """A Markdown table: means over the cells of an arm, and the range of what the search took.

    Args:
        grid: The benchmark.
        rows: (workload, arm, seed) -> outcome with `seconds`.
    """
    lines = [
        "Shares of the time of a search, without what comes after it; the search itself is all that is neither "
        "building nor running, nor waiting for a model:",
        "",
        "| arm | building | running | models | search | from, to |",
        "| --- " * 6 + "|",
    ]
    for arm in grid.arms:
        runs = [row["seconds"] for (_, one, _), row in rows.items() if one == arm and row.get("seconds", {}).get("run")]
        if not runs:
            continue
        whole = [sum(seconds[part] for part in PARTS) for seconds in runs]
        shares = {part: [seconds[part] / all_s for seconds, all_s in zip(runs, whole, strict=True)] for part in PARTS}
        search = shares["search"]
        columns = [*(f"{mean(shares[part]):.0%}" for part in PARTS), f"{min(search):.1%}, {max(search):.1%}"]
        lines.append(f"| {' | '.join([arm, *columns])} |")
    return "\n".join(lines) if len(lines) > 4 else ""
