"""*Simulated* language models behind a real HTTP server: for experiments on the search, never the default.

Their texts travel as those of a real provider do; what they say, how long they think and what they cost is made up
from the figures of a file. Every name of theirs ends in `(simulated)`; no result of theirs tells of a real model.

paper.toml  the eight members of the paper, every figure with its source
models.py   the figures of one model, and the file
answers.py  what a model of some skill says to a view
server.py   the OpenAI chat-completions protocol
members.py  pools of them
"""
