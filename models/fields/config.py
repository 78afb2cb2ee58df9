"""What of the fields shapes a model and can be set."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]


class EncodingConfig(BaseModel):
    """How values become numbers.

    Attributes:
        max_deviations: Where a standardised number is cut off: one mistyped number must not outweigh all else that is
            known of a user.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_deviations: Positive = 10.0


class SimilarityConfig(BaseModel):
    """How much each kind of field tells which items are similar.

    A kind's variance is the prior variance, in squared rating units, of what a field of that kind tells of an item. The
    variances were chosen on the latest years inside `warm`; halving or doubling any of them changed little. That of
    vectors was not tuned: it is that of texts, because a vector is most often a text's embedding.

    Attributes:
        categorical_variance: Of a categorical field.
        multi_valued_variance: Of a multi-valued field.
        continuous_variance: Of a continuous field.
        text_variance: Of a text.
        vector_variance: Of a vector.
        bumps: Number of radial basis functions over which a continuous field is spread, so that its effect may bend.
        bump_width: Standard deviation of a radial basis function, in standard deviations of the field.
        bump_reach: Distance of the outermost centres from the mean, in standard deviations of the field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    categorical_variance: Positive = 0.05
    multi_valued_variance: Positive = 0.05
    continuous_variance: Positive = 0.1
    text_variance: Positive = 0.2
    vector_variance: Positive = 0.2
    bumps: Annotated[int, Field(ge=2)] = 16
    bump_width: Positive = 0.5
    bump_reach: Positive = 3.0
