"""Raw answers of language models by question, so that what was paid for is not paid for twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

KEPT = 4096
"""Answers in memory; older ones are asked for again, or found in the journal."""


@dataclass(frozen=True)
class Reply:
    """What a chat says: one text or several samples, and the tokens that its server counted.

    Attributes:
        texts: One text, or several samples.
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        seconds: Model time, where the chat knows it better than who waits for it; else 0. The same words are the same
            reply, however long they took.
    """

    texts: tuple[str, ...]
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = field(default=0.0, compare=False)


class Replies(Protocol):
    """A place where answers are kept; any thread may use it, and it never raises."""

    def known(self, key: str) -> Reply | None:
        """What was answered to the question with that hash; None where nothing was."""
        ...

    def keep(self, key: str, member: str, reply: Reply) -> None:
        """An answer is there."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A member whose answers can be kept elsewhere too."""

    def remember(self, replies: Replies | None) -> None:
        """Look for answers there and keep them there; None for no longer."""
        ...


class Recent:
    """The newest answers, in memory; `beyond` is asked for what is not among them."""

    def __init__(self) -> None:
        self.beyond: Replies | None = None
        self._lock = threading.Lock()
        self._replies: OrderedDict[str, Reply] = OrderedDict()

    def known(self, key: str) -> Reply | None:
        """What was answered; None where nothing was."""
        with self._lock:
            found = self._replies.get(key)
        return found or (self.beyond.known(key) if self.beyond is not None else None)

    def keep(self, key: str, member: str, reply: Reply) -> None:
        """An answer is there."""
        with self._lock:
            self._replies[key] = reply
            while len(self._replies) > KEPT:
                self._replies.popitem(last=False)
        if self.beyond is not None:
            self.beyond.keep(key, member, reply)
