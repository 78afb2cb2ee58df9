"""Measures of ranked lists, one a file."""

from models.metrics.lists.auc import AUC
from models.metrics.lists.base import LIST_LENGTH, NO_ITEM, AllListsMeasure, ListMeasure, RankedLists
from models.metrics.lists.distinct_items import DistinctItems
from models.metrics.lists.hit_rate import HitRate
from models.metrics.lists.log_loss import LogLoss
from models.metrics.lists.ndcg import ListNDCG
from models.metrics.lists.novelty import Novelty
from models.metrics.lists.recall import Recall
from models.metrics.lists.similarity import ListSimilarity

LIST_NDCG = ListNDCG()
DISTINCT_ITEMS = DistinctItems()
LIST_SIMILARITY = ListSimilarity()

LIST_MEASURES: dict[str, ListMeasure] = {
    measure.name: measure
    for measure in (
        LIST_NDCG,
        Recall(),
        HitRate(),
        Novelty(),
        AUC(sampled=False),
        AUC(sampled=True),
        LogLoss(sampled=False),
        LogLoss(sampled=True),
    )
}
"""Every measure of one user's list by its name, in the order in which reports show them."""

ALL_LISTS_MEASURES: dict[str, AllListsMeasure] = {
    measure.name: measure for measure in (DISTINCT_ITEMS, LIST_SIMILARITY)
}
"""Every measure of the lists of all users by its name, in the order in which reports show them."""

__all__ = [
    "ALL_LISTS_MEASURES",
    "DISTINCT_ITEMS",
    "LIST_LENGTH",
    "LIST_MEASURES",
    "LIST_NDCG",
    "LIST_SIMILARITY",
    "NO_ITEM",
    "AllListsMeasure",
    "ListMeasure",
    "RankedLists",
]
