"""One tuning run from the command line: what is asked for, the run, its progress, and its outcome.

request.py    what is asked for
targets.py    the target a text names
threads.py    the threads kernels run on, set before TVM is loaded
workdir.py    the directory of a run and TVM's database in it
session.py    the run itself
recorder.py   what happens while it runs, trial by trial
progress.py   the display
interrupt.py  Ctrl-C
outcome.py    what came of it, and its JSON
check.py      is the tuned kernel right, and how fast is it really
"""
