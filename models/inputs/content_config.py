"""What shapes the regression of an item's bias and factors on its attributes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.fields import SimilarityConfig


class ContentConfig(BaseModel):
    """How items are known by their attributes (`models.inputs.content`).

    Attributes:
        similarity: How much each kind of field tells.
        item_variance: Variance of what an item is beyond its attributes, in squared rating units.
        rating_variance: Variance of one rating around its item's level, in squared rating units: an item's targets are
            as unsure as this over the number of its ratings.
        folds: Number of folds that are treated as new in turn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    similarity: SimilarityConfig = SimilarityConfig()
    item_variance: Annotated[float, Field(gt=0)] = 0.1
    rating_variance: Annotated[float, Field(gt=0)] = 0.8
    folds: Annotated[int, Field(ge=2)] = 6
