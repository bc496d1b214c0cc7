"""One tuning run from the command line: what is asked for, the run, its progress, and its outcome.

request.py       what is asked for
targets.py       the target a text names
threads.py       the threads kernels run on, set before TVM is loaded
workdir.py       the directory of a run and TVM's database in it
mend.py          that database, opened with care
session.py       the run of one kernel
drive.py         what the runs of kernels and models have in common: strategy, tools, Ctrl-C, seconds
status.py        how a run stands, task by task
lessons.py       the update of TVM's cost model, beside the next builds
recorder.py      keeps the status, batch by batch
progress.py      the display
dashboard.py     its parts on a terminal
interrupt.py     Ctrl-C
outcome.py       what came of it, and its JSON
certified.py     the records of a run, certified
check.py         is the tuned kernel right, and how fast is it really
tables.py        what is shown at the end

Of a whole model:

arithmetic.py    whether it uses fast math
tasks.py         its kernels, and which are worth their trials
task_times.py    their untuned times, kept for a resumed run
lowering.py      fused into kernels, and compiled with the best of them
model_session.py the run
yardstick.py     the untuned model and the right outputs, asked for before the run
model_check.py   certified records alone are compiled; outputs compared, timed in turns
end_to_end.py    calling, comparing and timing compiled models
artifact.py      the file of a compiled model
model_outcome.py what came of it, and its JSON
model_tables.py  what is shown
"""
