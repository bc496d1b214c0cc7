"""A language model as a member: a view becomes a prompt, what comes back becomes proposals. Owns no transport."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tvm_litecoop.models.base import NOT_SENT, Answer, Call, Fault, Profile, Usage
from tvm_litecoop.models.replies import Recent, Replies, Reply
from tvm_litecoop.proposal.menu import Menu
from tvm_litecoop.proposal.parse import parse
from tvm_litecoop.proposal.prompt import Prompt, render
from tvm_litecoop.proposal.schema import Form, form_of
from tvm_litecoop.values import Proposal, Rejection
from tvm_litecoop.view import View

NOTHING = Reply(())
"""No text, and no tokens for it."""


class ChatError(Exception):
    """A chat that gave no answer; becomes a `Fault` of the member.

    Args:
        fault: Why.
        spent: Tokens that it cost all the same, and seconds where the chat knows them better than who waits for it.
    """

    def __init__(self, fault: Fault, spent: Reply = NOTHING) -> None:
        super().__init__(f"{fault.kind}: {fault.detail}")
        self.fault, self.spent = fault, spent


@dataclass(frozen=True)
class Question:
    """What a chat is asked.

    Attributes:
        prompt: The text.
        menu: What may be edited.
        members: Who may be named to act next.
        k: Alternatives at most.
        seed: For sampling, where the model takes one.
    """

    prompt: Prompt
    menu: Menu
    members: tuple[str, ...]
    k: int
    seed: int

    def form(self) -> type[Form]:
        """The form an answer must have, as a pydantic model, from which a schema is made; edits follow a pattern."""
        return form_of(self.menu, self.members, self.k)


class Chat(Protocol):
    """A way to reach a language model."""

    @property
    def sampling(self) -> str:
        """Everything that changes what it says to the same question: model, temperature, length."""
        ...

    def complete(self, question: Question) -> Reply:
        """Ask once.

        Raises:
            ChatError: There is no answer.
        """
        ...


class LanguageModel:
    """A member that thinks in text.

    Args:
        profile: What is known of it.
        chat: How it is reached.
    """

    def __init__(self, profile: Profile, chat: Chat) -> None:
        self._profile = profile
        self._chat = chat
        self._recent = Recent()

    @property
    def profile(self) -> Profile:
        """What is known of it."""
        return self._profile

    def __repr__(self) -> str:
        return f"LanguageModel({self._profile.name!r})"

    def ask(self, view: View, k: int, seed: int) -> Call:
        """Render the view now; the call asks the model, unless this very question was answered before."""
        menu = Menu.of(view)
        members = tuple(one.name for one in view.colleagues)
        question = Question(render(view, menu, k), menu, members, k, seed)
        return lambda: self._answer(question)

    def remember(self, replies: Replies | None) -> None:
        """Look for answers there too and keep them there; None for here alone."""
        self._recent.beyond = replies

    def _answer(self, question: Question) -> Answer:
        key, start = self._key(question), time.perf_counter()
        known = self._recent.known(key)
        if known is not None:
            return Answer(self._read(question, known), cached=True)
        try:
            reply = self._chat.complete(question)
        except ChatError as error:
            passed_s = 0.0 if error.fault.kind == NOT_SENT else time.perf_counter() - start
            return Answer((), self._usage(error.spent, passed_s), error.fault)
        usage = self._usage(reply, time.perf_counter() - start)
        self._recent.keep(key, self._profile.name, replace(reply, seconds=usage.seconds))
        return Answer(self._read(question, reply), usage)

    def _read(self, question: Question, reply: Reply) -> tuple[Proposal | Rejection, ...]:
        found = [
            proposal
            for number, text in enumerate(reply.texts)
            for proposal in parse(text, question.menu, question.k, question.seed + number)
        ]
        return tuple(_distinct(found))

    def _usage(self, reply: Reply, passed_s: float) -> Usage:
        """What it cost; its seconds are those that passed where the chat does not say."""
        price_in, price_out = self._profile.usd_per_mtok
        usd = (reply.tokens_in * price_in + reply.tokens_out * price_out) / 1e6
        return Usage(reply.tokens_in, reply.tokens_out, usd, reply.seconds or passed_s)

    def _key(self, question: Question) -> str:
        prompt, schema = question.prompt, [question.k, question.members, repr(question.menu)]
        text = json.dumps([self._profile.name, self._chat.sampling, prompt.system, prompt.user, *schema])
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _distinct(found: Sequence[Proposal | Rejection]) -> list[Proposal | Rejection]:
    """The same proposal said twice in one answer is said once."""
    kept: list[Proposal | Rejection] = []
    for one in found:
        if isinstance(one, Rejection) or one not in kept:
            kept.append(one)
    return kept
