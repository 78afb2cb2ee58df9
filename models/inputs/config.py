"""The settings of a learner's inputs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.fields import EncodingConfig
from models.inputs.collaborative_inputs import CollaborativeConfig


class InputConfig(BaseModel):
    """The inputs of a learner.

    Attributes:
        encoding: How values become numbers.
        embedding_dim: Dimensions of every embedded field (the paper: 32).
        embedding_scale: Standard deviation of the initial embeddings. Later layers multiply by the embeddings, so this
            sets the size of the first local updates.
        item_ids: Whether an item's id is embedded as one more field. A new item has the unknown id, so training needs
            field dropout.
        max_embedded_values: Fields with more values than this are not embedded, because a network would memorise a
            director of few films. None embeds all fields.
        collaborative: The collaborative inputs; None for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: EncodingConfig = EncodingConfig()
    embedding_dim: Annotated[int, Field(ge=1)] = 32
    embedding_scale: Annotated[float, Field(gt=0)] = 0.1
    item_ids: bool = False
    max_embedded_values: Annotated[int, Field(ge=1)] | None = None
    collaborative: CollaborativeConfig | None = None
