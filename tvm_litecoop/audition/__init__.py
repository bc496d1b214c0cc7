"""What a member is worth before it is trusted with a run: recorded states, asked about and judged without hardware.

states.py   recorded programs and run times, as states of a tree
check.py    one round trip to a member
stage.py    every member on every state, and what its answers are worth
table.py    the result for people
"""
