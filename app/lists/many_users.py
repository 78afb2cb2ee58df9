"""Lists for many stored users at once."""

from collections.abc import Sequence

from app.lists.feedback import Feedback, KnownUser, ListOptions, ranking_query
from models.ranking import RankedItem, Recommender

_RANKED_TOGETHER = 32
"""Users that are adapted together. Larger groups are not faster."""


def lists_of_users(
    recommender: Recommender, users: Sequence[KnownUser], options: ListOptions
) -> list[list[RankedItem]]:
    """The lists of some users, each as a request of that user would get it.

    Users who did about as much are adapted together. All users of a group are padded to the one who did most, so groups
    at random take several times as long.

    Args:
        recommender: Ranks for all of them.
        users: The users, with all that they did.
        options: What the lists are to be like.
    """
    schema = recommender.model.schema
    queries = [ranking_query(schema, state.attributes, feedback, options) for state, feedback in users]
    lists: list[list[RankedItem]] = [[] for _ in users]
    places = sorted(range(len(users)), key=lambda place: _extent(users[place][1]))
    for start in range(0, len(places), _RANKED_TOGETHER):
        together = places[start : start + _RANKED_TOGETHER]
        ranked = recommender.recommend_many([queries[place] for place in together])
        for place, own in zip(together, ranked, strict=True):
            lists[place] = own
    return lists


def _extent(feedback: Feedback) -> tuple[int, int, int, int]:
    """How much a user did. Ratings cost most."""
    return len(feedback.ratings), len(feedback.answers), len(feedback.interactions), len(feedback.skipped)
