"""The wire under the openai SDK: which headers are sent, how long and large an answer may be, how many at a time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from functools import cache, partial
from importlib import import_module
from typing import Any

from tvm_litecoop.models.base import TIMEOUT, Fault

MAX_BYTES = 1 << 20
"""A longer answer is no answer to our question."""
LONGEST_WAIT_S = 5.0
"""A server that asks for more than this is not waited for within a call; its member is benched instead."""
SENT = frozenset(
    ("accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "user-agent")
)
"""Headers that leave the house, with the SDK's own `x-stainless-`; it would add all of OPENAI_CUSTOM_HEADERS."""
GATEWAY_TIMEOUTS = (504, 524)
"""Of a gateway, behind which the model may have answered: not to be asked again, as after any time-out."""
STALE_S = 5.0
"""A connection that the server had left long ago fails sooner; one that is lost later may have been worked for."""
NO_KEY = "none"
"""Stands for the key of a server that wants none, because the SDK wants one; it is not sent."""
_START, _FAULT = "litecoop_start", "litecoop_fault"


def http_client(timeout_s: float) -> Any:
    """A client for the SDK that follows no redirect, so that a prompt and a key go to one server only."""
    import openai

    hooks: dict[str, list[Any]] = {"request": [_depart], "response": [partial(_arrive, timeout_s)]}
    client: Any = openai.DefaultHttpxClient(timeout=timeout_s, follow_redirects=False, event_hooks=hooks)
    client.send = partial(_send, client.send)
    return client


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds the server wants to be left alone, said in any of the three ways the SDK obeys; 0 where it says none."""
    text = headers.get("retry-after", "")
    for given, unit_s in ((headers.get("retry-after-ms", ""), 1e-3), (text, 1.0)):
        try:
            return max(0.0, float(given) * unit_s)
        except ValueError:
            continue
    date = parsedate_tz(text)
    return max(0.0, mktime_tz(date) - time.time()) if date else 0.0


def fault_of(response: Any) -> Fault | None:
    """Why the body of a response was not read to its end; None where it was."""
    found: Fault | None = response.extensions.get(_FAULT)
    return found


def _send(send: Callable[..., Any], request: Any, **options: Any) -> Any:
    """A response; for a request that the server got and did not answer an empty one that notes the fault.

    The SDK would ask again, and whoever bills by the token may bill every time.
    """
    try:
        return send(request, **options)
    except Exception as error:  # httpx's, or those of the library that the SDK has in its place
        name, lasted_s = type(error).__name__, time.monotonic() - request.extensions.get(_START, math.inf)
        lost = name in ("ReadError", "RemoteProtocolError") and lasted_s > STALE_S
        if not lost and name not in ("ReadTimeout", "WriteTimeout"):
            raise
        library = import_module(type(request).__module__.partition(".")[0])
        fault = Fault(TIMEOUT, "the connection was lost" if lost else "no answer in time", of_server=lost)
        return library.Response(200, request=request, extensions={_FAULT: fault})


def _depart(request: Any) -> None:
    for name in [name for name in request.headers if name not in SENT and not name.startswith("x-stainless-")]:
        del request.headers[name]
    if request.headers.get("authorization") == f"Bearer {NO_KEY}":
        del request.headers["authorization"]
    request.extensions[_START] = time.monotonic()


def _arrive(timeout_s: float, response: Any) -> None:
    """Read the body here, answers and errors alike: the SDK would read a byte an hour, and any number of them.

    What is too long or takes too long is left out and noted (`fault_of`); a fault raised here would be retried.
    """
    fault = _read(response, response.request.extensions[_START] + timeout_s)
    if fault is not None:
        response.extensions[_FAULT] = fault
        response._content = b""
        response.close()
    answered_maybe = response.status_code in GATEWAY_TIMEOUTS
    if fault is not None or answered_maybe or retry_after(response.headers) > LONGEST_WAIT_S:
        response.headers["x-should-retry"] = "false"


def _read(response: Any, deadline: float) -> Fault | None:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            return Fault("broken answer", f"more than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            return Fault(TIMEOUT, "the answer did not end in time")
    response._content = b"".join(chunks)  # as its own read() does
    return None


class Gate:
    """Lets so many calls at a time through to one server; each caller brings its own limit."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = self._failures = 0

    @contextmanager
    def passed(self, limit: int) -> Iterator[bool]:
        """Wait until fewer than `limit` are inside, then be one of them; whether the server failed meanwhile."""
        with self._changed:
            failures = self._failures
            self._changed.wait_for(lambda: self._inside < limit)
            self._inside += 1
            overtaken = self._failures > failures
        try:
            yield overtaken
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def failed(self) -> None:
        """The server is down or busy: calls that wait here are not to be sent after it."""
        with self._changed:
            self._failures += 1


@cache
def gate(base_url: str) -> Gate:
    """One gate for all members at the same server."""
    return Gate()
