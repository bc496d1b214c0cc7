"""A loaded transformers model that samples answers, each held to its form by a grammar. Owns the decoding loop."""

from __future__ import annotations

import copy
import inspect
import threading
import time
from typing import Any

from tvm_litecoop import seeds
from tvm_litecoop.models.base import Fault
from tvm_litecoop.models.llm import ChatError, Question
from tvm_litecoop.models.replies import Reply
from tvm_litecoop.proposal.prompt import Prompt

BLOCK = 128
"""Tokens of a prompt that are computed at once."""
COMPACT: Any = {"whitespace_flexible": False, "json_allowed_escapes": '"\\\\bfnrt'}
"""No blanks, and no escape with a code: names may need the others."""


class LocalModel:
    """A loaded model; one generation at a time."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        from llguidance.hf import from_tokenizer

        text = model.config.get_text_config()
        self._model, self._tokenizer = model, tokenizer
        self._grammar = from_tokenizer(tokenizer, n_vocab=max(len(tokenizer), text.vocab_size))
        self._context = getattr(text, "max_position_embeddings", None) or 1 << 30
        taken = inspect.signature(model.forward).parameters
        self._cache = "cache" if "cache" in taken else "past_key_values"  # transformers from 5.24 on, and before
        self._prompts = _Prompts(self._forward)
        self._lock = threading.Lock()

    def answer(self, question: Question, schema: dict[str, Any], longest: int, temperature: float) -> Reply:
        """`k` samples.

        Raises:
            ChatError: The prompt is too long.
        """
        import torch
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(schema, overrides=COMPACT)
        start = _Sample(LLMatcher(self._grammar, grammar, log_level=0), temperature, torch.Generator())
        prompt = self._tokens(question.prompt)
        if len(prompt) + longest > self._context:
            detail = f"{len(prompt)} tokens and {longest} of an answer, but the model takes {self._context}"
            raise ChatError(Fault("prompt too long", detail, of_node=True))
        with self._lock, torch.inference_mode():
            began = time.perf_counter()  # others that think with these weights have had their time
            logits, seen = self._prompts.compute([*prompt, *start.forced()])
            samples = [start.split(seeds.fork(question.seed, "sample", i)) for i in range(question.k)]
            self._decode(samples, logits, seen)
            seconds = time.perf_counter() - began
        texts = tuple(self._grammar.decode_str(sample.tokens) for sample in samples)
        return Reply(texts, len(prompt), sum(len(sample.tokens) for sample in samples), seconds)

    def _tokens(self, prompt: Prompt) -> list[int]:
        """The prompt in the words of the model's chat, or plain where it has none."""
        from jinja2 import TemplateError

        turns = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        if not self._tokenizer.chat_template:
            return list(self._tokenizer.encode(f"{prompt.system}\n\n{prompt.user}\n\n"))
        try:
            text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except TemplateError:  # as of Gemma: it knows no system
            turns = [{"role": "user", "content": f"{prompt.system}\n\n{prompt.user}"}]
            text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return list(self._tokenizer.encode(text, add_special_tokens=False))  # the template writes them itself

    def _decode(self, samples: list[_Sample], logits: Any, seen: Any) -> None:
        """Sample until every answer is whole.

        A row gets one sampled token a step and those that the grammar then forces, so that rows differ in length:
        shorter ones are filled up at the left, and what fills is masked out for good.
        """
        import torch

        seen.batch_repeat_interleave(len(samples))
        mask = torch.ones((len(samples), seen.get_seq_length()), dtype=torch.long, device=self._model.device)
        rows = [sample.step(logits[0]) for sample in samples]
        while kept := [i for i, row in enumerate(rows) if row]:
            if len(kept) < len(rows):  # whole answers leave the batch
                samples, rows, mask = [samples[i] for i in kept], [rows[i] for i in kept], mask[kept]
                seen.batch_select_indices(torch.tensor(kept, device=mask.device))
            width = max(map(len, rows))
            tokens = [[0] * (width - len(row)) + row for row in rows]
            real = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
            mask = torch.cat([mask, torch.tensor(real, device=mask.device)], dim=1)
            positions = (mask.cumsum(1) - 1)[:, -width:]
            logits, seen = self._forward(tokens, seen, attention_mask=mask, position_ids=positions)
            rows = [sample.step(row) for sample, row in zip(samples, logits, strict=True)]

    def _forward(self, tokens: list[list[int]], seen: Any, **more: Any) -> tuple[Any, Any]:
        """Logits of the last token of each row, as float32 on the CPU, and the grown cache."""
        import torch

        ids = torch.tensor(tokens, device=self._model.device)
        out = self._model(input_ids=ids, use_cache=True, logits_to_keep=1, **{self._cache: seen}, **more)
        return out.logits[:, -1].float().cpu(), out[self._cache]


