"""Which kernels of a work directory are right, and faster than doing nothing. For any MetaSchedule JSON database.

records.py      what the database holds, line by line, whatever wrote it
program.py      what a program takes and gives, and what is known of its arithmetic
inputs.py       the inputs it is tried on
equality.py     what counts as equal: tolerance, NaN, infinities
kernels.py      replay, build, run, and time in turns
compare.py      how far a kernel's results are off
judge.py        the work on one record, in a process of its own
examiner.py     that process: its time limits, crashes and hangs
verify.py       record by record until one is certified, down to the untuned program
certificate.py  what was found
store.py        `certificate.json`
note.py         the same, noted in the journal
winner.py       the record to use, and on what grounds
aside.py        rejected records out of the database, into `rejected.json`
eject.py        the winner as plain TVM Python
template.py     the text of that file
table.py        what is shown

The reference and the default are the same program on a CPU: without a record TVM's `compile_tir` finds nothing and
`MetaScheduleApplyDatabase` leaves a function as it is, so what a user gets is the untuned program, built.
"""
