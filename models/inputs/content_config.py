"""The settings of the regression of an item's bias and factors on its attributes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.fields import SimilarityConfig


class ContentConfig(BaseModel):
    """The choices of the regression that predicts an item's bias and factors from its attributes.

    Attributes:
        similarity: The weight of each kind of field.
        item_variance: Variance of an item's targets that no attribute explains, in squared rating units.
        rating_variance: Variance of one rating around its item's level, in squared rating units. Divided by the number
            of ratings it is the variance of an item's targets.
        folds: Number of folds of items. Each fold is predicted from the others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    similarity: SimilarityConfig = SimilarityConfig()
    item_variance: Annotated[float, Field(gt=0)] = 0.1
    rating_variance: Annotated[float, Field(gt=0)] = 0.8
    folds: Annotated[int, Field(ge=2)] = 6
