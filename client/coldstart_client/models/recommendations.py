"""Recommendations and other lists."""

from coldstart_client.given import AttributeValue
from coldstart_client.models.answer import Answer, Page


class Reason(Answer):
    """A rating or an interaction of the user that moved a recommended item up; the other of both is None."""

    item_id: str
    title: str | None
    rating: float | None
    kind: str | None = None


class Recommendation(Answer):
    """An item, the user's predicted rating, and how probably the user chooses and then likes the item.

    `like_probability` is None from a model that gives none. A model that was trained on interactions gives no
    `predicted_rating` either.

    If it was requested and something stands out, `because` names an item that the user likes, or `unlike` one that the
    user dislikes and that this item differs from.
    """

    item_id: str
    title: str | None
    predicted_rating: float | None
    choice_probability: float
    like_probability: float | None
    rank: int
    model_version: str
    because: Reason | None
    unlike: Reason | None
    attributes: dict[str, AttributeValue]


class RecommendationPage(Page[Recommendation]):
    """A ranked list, best first, the model version that ranked it, and what orders it.

    That is `choice` (the product of both probabilities) or `rating`. For unknown users it is `popularity`, or the name
    of the list that it follows.
    """

    model_version: str
    ranked_by: str
    recommendation_id: str


class RankingPage(RecommendationPage):
    """Given items, best first. Those that are not in the catalogue are named apart."""

    unknown_item_ids: list[str]


class SimilarItem(Answer):
    """An item, how similar it is, and the attribute values that it has in common with a given item."""

    item_id: str
    title: str | None
    similarity: float
    shared: dict[str, list[str]]
    rank: int


class SimilarItemPage(Page[SimilarItem]):
    """Similar items, best first, and the model version that found them."""

    model_version: str


class ListedItem(Answer):
    """An item of a list that is the same for everybody.

    `choices` is how many users chose it, and None in the list of the latest items. `trend` is how many times as often
    as before it was chosen, and None in other lists than that of the trending items.
    """

    item_id: str
    title: str | None
    rank: int
    choices: int | None
    trend: float | None


class ItemListPage(Page[ListedItem]):
    """A list that is the same for everybody, and the days of its window; None without a window."""

    days: int | None


class Prospect(Answer):
    """A user, with the figures that an item has in the user's list."""

    user_id: str
    choice_probability: float
    like_probability: float | None
    predicted_rating: float | None


class AudiencePage(Page[Prospect]):
    """The users who would most probably choose and like an item, and how many users were considered."""

    considered: int
    model_version: str
