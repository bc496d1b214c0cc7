"""A small real HTTP server on 127.0.0.1 that does to a client whatever a test has scripted."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request: its number from 0, headers by lower-case name, body."""

    number: int
    headers: dict[str, str]
    body: dict[str, Any]


Deed = Callable[["Handler", Asked], None]
"""What the server does with one request."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Loopback

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length))
        asked = self.server.note({name.lower(): value for name, value in self.headers.items()}, body)
        self.server.deed_for(asked)(self, asked)

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int | None = None) -> None:
        self.send_response(status)
        headers = {"content-type": "application/json", **(headers or {})}
        for name, value in {**headers, "content-length": str(len(body) if length is None else length)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Loopback(ThreadingHTTPServer):
    """The server; the n-th request meets the n-th deed, the last deed is done again and again."""

    def __init__(self, *deeds: Deed) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[Asked] = []
        self.most_at_once = 0  # of the requests that wait in `says`
        self._deeds, self._now, self._lock = deeds, 0, threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def note(self, headers: dict[str, str], body: dict[str, Any]) -> Asked:
        with self._lock:
            self.asked.append(Asked(len(self.asked), headers, body))
            return self.asked[-1]

    def deed_for(self, asked: Asked) -> Deed:
        return self._deeds[min(asked.number, len(self._deeds) - 1)]

    def inside(self) -> _Inside:
        return _Inside(self)

    def count(self, change: int) -> None:
        with self._lock:
            self._now += change
            self.most_at_once = max(self.most_at_once, self._now)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # clients that hang up are part of the play
            super().handle_error(request, client_address)

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


@dataclass
class _Inside:
    server: Loopback = field(repr=False)

    def __enter__(self) -> None:
        self.server.count(1)

    def __exit__(self, *error: object) -> None:
        self.server.count(-1)


# ---- deeds ---------------------------------------------------------------------------------------------------------


def completion(text: str | None, tokens: tuple[int, int] = (100, 20)) -> bytes:
    """The body of a chat completion."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def answer(*alternatives: list[str], next: str = "walker", reason: str = "try") -> str:
    """What a model writes."""
    return json.dumps({"reason": reason, "alternatives": list(alternatives), "next": next})


def says(text: str | None, tokens: tuple[int, int] = (100, 20), after_s: float = 0.0) -> Deed:
    def deed(handler: Handler, asked: Asked) -> None:
        with handler.server.inside():
            time.sleep(after_s)
        handler.send(200, completion(text, tokens))

    return deed


def helps(handler: Handler, asked: Asked) -> None:
    """A new usable proposal with each request."""
    handler.send(200, completion(answer([f"d{asked.number % 3}={asked.number // 3 % 3}"])))


def fails(status: int, message: str = "no", **headers: str) -> Deed:
    body = json.dumps({"error": {"message": message, "type": "x", "code": None}}).encode()
    return lambda handler, asked: handler.send(status, body, {n.replace("_", "-"): v for n, v in headers.items()})


def sends(body: bytes) -> Deed:
    return lambda handler, asked: handler.send(200, body)


def hangs_up(handler: Handler, asked: Asked) -> None:
    """Half of the body, then nothing."""
    body = completion(answer(["d0=0"]))
    handler.send(200, body[:40], length=len(body))
    handler.hang_up()


def drip(handler: Handler) -> None:
    """A byte a second."""
    for _ in range(100):
        time.sleep(1.0)
        handler.wfile.write(b" ")


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
