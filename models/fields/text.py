"""Fields with a text."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, cached_property, lru_cache
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
import torch
from torch import Tensor

from models.fields.attribute_field import AttributeField, FieldKind
from models.fields.base import InputLayer
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.values import AttributeValue, checked_text
from models.fields.vocabulary import UNKNOWN, CategoriesEmbedding, VocabularyField, unit_rows


class TextField(VocabularyField):
    """A text, encoded as the indices of its distinct words; int64 [rows, slots], with one slot at least.

    English stop words, and words that are in one training row only, are dropped.

    Attributes:
        weights: The weight of each word: its inverse document frequency `1 + ln((1 + n)/(1 + n_word))` over the n
            training rows (Spärck Jones 1972, smoothed).
    """

    polars_type: ClassVar[pl.DataType] = pl.String()

    kind: Literal[FieldKind.TEXT] = FieldKind.TEXT
    weights: tuple[float, ...]

    @classmethod
    def expected(cls, field: AttributeField) -> str:  # noqa: ARG003 - the same for all
        """A string."""
        return "a string"

    @classmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """The string."""
        return checked_text(value, cls.expected(field))

    @classmethod
    def collected(cls, values: pl.Expr) -> pl.Expr:
        """The distinct texts of all rows, one after the other."""
        return values.drop_nulls().unique(maintain_order=True).str.join("\n").replace("", None)

    @classmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:  # noqa: ARG003 - no scale
        """Learn the words and their inverse document frequencies."""
        counts = Counter(word for text in values.drop_nulls().to_list() for word in set(_words_of(text)))
        words = sorted((word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word))
        return cls(
            name=field.name,
            embed=field.embed,
            values=tuple(words),
            rare=sum(counts[word] < field.min_count for word in words),
            weights=tuple(1.0 + math.log((1 + len(values)) / (1 + counts[word])) for word in words),
        )

    def encode(self, values: Sequence[str | None] | pl.Series) -> Tensor:
        """Look up each row's words."""
        return self._padded(_words_of(text or "") for text in values)

    def forget(self, encoded: Tensor, dropped: Tensor) -> Tensor:
        """Unknown is a row of padding."""
        return encoded.masked_fill(dropped.unsqueeze(-1), UNKNOWN)

    def input_layer(self, *, embedding_dim: int, embedding_scale: float) -> InputLayer:
        """The mean of the words' embeddings, weighted by `weights`."""
        return CategoriesEmbedding(self.weights[: self.category_count], dim=embedding_dim, scale=embedding_scale)

    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The variance of texts."""
        return config.text_variance

    def similarity(self, encoded: Tensor, config: SimilarityConfig, *, rare: bool = True) -> Tensor:  # noqa: ARG002 - no scale
        """The normalised TF-IDF vector, with each word counted once."""
        words = len(self.values) if rare else self.category_count
        return unit_rows(encoded.cpu(), self._weights[:words])

    @cached_property
    def _weights(self) -> Tensor:
        return torch.tensor(self.weights, dtype=torch.float64)

    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:  # noqa: ARG002 - nothing is drawn
        """None, because random words are no text."""
        return None


@lru_cache(maxsize=4096)
def _words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without stop words. Diverse lists encode the same texts again and again."""
    return tuple(_analyzer()(text))


@cache
def _analyzer() -> Callable[[str], list[str]]:
    """A function that splits a text into its words in lower case."""
    from sklearn.feature_extraction.text import CountVectorizer  # noqa: PLC0415 - slow to import, and for texts only

    analyzer: Callable[[str], list[str]] = CountVectorizer(stop_words="english").build_analyzer()
    return analyzer
