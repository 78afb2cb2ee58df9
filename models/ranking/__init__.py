"""Ranking a catalogue: adapt to the users, score the items, choose the best."""

from models.ranking.query import ItemRating, RankedItem, RankingQuery
from models.ranking.recommender import Recommender

__all__ = ["ItemRating", "RankedItem", "RankingQuery", "Recommender"]
