"""Honest comparisons of searches: arms interleaved in one run, several seeds, ratios with intervals.

grid.py     which cells a benchmark has
cell.py     one cell: one search on one workload with one seed, in a process of its own
retime.py   the kernels of all cells, checked and timed together at the end
stats.py    geometric means and bootstrap intervals
table.py    the result as text
run.py      the whole: cells in order, finished ones skipped
end_to_end.py  whole models by both searches
models/     the networks, in plain torch
"""
