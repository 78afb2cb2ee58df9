"""Ranking a catalogue for users: adapt, score the items, take the best."""

from models.ranking.query import ItemRating, RankedItem, RankingQuery
from models.ranking.recommender import Recommender

__all__ = ["ItemRating", "RankedItem", "RankingQuery", "Recommender"]
