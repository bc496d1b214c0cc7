"""One seed makes all randomness. Owns the derivation of child seeds; nothing here touches a global generator."""

from __future__ import annotations

import hashlib
import random


def fork(seed: int, *labels: str | int) -> int:
    """Derive a child seed from a parent seed and a path of labels.

    Stable across processes and Python versions (a hash of the text, not `hash()`), so the same labels always give
    the same stream. A label with a `/` counts as two labels; that other paths share a stream is chance, one in two
    thousand million.

    Returns:
        An integer in [1, 2**31 - 1], the range TVM accepts as a random state.
    """
    text = "/".join([str(seed), *(str(label) for label in labels)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % (2**31 - 1) + 1


def rng(seed: int, *labels: str | int) -> random.Random:
    """A private generator for one path of labels."""
    return random.Random(fork(seed, *labels))