class _Prompts:
    """What was computed of the last prompt, so that what the next one begins alike is not computed again.

    Prompts are always computed in the same blocks, whether or not some are at hand: the numbers are then the same to
    the bit, and so are the samples.
    """

    def __init__(self, forward: Any) -> None:
        self._forward = forward
        self._tokens: list[int] = []
        self._seen: Any = None
        self.reused = 0

    def compute(self, tokens: list[int]) -> tuple[Any, Any]:
        """Logits after the prompt, and a cache of its own for who asks."""
        start, seen = self._known(tokens)
        self._tokens, self._seen, self.reused = [], None, start
        logits: Any = None
        for begin in range(start, len(tokens), BLOCK):
            logits, seen = self._forward([tokens[begin : begin + BLOCK]], seen)
        self._tokens, self._seen = tokens, seen
        return logits, copy.deepcopy(seen)

    def _known(self, tokens: list[int]) -> tuple[int, Any]:
        """How many tokens are computed already, in whole blocks, and their cache."""
        last = min(len(tokens) - 1, len(self._tokens))
        same = next((i for i in range(last) if tokens[i] != self._tokens[i]), last) // BLOCK * BLOCK
        if not same:
            return 0, None
        try:
            self._seen.crop(same - len(self._tokens))
        except (RuntimeError, ValueError, AttributeError):  # a cache that forgets, as of sliding windows
            return 0, None
        return same, self._seen


class _Sample:
    """One answer as it is written: the tokens so far, and the grammar that says what may follow."""

    def __init__(self, matcher: Any, temperature: float, generator: Any) -> None:
        self._matcher, self._temperature, self._generator = matcher, temperature, generator
        self.tokens: list[int] = []

    def split(self, seed: int) -> _Sample:
        """Another sample that begins the same."""
        import torch

        twin = _Sample(self._matcher.deep_copy(), self._temperature, torch.Generator().manual_seed(seed))
        twin.tokens = list(self.tokens)
        return twin

    def forced(self) -> list[int]:
        """The tokens that can only follow, now taken."""
        tokens = list(self._matcher.compute_ff_tokens())
        return self._take(tokens)

    def step(self, logits: Any) -> list[int]:
        """One sampled token and the forced ones behind it; none once the answer is whole."""
        import torch

        if self._matcher.is_accepting():
            return []
        allowed = torch.frombuffer(bytearray(self._matcher.compute_logit_bias()), dtype=torch.uint8).nonzero()[:, 0]
        scores = logits[allowed]
        if self._temperature > 0:
            odds = torch.softmax(scores / self._temperature, dim=0)
            chosen = int(torch.multinomial(odds, 1, generator=self._generator))
        else:
            chosen = int(scores.argmax())
        new = self._take([int(allowed[chosen])]) + self.forced()
        return [] if self._matcher.is_accepting() else new

    def _take(self, tokens: list[int]) -> list[int]:
        if not self._matcher.consume_tokens(tokens):
            raise RuntimeError(f"grammar: {self._matcher.get_error()}")
        self.tokens += tokens
        return tokens
