"""An HTTP server with *simulated* models that speaks the OpenAI chat-completions protocol.

`POST /v1/chat/completions` and `GET /v1/models`. It can answer only questions whose sheet it was given before
(`remember`); deterministic for (seed, model, text of the request).
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from litecoop_bench.simulated.answers import Sheet, write
from litecoop_bench.simulated.models import Simulated
from tvm_litecoop import seeds

KEPT_SHEETS = 4096
CHARS_PER_TOKEN = 4


class Server(ThreadingHTTPServer):
    """The server; a context manager that serves while it is open.

    Args:
        models: Which models it has, by their label.
        seed: All chance of their answers comes from it.
    """

    daemon_threads = True

    def __init__(self, models: Sequence[Simulated], seed: int = 1) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models = {model.label: model for model in models}
        self.seed = seed
        self._sheets: OrderedDict[tuple[str, str], Sheet] = OrderedDict()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """For `base_url`."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def remember(self, label: str, text: str, sheet: Sheet) -> None:
        """What that model could say to a user's text; the oldest are forgotten."""
        with self._lock:
            self._sheets[label, text] = sheet
            while len(self._sheets) > KEPT_SHEETS:
                self._sheets.popitem(last=False)

    def complete(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The completion of a request, after the time it takes; None where the model is unknown."""
        model = self.models.get(request["model"])
        if model is None:
            return None
        texts = [str(message["content"]) for message in request["messages"]]
        with self._lock:
            sheet = self._sheets.get((model.label, texts[-1]))
        rng = seeds.rng(self.seed, "answer", model.label, *texts)
        text = write(model, sheet, _members(request) or list(self.models), rng) if sheet else "simulated: never seen"
        time.sleep(model.latency_s)
        return _completion(model, text, sum(map(len, texts)))

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "simulated"
    disable_nagle_algorithm = True  # else 40 ms go by between head and body
    server: Server

    def do_GET(self) -> None:
        known = [{"id": label, "object": "model", "owned_by": "simulated"} for label in self.server.models]
        self._send(200, {"object": "list", "data": known}) if self.path == "/v1/models" else self._refuse(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path != "/v1/chat/completions":
            return self._refuse(404)
        try:
            found = self.server.complete(json.loads(body))
        except (ValueError, KeyError, TypeError, IndexError):
            return self._refuse(400)
        return self._send(200, found) if found else self._refuse(404)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def _refuse(self, status: int) -> None:
        self._send(status, {"error": {"message": "no such page, model or request", "type": "simulated"}})

    def _send(self, status: int, found: dict[str, Any]) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _members(request: dict[str, Any]) -> list[str]:
    """Who may be named next, as the JSON schema of the request has it."""
    try:
        schema = request["response_format"]["json_schema"]["schema"]
        return list(schema["properties"]["next"].get("enum") or [schema["properties"]["next"]["const"]])
    except (KeyError, TypeError):
        return []


def _completion(model: Simulated, text: str, chars: int) -> dict[str, Any]:
    tokens_in, tokens_out = chars // CHARS_PER_TOKEN, len(text) // CHARS_PER_TOKEN + model.thinking
    message = {"role": "assistant", "content": text}
    return {
        "id": "simulated",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.label,
        "system_fingerprint": "simulated",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "completion_tokens_details": {"reasoning_tokens": model.thinking},
        },
    }
