"""A user who answers questions as the user's ratings say."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from models.data.answers import Answer, AttributeAnswer, GroupAnswer, PairAnswer
from models.data.item_values import item_values
from models.elicitation.question import Question, QuestionKind
from models.elicitation.simulated import simulated_mean
from models.ranking.catalogue import Catalogue
from models.ranking.query import ItemRating


class SimulatedUser:
    """Answers from ratings that a prediction may see, such as a support set; never from those to be predicted.

    An item is rated as the user rated it. The answer about a group or an attribute value is the mean of the user's
    ratings of its items (`models.elicitation.simulated`). Of a pair, the user prefers the item with the higher rating.
    """

    def __init__(self, catalogue: Catalogue, ratings: Sequence[ItemRating]) -> None:
        """Take what the user rated.

        Args:
            catalogue: The items that questions are about.
            ratings: The user's ratings.
        """
        self._scale = catalogue.model.rating_scale
        self._ratings = {rating.item_id: rating for rating in ratings if catalogue.row_of(rating.item_id) is not None}
        rows = np.array([catalogue.row_of(item_id) for item_id in self._ratings], dtype=np.int64)
        values = [rating.rating for rating in self._ratings.values()]
        self._by_value: dict[tuple[str, str], list[float]] = defaultdict(list)
        for name, pairs in item_values(catalogue.model.schema.items, catalogue.attributes(rows)):
            for place, value in pairs.select("row", "value").iter_rows():
                self._by_value[name, value].append(values[place])

    def answer(self, question: Question) -> ItemRating | Answer | None:
        """The answer to a question; None if the user cannot answer."""
        item_ids = tuple(item.item_id for item in question.items)
        match question.kind:
            case QuestionKind.ITEM:
                return self._ratings.get(item_ids[0])
            case QuestionKind.GROUP:
                rated = [self._ratings[item_id].rating for item_id in item_ids if item_id in self._ratings]
                rating = simulated_mean(np.array(rated), self._scale)
                return None if rating is None else GroupAnswer(item_ids, rating)
            case QuestionKind.ATTRIBUTE:
                assert question.field is not None  # noqa: S101 - the kind says so
                assert question.value is not None  # noqa: S101 - likewise
                rating = simulated_mean(np.array(self._by_value.get((question.field, question.value), [])), self._scale)
                return None if rating is None else AttributeAnswer(question.field, question.value, rating)
            case QuestionKind.PAIR:
                return self._preference(*item_ids)

    def _preference(self, first: str, second: str) -> PairAnswer | None:
        if first not in self._ratings or second not in self._ratings:
            return None
        difference = self._ratings[first].rating - self._ratings[second].rating
        if difference == 0:
            return None
        return PairAnswer(first, second) if difference > 0 else PairAnswer(second, first)
