"""Fields with a text that is encoded as its meaning."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
from torch import Tensor

from models.fields.attribute_field import AttributeField, TextEncoder
from models.fields.config import EncodingConfig, SimilarityConfig
from models.fields.directions import DirectionField
from models.fields.sentences import DIMENSIONS, MODEL, embedded, require_installed
from models.fields.text import TextField
from models.fields.values import AttributeValue


class SentenceTextField(DirectionField):
    """A text, encoded as the direction of its sentence embedding (`models.fields.sentences`).

    It takes the values of a `TextField`. A text of white space is unknown. Nothing is learned from the training rows.

    Attributes:
        model: The model of the embeddings.
    """

    polars_type: ClassVar[pl.DataType] = TextField.polars_type

    kind: Literal[TextEncoder.SENTENCE] = TextEncoder.SENTENCE
    model: Literal["all-MiniLM-L6-v2"] = MODEL
    dimensions: int = DIMENSIONS

    @classmethod
    def check_declaration(cls, field: AttributeField) -> None:
        """Raise ValueError also if the model is not installed."""
        super().check_declaration(field)
        require_installed(field.name)

    @classmethod
    def expected(cls, field: AttributeField) -> str:
        """A string."""
        return TextField.expected(field)

    @classmethod
    def check_value(cls, field: AttributeField, value: object) -> AttributeValue:
        """The string."""
        return TextField.check_value(field, value)

    @classmethod
    def collected(cls, values: pl.Expr) -> pl.Expr:
        """The distinct texts of all rows, one after the other."""
        return TextField.collected(values)

    @classmethod
    def fit(cls, field: AttributeField, values: pl.Series, config: EncodingConfig) -> Self:  # noqa: ARG003 - fixed
        """The field. The model is fixed."""
        return cls(name=field.name, embed=field.embed)

    def encode(self, values: Sequence[str | None] | pl.Series) -> Tensor:
        """Embed the texts."""
        texts = [(text or "").strip() for text in values]
        known = np.array([row for row, text in enumerate(texts) if text], dtype=np.int64)
        return self._encoded(known, embedded([texts[row] for row in known]), len(texts))

    def similarity_variance(self, config: SimilarityConfig) -> float:
        """The variance of sentence embeddings."""
        return config.sentence_variance

    def plausible_value(self, generator: np.random.Generator) -> AttributeValue:  # noqa: ARG002 - nothing is drawn
        """None: random words would not make a text."""
        return None
