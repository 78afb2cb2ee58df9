"""Sentence embeddings without a language model."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.fields.sentences import DIMENSIONS


class MadeUpSentences:
    """Random directions, one for each text.

    Attributes:
        embedded: The texts that were embedded, in that order.
    """

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += texts
        return np.stack([_direction(text) for text in texts])


def _direction(text: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    vector = np.random.default_rng(seed).normal(size=DIMENSIONS)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
