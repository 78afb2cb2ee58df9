"""Calls for recommendations and other lists."""

from collections.abc import Sequence
from typing import Literal

from coldstart_client.call import Call, path_of
from coldstart_client.calls.filters import pairs
from coldstart_client.given import Attributes, Boost, Filter, GivenAnswer, GivenInteraction, GivenRating
from coldstart_client.methods import call
from coldstart_client.models.explanations import ListExplanation
from coldstart_client.models.recommendations import (
    AudiencePage,
    ItemListPage,
    RankingPage,
    RecommendationPage,
    SimilarItemPage,
)


class RecommendationCalls:
    """Calls for recommendations and other lists."""

    @call
    def get_recommendations(
        self,
        user_id: str,
        *,
        n: int | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        include_rated: bool | None = None,
        explain: bool | None = None,
        rank_by: str | None = None,
        diversity: float | None = None,
        explore: float | None = None,
        seed: int | None = None,
        shown: Sequence[str] | None = None,
        cursor: str | None = None,
        scenario: str | None = None,
        strangers: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> Call[RecommendationPage]:
        """Recommendations for a user, by default without items that the user has rated or interacted with.

        A user without stored data gets popular items, or what `strangers` says.
        """
        return Call(
            "GET",
            path_of("/v1/users/{}/recommendations", user_id),
            RecommendationPage,
            query={
                "n": n,
                "exclude": exclude,
                "filter": pairs(filter),
                "include_rated": include_rated,
                "explain": explain,
                "rank_by": rank_by,
                "diversity": diversity,
                "explore": explore,
                "seed": seed,
                "shown": shown,
                "cursor": cursor,
                "scenario": scenario,
                "strangers": strangers,
                "fields": fields,
            },
        )

    @call
    def explain_recommendations(
        self,
        user_id: str,
        *,
        n: int | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        include_rated: bool | None = None,
        rank_by: str | None = None,
        diversity: float | None = None,
        explore: float | None = None,
        seed: int | None = None,
        shown: Sequence[str] | None = None,
        cursor: str | None = None,
        scenario: str | None = None,
        strangers: str | None = None,
    ) -> Call[ListExplanation]:
        """What a user gave, what the model concluded, and what moved each item of the user's list."""
        return Call(
            "GET",
            path_of("/v1/users/{}/recommendations:explain", user_id),
            ListExplanation,
            query={
                "n": n,
                "exclude": exclude,
                "filter": pairs(filter),
                "include_rated": include_rated,
                "rank_by": rank_by,
                "diversity": diversity,
                "explore": explore,
                "seed": seed,
                "shown": shown,
                "cursor": cursor,
                "scenario": scenario,
                "strangers": strangers,
            },
        )

    @call
    def recommend(
        self,
        *,
        attributes: Attributes | None = None,
        ratings: Sequence[GivenRating] | None = None,
        interactions: Sequence[GivenInteraction] | None = None,
        answers: Sequence[GivenAnswer] | None = None,
        skipped: Sequence[str] | None = None,
        n: int | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        include_rated: bool | None = None,
        explain: bool | None = None,
        rank_by: str | None = None,
        diversity: float | None = None,
        explore: float | None = None,
        seed: int | None = None,
        boosts: Sequence[Boost] | None = None,
        pinned: Sequence[str] | None = None,
        shown: Sequence[str] | None = None,
        cursor: str | None = None,
        scenario: str | None = None,
        strangers: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> Call[RecommendationPage]:
        """Recommendations from these arguments alone. Nothing is stored."""
        return Call(
            "POST",
            "/v1/recommendations",
            RecommendationPage,
            body={
                "attributes": attributes,
                "ratings": ratings,
                "interactions": interactions,
                "answers": answers,
                "skipped": skipped,
                "n": n,
                "exclude": exclude,
                "filter": filter,
                "include_rated": include_rated,
                "explain": explain,
                "rank_by": rank_by,
                "diversity": diversity,
                "explore": explore,
                "seed": seed,
                "boosts": boosts,
                "pinned": pinned,
                "shown": shown,
                "cursor": cursor,
                "scenario": scenario,
                "strangers": strangers,
                "fields": fields,
            },
        )

    @call
    def rank_items(
        self,
        item_ids: Sequence[str],
        *,
        user_id: str | None = None,
        attributes: Attributes | None = None,
        ratings: Sequence[GivenRating] | None = None,
        interactions: Sequence[GivenInteraction] | None = None,
        answers: Sequence[GivenAnswer] | None = None,
        skipped: Sequence[str] | None = None,
        rank_by: str | None = None,
        explain: bool | None = None,
        fields: Sequence[str] | None = None,
    ) -> Call[RankingPage]:
        """Rank given items for a stored user, or for a visitor whom the other arguments describe."""
        return Call(
            "POST",
            "/v1/rankings",
            RankingPage,
            body={
                "item_ids": item_ids,
                "user_id": user_id,
                "attributes": attributes,
                "ratings": ratings,
                "interactions": interactions,
                "answers": answers,
                "skipped": skipped,
                "rank_by": rank_by,
                "explain": explain,
                "fields": fields,
            },
        )

    @call
    def list_similar_items(
        self,
        item_id: str,
        *,
        n: int | None = None,
        by: str | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        diversity: float | None = None,
    ) -> Call[SimilarItemPage]:
        """Items that are like this one, by `taste`, by `attributes` or by `both`, the default."""
        return Call(
            "GET",
            path_of("/v1/items/{}/similar", item_id),
            SimilarItemPage,
            query={"n": n, "by": by, "exclude": exclude, "filter": pairs(filter), "diversity": diversity},
        )

    @call
    def find_similar_items(
        self,
        *,
        item_ids: Sequence[str] | None = None,
        attributes: Attributes | None = None,
        n: int | None = None,
        by: str | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        diversity: float | None = None,
    ) -> Call[SimilarItemPage]:
        """Items that are like several items, or like an item with these attributes, which need not be stored."""
        return Call(
            "POST",
            "/v1/items:similar",
            SimilarItemPage,
            body={
                "item_ids": item_ids,
                "attributes": attributes,
                "n": n,
                "by": by,
                "exclude": exclude,
                "filter": filter,
                "diversity": diversity,
            },
        )

    @call
    def list_audience(
        self, item_id: str, *, users: int | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Call[AudiencePage]:
        """The users who would most probably choose and like an item, of the `users` who were active last."""
        return Call(
            "GET",
            path_of("/v1/items/{}/audience", item_id),
            AudiencePage,
            query={"users": users, "limit": limit, "cursor": cursor},
        )

    @call
    def get_list(
        self,
        name: Literal["popular", "trending", "latest"],
        *,
        n: int | None = None,
        filter: Filter | None = None,
        days: int | None = None,
    ) -> Call[ItemListPage]:
        """A list that is the same for everybody: popular, trending or latest items, in the last so many days."""
        return Call(
            "GET",
            path_of("/v1/lists/{}", name),
            ItemListPage,
            query={"n": n, "filter": pairs(filter), "days": days},
        )
