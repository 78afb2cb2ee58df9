"""The settings of fields that shape a model."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]


class EncodingConfig(BaseModel):
    """How values become numbers.

    Attributes:
        max_deviations: Largest absolute value of a standardised number, in standard deviations. It keeps a mistyped
            number from outweighing all other inputs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_deviations: Positive = 10.0


class SimilarityConfig(BaseModel):
    """How much each kind of field counts in the similarity of items.

    A variance is the prior variance of the effect that a field of this kind has on an item's ratings, in squared rating
    units. The variances were chosen on the latest years inside `warm`; half or twice any of them changed little.
    `benchmarks.text` chose the variance of sentence embeddings in the same way. The variance of vectors was not tuned.
    It is the one of texts, because a vector is most often the embedding of a text.

    Attributes:
        categorical_variance: The variance of a categorical field.
        multi_valued_variance: The variance of a multi-valued field.
        continuous_variance: The variance of a continuous field.
        text_variance: The variance of a text.
        sentence_variance: The variance of a text that is encoded as its meaning.
        vector_variance: The variance of a vector.
        bumps: Number of radial basis functions of a continuous field. They let its effect be nonlinear.
        bump_width: Standard deviation of a radial basis function, in standard deviations of the field.
        bump_reach: Distance of the outermost centres from the mean, in standard deviations of the field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    categorical_variance: Positive = 0.05
    multi_valued_variance: Positive = 0.05
    continuous_variance: Positive = 0.1
    text_variance: Positive = 0.2
    sentence_variance: Positive = 0.1
    vector_variance: Positive = 0.2
    bumps: Annotated[int, Field(ge=2)] = 16
    bump_width: Positive = 0.5
    bump_reach: Positive = 3.0
