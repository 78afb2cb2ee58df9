"""The choices of the choice model and its training."""

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.inputs.content_config import ContentConfig

Share = Annotated[float, Field(ge=0, lt=1)]


class ChoiceConfig(BaseModel):
    """The choices of the choice model.

    Attributes:
        dimensions: Length of the vectors of items and users.
        hidden: Hidden units of the network that completes a user's vector.
        user_hidden: Hidden units of the network of the user's attributes.
        initial_scale: Standard deviation of the initial item vectors.
        neighbour_scale: If it is positive, item vectors start instead at the similarities of items by who chose them
            (`models.choice.start`), with inner products multiplied by it. With few choices for each item, training from
            random vectors overfits before it finds these.
        trend_points: Number of points of time at which the model learns what people in general choose
            (`models.choice.trend`), at least 2. With 0, it does not learn this.
        level_knots: Points of the rating scale at which it is learned how a rating changes what an item says about its
            user. Between them it is interpolated.
        count_scale: Multiplies the logarithm of the number of support items to the size of other inputs.
        settling_count: Initial number of support items c in 1/√(n + c), which shrinks the sum over few items.
        liked_weight: Weight of a liked query item in the loss.
        other_weight: Weight of a query item that the user rated and did not like.
        weight_power: A user counts in the loss by this power of the total weight of the query items: with 0 every user
            alike, with 1 every choice alike.
        updates: Updates of the training, at most.
        updates_per_round: Updates of one round. Training keeps the weights of the best round on the validation users.
        patience: Training stops after so many rounds without a lower loss of the validation users.
        batch_users: Users of one update.
        learning_rate: Adam's rate, which falls to 0 along half a cosine.
        weight_decay: Decoupled weight decay (AdamW) of the item vectors. Other parameters have none.
        max_support: Support sizes are drawn log-uniformly from 1 to this number.
        max_query: Query items of a user, at most.
        in_order_of_time: Share of the episodes in which the support set is the user's earliest choices, and the query
            set the later ones. The other episodes are in random order.
        empty_supports: Share of the episodes with an empty support set.
        unknown_users: Share of the episodes in which all attributes of the user are unknown.
        hiding_users: Share of the episodes in which ratings are hidden, so that the model learns what an item says
            about a user who chose it and did not rate it. The share of hidden ratings is drawn for each of them.
        skipping_users: Share of the episodes with skipped items.
        max_skipped: Largest number of skipped items of an episode.
        exact_items: A softmax over at most this many items is computed in full. Over more items it is sampled.
        popularity_prior: After as many expected ratings of a new item, its share of all new ratings counts as much as
            its predicted share.
        content: The regression that predicts the vectors of new items from their attributes.
        attribute_directions: Number of principal directions of the items' attributes in which new items are compared
            with what a user chose (`models.choice.attribute_directions`). With 0, they are not compared.
        attribute_lift: What the choice of an item adds to the logit of a new item with the same attributes, before the
            division by √(n + c).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dimensions: Annotated[int, Field(ge=1)] = 128
    hidden: Annotated[int, Field(ge=1)] = 256
    user_hidden: Annotated[int, Field(ge=1)] = 64
    initial_scale: Annotated[float, Field(gt=0)] = 0.1
    neighbour_scale: Annotated[float, Field(ge=0)] = 0.0
    trend_points: Annotated[int, Field(ge=0)] = 0
    level_knots: Annotated[int, Field(ge=2)] = 5
    count_scale: Annotated[float, Field(gt=0)] = 0.3
    settling_count: Annotated[float, Field(gt=0)] = 1.3
    liked_weight: Annotated[float, Field(gt=0)] = 1.15
    other_weight: Annotated[float, Field(gt=0)] = 0.15
    weight_power: Annotated[float, Field(ge=0, le=1)] = 0.5
    updates: Annotated[int, Field(ge=1)] = 2000
    updates_per_round: Annotated[int, Field(ge=1)] = 100
    patience: Annotated[int, Field(ge=1)] = 4
    batch_users: Annotated[int, Field(ge=1)] = 128
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.2
    max_support: Annotated[int, Field(ge=1)] = 80
    max_query: Annotated[int, Field(ge=1)] = 300
    in_order_of_time: Annotated[float, Field(ge=0, le=1)] = 0.25
    empty_supports: Share = 0.08
    unknown_users: Share = 0.1
    hiding_users: Share = 0.1
    skipping_users: Share = 0.1
    max_skipped: Annotated[int, Field(ge=1)] = 20
    exact_items: Annotated[int, Field(ge=1)] = 8192
    popularity_prior: Annotated[float, Field(gt=0)] = 1.0
    content: ContentConfig = ContentConfig()
    attribute_directions: Annotated[int, Field(ge=0)] = 0
    attribute_lift: Annotated[float, Field(ge=0)] = 4.0

    @field_validator("trend_points")
    @classmethod
    def _has_an_interval(cls, points: int) -> int:
        if points == 1:
            raise ValueError("must be 0, or at least 2: a trend lies between two points of time")
        return points

    @property
    def rounds(self) -> int:
        """Rounds of the training, at most."""
        return math.ceil(self.updates / self.updates_per_round)
