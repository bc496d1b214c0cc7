"""Remote members: the openai SDK against any OpenAI-compatible endpoint (OpenAI, vLLM, llama.cpp, Ollama, ...).

The key is read from the environment variable that the pool file names, sent to that member's own base_url, and
appears nowhere else: not in errors, logs or reprs.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tvm_litecoop.models import completion, wire
from tvm_litecoop.models.base import NOT_SENT, TIMEOUT, Fault, Profile
from tvm_litecoop.models.llm import ChatError, LanguageModel, Question
from tvm_litecoop.models.replies import Reply
from tvm_litecoop.models.settings import MemberSettings

logger = logging.getLogger(__name__)

SLOW_S = 10.0
"""Seconds to expect of the first call to a server that computes on the tuned CPU."""
OPENAI = "https://api.openai.com/v1"
RETRIES = 2
"""Times the SDK asks again after 429, 5xx or a lost connection, with backoff and `Retry-After`. None for a server on
the tuned CPU: it may go on with the question that was given up."""
FORMS = ("json_schema", "json_object", "text")
"""Ways to ask for structured output, best first; a server that takes only a later one is asked so from then on."""
OTHER_LIMIT = "max_completion_tokens"
SECRET = 8
"""Characters of a key that is one. A server that wants any key gets `x`, which answers are full of."""
LOOKED_THROUGH = 1000
"""Characters of an error that are looked through for parts of a key; the first 200 that are left are shown."""
RATE_LIMIT = "rate limit"
PASSING = (TIMEOUT, RATE_LIMIT)
"""Kinds of faults of a server that is busy."""


@dataclass(frozen=True)
class Endpoint:
    """Which model where, and how it is sampled.

    Attributes:
        model: Its name on the server.
        base_url: Of the server, up to `/v1`.
        api_key_env: Environment variable with the key; empty for a server that wants none.
        timeout_s: Seconds until an attempt is given up: without a byte, or with an answer that has not ended.
        retries: Attempts after the first.
        concurrency: Calls to this base_url at a time, all members together.
        max_tokens: Tokens of an answer at most.
        temperature: None for the server's own default, which some models insist on.
        extra: More fields of the request, as they are.
    """

    model: str
    base_url: str = OPENAI
    api_key_env: str = ""
    timeout_s: float = 60.0
    retries: int = RETRIES
    concurrency: int = 4
    max_tokens: int = 1024
    temperature: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def member(settings: MemberSettings) -> LanguageModel:
    """The provider `openai`: a member from one table of the pool file."""
    endpoint = Endpoint(
        model=settings.model or settings.name,
        base_url=(settings.base_url or OPENAI).rstrip("/"),
        api_key_env=settings.api_key_env,
        timeout_s=settings.timeout_s,
        retries=RETRIES if settings.background else 0,
        concurrency=settings.concurrency,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        extra=settings.extra,
    )
    profile = Profile(
        settings.name,
        settings.params,
        settings.usd_per_mtok,
        background=settings.background,
        slow_s=SLOW_S,
        endpoint=endpoint.base_url,
    )
    return LanguageModel(profile, OpenAIChat(endpoint))


class _Refused(Exception):
    """The server did not like the request; one line that says why."""


class OpenAIChat:
    """Chat completions of one model at one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._gate = wire.gate(endpoint.base_url)
        self._lock = threading.Lock()
        self._form = FORMS[0]
        self._limit = "max_tokens"  # OpenAI's reasoning models insist on another name, which other servers do not know
        self._one_turn = False
        self._told = False  # that answers are cut off
        self._client: Any = None
        self._sent = ""  # the key; the variable may hold another one by now

    @property
    def sampling(self) -> str:
        """Model, server, temperature, length."""
        e = self._endpoint
        return json.dumps([e.base_url, e.model, e.temperature, e.max_tokens, sorted(e.extra.items())], default=str)

    def complete(self, question: Question) -> Reply:
        """Ask once; the SDK retries what may pass.

        Raises:
            ChatError: With the kind of fault; its text never holds the key.
        """
        with self._gate.passed(self._endpoint.concurrency) as overtaken:
            if overtaken:
                raise ChatError(Fault(NOT_SENT, "its server failed while this call waited for its turn"))
            start = time.perf_counter()  # behind the gate: who waited there cost nobody's time
            try:
                return replace(self._answer(question), seconds=time.perf_counter() - start)
            except ChatError as error:
                if error.fault.of_server or error.fault.kind in PASSING:
                    self._gate.failed()
                raise ChatError(error.fault, replace(error.spent, seconds=time.perf_counter() - start)) from None

    def _answer(self, question: Question) -> Reply:
        """Ask in one form after the other until the server takes one."""
        refused, one_turn = "", self._one_turn
        for form in FORMS[FORMS.index(self._form) :]:
            try:
                reply = self._ask(question, form, one_turn)
            except _Refused as error:
                refused = str(error)
                continue
            self._form = form  # only now: a refusal may have other reasons than the form
            return replace(reply, texts=tuple(map(self._without_key, reply.texts)))
        if "system" in refused.lower() and not one_turn:  # a server whose model knows none, as Gemma
            self._one_turn = True
            return self._answer(question)
        raise ChatError(Fault("refused request", refused))

    def _ask(self, question: Question, form: str, one_turn: bool) -> Reply:
        """Ask in one form; whatever goes wrong is a `ChatError`, or `_Refused` where another form may help."""
        import openai

        e = self._endpoint
        try:
            reply, cut_off = completion.read(self._post(question, form, one_turn), question)
            if cut_off and not self._told:
                self._told = True
                logger.warning("an answer of %s was cut off: raise its max_tokens, %d", e.model, e.max_tokens)
            return reply
        except ChatError:
            raise
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            raise _Refused(self._clean(error)) from None
        except openai.OpenAIError as error:
            raise ChatError(self._fault(error)) from None
        except completion.Told as error:
            raise ChatError(self._refusal(error.status, error, {}), error.spent) from None
        except completion.Broken as error:
            raise ChatError(Fault("broken answer", self._clean(error)), error.spent) from None
        except Exception as error:  # the transport's own errors, of whatever library
            raise ChatError(Fault("connection", self._clean(error), of_server=True)) from None

    def _post(self, question: Question, form: str, one_turn: bool) -> bytes:
        """The body of the answer."""
        import openai

        e = self._endpoint
        body: dict[str, Any] = {
            "model": e.model,
            "messages": completion.turns(question.prompt, one_turn),
            **({} if e.temperature is None else {"temperature": e.temperature}),
            **completion.response_format(question, form),
        }
        create = self._sdk().chat.completions.with_raw_response.create
        limit = self._limit  # another call may learn the other name meanwhile
        try:
            answer = create(**body, extra_body={limit: e.max_tokens, **e.extra})
        except openai.BadRequestError as error:
            if limit == OTHER_LIMIT or OTHER_LIMIT not in str(error):
                raise
            self._limit = OTHER_LIMIT
            answer = create(**body, extra_body={self._limit: e.max_tokens, **e.extra})
        if fault := wire.fault_of(answer.http_response):
            raise ChatError(fault)
        content: bytes = answer.http_response.content
        return content

    def _sdk(self) -> Any:
        """The client, made on first use: importing the SDK takes a second."""
        import openai

        with self._lock:
            if self._client is None:
                self._sent = self._key()
                key, http = self._sent or wire.NO_KEY, wire.http_client(self._endpoint.timeout_s)
                weakref.finalize(self, http.close)
                self._client = openai.OpenAI(
                    api_key=key,
                    default_headers={"Authorization": f"Bearer {key}"},  # or OPENAI_CUSTOM_HEADERS could replace it
                    base_url=self._endpoint.base_url,
                    timeout=self._endpoint.timeout_s,
                    max_retries=self._endpoint.retries,
                    http_client=http,
                )
            return self._client

    def _key(self) -> str:
        """The key from the environment.

        Raises:
            ChatError: The variable is not set.
        """
        name, key = self._endpoint.api_key_env, self._secret()
        if name and not key:
            raise ChatError(Fault("missing key", f"set the environment variable {name}", lasting=True))
        if not (key.isascii() and key.isprintable()):
            raise ChatError(Fault("wrong key", f"{name} holds what no key can hold", lasting=True))
        return key

    def _secret(self) -> str:
        """The key, or nothing; a line break at its end comes with keys kept in files."""
        return os.environ.get(self._endpoint.api_key_env, "").strip() if self._endpoint.api_key_env else ""

    def _fault(self, error: Any) -> Fault:
        import openai

        if isinstance(error, openai.APIStatusError):
            return self._refusal(error.status_code, error, error.response.headers)
        return Fault("connection", self._clean(error), of_server=True)

    def _refusal(self, status: int, error: Exception, headers: Mapping[str, str]) -> Fault:
        """What a status of HTTP says of a member, or of its server."""
        detail, wait_s = self._clean(error), wire.retry_after(headers)
        if status in (401, 403):
            return Fault("wrong key", detail, lasting=True)
        if status == 402:
            return Fault("no money", detail, lasting=True)
        if status in (404, 405) or 300 <= status < 400:
            where = "check `model`, and that `base_url` ends where the server's API begins, mostly in /v1"
            return Fault("not found", f"{where}: {detail}", lasting=True)
        if status == 429:
            return Fault(RATE_LIMIT, detail, "insufficient_quota" in str(error), wait_s)
        if status in wire.GATEWAY_TIMEOUTS:
            return Fault(TIMEOUT, detail, retry_after_s=wait_s, of_server=True)
        return Fault("server error", detail, retry_after_s=wait_s, of_server=status >= 500)

    def _clean(self, error: object) -> str:
        """One line without the key: servers like to quote it, and parts of it."""
        text = self._without_key(" ".join(str(error).split()) or type(error).__name__)[:LOOKED_THROUGH]
        for key in {self._sent, self._secret()} - {""}:
            text = _without_parts(text, key.lower())
        return text[:200]

    def _without_key(self, text: str) -> str:
        for key in (self._sent, self._secret()):
            text = text.replace(key, "***") if len(key) >= SECRET else text
        return text


def _without_parts(text: str, secret: str) -> str:
    """A text without what it has in common with a secret: `SECRET` characters of it in a row, and more."""
    shown, at = "", 0
    while at < len(text):
        length = SECRET
        while at + length <= len(text) and text[at : at + length].lower() in secret:
            length += 1
        hidden = length > SECRET
        shown += "***" if hidden else text[at]
        at += length - 1 if hidden else 1
    return shown
