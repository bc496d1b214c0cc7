"""Remote members: the openai SDK against any OpenAI-compatible endpoint (OpenAI, vLLM, llama.cpp, Ollama, ...).

The key is read from the environment variable that the pool file names, sent to that member's own base_url, and
appears nowhere else: not in errors, logs or reprs.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tvm_litecoop.models.base import Fault, Profile
from tvm_litecoop.models.llm import ChatError, LanguageModel, Question, Reply
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.proposal.schema import json_schema

OPENAI = "https://api.openai.com/v1"
RETRIES = 2
"""Times the SDK asks again after 429, 5xx or a lost connection, with backoff and `Retry-After`."""
MAX_BYTES = 1 << 20
"""A longer answer is no answer to our question."""
FORMS = ("json_schema", "json_object", "text")
"""Ways to ask for structured output, best first; a server that refuses one is asked the next way from then on."""


@dataclass(frozen=True)
class Endpoint:
    """Which model where, and how it is sampled.

    Attributes:
        model: Its name on the server.
        base_url: Of the server, up to `/v1`.
        api_key_env: Environment variable with the key; empty for a server that wants none.
        timeout_s: Seconds one attempt may take in all.
        concurrency: Calls to this base_url at a time, all members together.
        max_tokens: Tokens of an answer at most.
        temperature: None for the server's own default, which some models insist on.
        extra: More fields of the request, as they are.
    """

    model: str
    base_url: str = OPENAI
    api_key_env: str = ""
    timeout_s: float = 60.0
    concurrency: int = 4
    max_tokens: int = 1024
    temperature: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def member(settings: MemberSettings) -> LanguageModel:
    """The provider `openai`: a member from one table of the pool file."""
    endpoint = Endpoint(
        model=settings.model or settings.name,
        base_url=settings.base_url or OPENAI,
        api_key_env=settings.api_key_env,
        timeout_s=settings.timeout_s,
        concurrency=settings.concurrency,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        extra=settings.extra,
    )
    profile = Profile(settings.name, settings.params, settings.usd_per_mtok, background=True)
    return LanguageModel(profile, OpenAIChat(endpoint), directed=settings.directed)


class OpenAIChat:
    """Chat completions of one model at one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._gate = _gate(endpoint.base_url, endpoint.concurrency)
        self._lock = threading.Lock()
        self._form = 0  # index into FORMS
        self._client: Any = None

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
        import openai

        with self._gate:
            while True:
                form = self._form
                try:
                    return _read(self._post(question, FORMS[form]))
                except ChatError:
                    raise
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    if form + 1 == len(FORMS):
                        raise ChatError(Fault("refused request", self._clean(error))) from None
                    with self._lock:
                        self._form = max(self._form, form + 1)
                except openai.OpenAIError as error:
                    raise ChatError(self._fault(error)) from None
                except ValueError as error:  # JSON that is none
                    raise ChatError(Fault("broken answer", self._clean(error))) from None
                except Exception as error:  # the transport's own errors while a body is read, of whatever library
                    raise ChatError(Fault("connection", self._clean(error))) from None

    def _post(self, question: Question, form: str) -> bytes:
        """The body of the answer, read with a deadline for the whole of it and a limit to its length."""
        e = self._endpoint
        deadline = time.monotonic() + e.timeout_s
        body: dict[str, Any] = {
            "model": e.model,
            "messages": [
                {"role": "system", "content": question.prompt.system},
                {"role": "user", "content": question.prompt.user},
            ],
            "max_tokens": e.max_tokens,
            **({} if e.temperature is None else {"temperature": e.temperature}),
            **_response_format(question, form),
        }
        answers = self._sdk().chat.completions.with_streaming_response
        with answers.create(**body, extra_body=dict(e.extra) or None) as response:
            chunks, size = [], 0
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BYTES:
                    raise ChatError(Fault("broken answer", f"more than {MAX_BYTES} bytes"))
                if time.monotonic() > deadline:
                    raise ChatError(Fault("timeout", f"no whole answer within {e.timeout_s:g} s"))
        return b"".join(chunks)

    def _sdk(self) -> Any:
        """The client, made on first use: importing the SDK takes a second."""
        import openai

        with self._lock:
            if self._client is None:
                self._client = openai.OpenAI(
                    api_key=self._key() or "none",
                    base_url=self._endpoint.base_url,
                    timeout=self._endpoint.timeout_s,
                    max_retries=RETRIES,
                )
                # what the user's environment says of OpenAI is not meant for this server
                self._client.organization = self._client.project = None
            return self._client

    def _key(self) -> str:
        """The key from the environment.

        Raises:
            ChatError: The variable is not set.
        """
        name = self._endpoint.api_key_env
        if name and not os.environ.get(name):
            raise ChatError(Fault("missing key", f"set the environment variable {name}", lasting=True))
        return os.environ.get(name, "") if name else ""

    def _fault(self, error: Any) -> Fault:
        import openai

        detail = self._clean(error)
        if isinstance(error, (openai.AuthenticationError, openai.PermissionDeniedError)):
            return Fault("wrong key", detail, lasting=True)
        if isinstance(error, openai.NotFoundError):
            return Fault("unknown model", detail, lasting=True)
        if isinstance(error, openai.RateLimitError):
            return Fault("rate limit", detail, "insufficient_quota" in str(error), _retry_after(error.response.headers))
        if isinstance(error, openai.APITimeoutError):
            return Fault("timeout", detail)
        if isinstance(error, openai.APIStatusError):
            return Fault("server error", detail, retry_after_s=_retry_after(error.response.headers))
        return Fault("connection", detail)

    def _clean(self, error: object) -> str:
        """One line without the key: servers like to quote it."""
        text = " ".join(str(error).split()) or type(error).__name__
        key = os.environ.get(self._endpoint.api_key_env, "") if self._endpoint.api_key_env else ""
        return (text.replace(key, "***") if key else text)[:200]


def _response_format(question: Question, form: str) -> dict[str, Any]:
    if form == "text":
        return {}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    schema = {"name": "answer", "strict": True, "schema": json_schema(question.form())}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _read(body: bytes) -> Reply:
    """Text and usage of a chat completion.

    Raises:
        ValueError: It is none.
    """
    try:
        found = json.loads(body)
        text = found["choices"][0]["message"].get("content") or ""
        usage = found.get("usage") or {}
        return Reply((str(text),), int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"no chat completion: {type(error).__name__}: {error}") from None


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds the server wants to be left alone; 0 where it does not say so in seconds."""
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


@lru_cache(maxsize=64)
def _gate(base_url: str, concurrency: int) -> threading.Semaphore:
    """One gate for all members at the same server."""
    return threading.Semaphore(concurrency)
