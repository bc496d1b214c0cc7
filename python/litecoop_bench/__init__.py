"""Honest comparisons of searches: arms interleaved in one run, several seeds, ratios with intervals.

run.py         START HERE: cells in order, finished ones skipped, then everything together
grid.py        which cells a benchmark has; grids/ has the ones that come with the package
arms.py        the searches that are compared
cell.py        one cell: one search on one workload with one seed; droplet.py goes on where the arm says so
process.py     a job in a process of its own
results.py     the finished cells on disk; provenance.py what they were run with; pace.py how long the rest takes
retime.py      the kernels of all cells, checked and timed together at the end, with library.py in turns
report.py      what is left: table.py, reach.py and money.py as text; figures.py draws series.py; page.py
clock.py       the times of the runs made comparable, for reach.py and series.py

The other files are experiments of their own, each `python -m litecoop_bench.NAME`; models/ has networks in plain torch,
simulated/ language models that are none.
"""
