"""Every call of the API. Methods and arguments have the names of the OpenAPI document.

Every call raises a `ColdstartError` if it does not succeed. A list is fetched in pages of `limit`, from `cursor` on.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Literal

from coldstart_client.call import Call, path_of
from coldstart_client.given import (
    KEPT,
    Attributes,
    Boost,
    Filter,
    GivenInteraction,
    GivenRating,
    Kept,
    NewEvent,
    NewInteraction,
    NewItem,
    NewUser,
)
from coldstart_client.methods import call, listing
from coldstart_client.models import (
    AudiencePage,
    CandidatePage,
    ClickRate,
    Evaluation,
    EvaluationSummary,
    Interaction,
    Interactions,
    Item,
    ItemListPage,
    ItemStream,
    ListExplanation,
    ListExport,
    Liveness,
    Merge,
    ModelReport,
    ModelTraffic,
    ModelVersion,
    Overview,
    Page,
    RankingPage,
    Rating,
    Ratings,
    Readiness,
    RecommendationPage,
    Scenario,
    Schema,
    SimilarItemPage,
    Skip,
    StoredEvents,
    User,
    UserStream,
)
from coldstart_client.reports import EvaluationReport
from coldstart_client.trainings import Training, TrainingSummary


class Calls:
    """The calls of `Client` and `AsyncClient`, without how they are sent."""

    @call
    def put_user(self, user_id: str, attributes: Attributes | None = None) -> Call[User]:
        """Create a user, or replace a user's attributes. Ratings and interactions stay."""
        return Call("PUT", path_of("/v1/users/{}", user_id), User, body={"attributes": attributes})

    @call
    def patch_user(self, user_id: str, attributes: Attributes | None = None) -> Call[User]:
        """Change only these attributes of a user; None removes one. Creates the user if new."""
        return Call("PATCH", path_of("/v1/users/{}", user_id), User, body={"attributes": attributes})

    @call
    def put_users(self, users: Sequence[NewUser]) -> Call[Page[User]]:
        """Create up to 1,000 users, or replace their attributes, all or none of them."""
        return Call("POST", "/v1/users:batch", Page[User], body={"users": users})

    @call
    def put_user_stream(self, users: Sequence[NewUser]) -> Call[UserStream]:
        """Create any number of users, or replace their attributes. Valid users are stored, errors are reported.

        It is the operation `put_users` with an NDJSON body. After an interruption, send the same users again.
        """
        return Call("POST", "/v1/users:batch", UserStream, lines=users)

    @call
    def merge_user(self, user_id: str, into: str) -> Call[Merge]:
        """Merge a guest, such as a visitor who signs in, into another user. The guest is gone afterwards.

        Of two ratings of an item the later is kept. The user's attributes stay, and those that the user lacks come from
        the guest. Merging again is harmless.
        """
        return Call("POST", path_of("/v1/users/{}:merge-into", user_id), Merge, body={"into": into})

    @listing
    def list_users(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[User]]:
        """All users, ordered by id."""
        return Call("GET", "/v1/users", Page[User], query={"limit": limit, "cursor": cursor})

    @call
    def get_user(self, user_id: str) -> Call[User]:
        """A user."""
        return Call("GET", path_of("/v1/users/{}", user_id), User)

    @call
    def delete_user(self, user_id: str) -> Call[None]:
        """Erase a user, with all ratings, interactions, skips and events."""
        return Call("DELETE", path_of("/v1/users/{}", user_id), type(None))

    @call
    def add_ratings(
        self,
        user_id: str,
        ratings: Sequence[GivenRating],
        *,
        attributes: Attributes | None = None,
        n: int | None = None,
        explain: bool | None = None,
    ) -> Call[Ratings]:
        """Store ratings, adapt to them, and recommend `n` items. Attributes, if given, replace the user's.

        Creates the user if new. Of two ratings of an item the later is kept. The ratings are durable when this returns.
        """
        return Call(
            "POST",
            path_of("/v1/users/{}/ratings", user_id),
            Ratings,
            query={"n": n, "explain": explain},
            body={"ratings": ratings, "attributes": attributes},
        )

    @listing
    def list_ratings(self, user_id: str, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[Rating]]:
        """The user's ratings, ordered by item id."""
        return Call(
            "GET", path_of("/v1/users/{}/ratings", user_id), Page[Rating], query={"limit": limit, "cursor": cursor}
        )

    @call
    def delete_rating(self, user_id: str, item_id: str) -> Call[None]:
        """Delete one rating."""
        return Call("DELETE", path_of("/v1/users/{}/ratings/{}", user_id, item_id), type(None))

    @call
    def add_interactions(
        self,
        user_id: str,
        interactions: Sequence[NewInteraction],
        *,
        attributes: Attributes | None = None,
        n: int | None = None,
        explain: bool | None = None,
    ) -> Call[Interactions]:
        """Store interactions, adapt to them, and recommend `n` items. Attributes, if given, replace the user's.

        Creates the user if new. Interactions with event ids can be sent again safely. They are durable when this
        returns.
        """
        return Call(
            "POST",
            path_of("/v1/users/{}/interactions", user_id),
            Interactions,
            query={"n": n, "explain": explain},
            body={"interactions": interactions, "attributes": attributes},
        )

    @listing
    def list_interactions(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Call[Page[Interaction]]:
        """The user's interactions, ordered by event id."""
        return Call(
            "GET",
            path_of("/v1/users/{}/interactions", user_id),
            Page[Interaction],
            query={"limit": limit, "cursor": cursor},
        )

    @call
    def delete_interaction(self, user_id: str, event_id: str) -> Call[None]:
        """Withdraw one interaction."""
        return Call("DELETE", path_of("/v1/users/{}/interactions/{}", user_id, event_id), type(None))

    @call
    def add_skips(self, user_id: str, item_ids: Sequence[str]) -> Call[None]:
        """Store that a user could not rate items, so that they are not candidates again. Creates the user if new."""
        return Call("POST", path_of("/v1/users/{}/skips", user_id), type(None), body={"item_ids": item_ids})

    @listing
    def list_skips(self, user_id: str, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[Skip]]:
        """The user's skips, ordered by item id."""
        return Call("GET", path_of("/v1/users/{}/skips", user_id), Page[Skip], query={"limit": limit, "cursor": cursor})

    @call
    def delete_skip(self, user_id: str, item_id: str) -> Call[None]:
        """Delete one skip: the item can be a candidate again."""
        return Call("DELETE", path_of("/v1/users/{}/skips/{}", user_id, item_id), type(None))

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
        fields: Sequence[str] | None = None,
    ) -> Call[RecommendationPage]:
        """Recommendations for a user, by default without items that the user has rated or interacted with.

        A user without stored data gets popular items.
        """
        return Call(
            "GET",
            path_of("/v1/users/{}/recommendations", user_id),
            RecommendationPage,
            query={
                "n": n,
                "exclude": exclude,
                "filter": _pairs(filter),
                "include_rated": include_rated,
                "explain": explain,
                "rank_by": rank_by,
                "diversity": diversity,
                "explore": explore,
                "seed": seed,
                "shown": shown,
                "cursor": cursor,
                "scenario": scenario,
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
    ) -> Call[ListExplanation]:
        """What a user gave, what the model concluded, and what moved each item of the user's list."""
        return Call(
            "GET",
            path_of("/v1/users/{}/recommendations:explain", user_id),
            ListExplanation,
            query={
                "n": n,
                "exclude": exclude,
                "filter": _pairs(filter),
                "include_rated": include_rated,
                "rank_by": rank_by,
                "diversity": diversity,
                "explore": explore,
                "seed": seed,
                "shown": shown,
                "cursor": cursor,
                "scenario": scenario,
            },
        )

    @call
    def recommend(
        self,
        *,
        attributes: Attributes | None = None,
        ratings: Sequence[GivenRating] | None = None,
        interactions: Sequence[GivenInteraction] | None = None,
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
            query={"n": n, "by": by, "exclude": exclude, "filter": _pairs(filter), "diversity": diversity},
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
    def start_list_export(
        self, *, n: int | None = None, rank_by: str | None = None, filter: Filter | None = None
    ) -> Call[ListExport]:
        """Start to rank for all stored users. `wait` returns the export when it has ended."""
        return Call("POST", "/v1/list-exports", ListExport, body={"n": n, "rank_by": rank_by, "filter": filter})

    @listing
    def list_list_exports(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[ListExport]]:
        """All list exports, newest first."""
        return Call("GET", "/v1/list-exports", Page[ListExport], query={"limit": limit, "cursor": cursor})

    @call
    def get_list_export(self, list_export_id: str) -> Call[ListExport]:
        """A list export with its progress."""
        return Call("GET", path_of("/v1/list-exports/{}", list_export_id), ListExport)

    @call
    def download_list_export(self, list_export_id: str) -> Call[bytes]:
        """The lists of all users as a Parquet file."""
        return Call("GET", path_of("/v1/list-exports/{}/file", list_export_id), bytes)

    @call
    def cancel_list_export(self, list_export_id: str) -> Call[ListExport]:
        """Cancel a queued or running list export. It stays in the list, and has no file."""
        return Call("DELETE", path_of("/v1/list-exports/{}", list_export_id), ListExport)

    @call
    def list_candidates(
        self,
        *,
        user_id: str | None = None,
        n: int | None = None,
        strategy: str | None = None,
        skipped: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        seed: int | None = None,
        scenario: str | None = None,
    ) -> Call[CandidatePage]:
        """Items whose ratings would tell most about a user, who may be new."""
        return Call(
            "GET",
            "/v1/candidates",
            CandidatePage,
            query={
                "user_id": user_id,
                "n": n,
                "strategy": strategy,
                "skipped": skipped,
                "exclude": exclude,
                "filter": _pairs(filter),
                "seed": seed,
                "scenario": scenario,
            },
        )

    @call
    def choose_candidates(
        self,
        *,
        ratings: Sequence[GivenRating] | None = None,
        interactions: Sequence[GivenInteraction] | None = None,
        skipped: Sequence[str] | None = None,
        strategy: str | None = None,
        n: int | None = None,
        exclude: Sequence[str] | None = None,
        filter: Filter | None = None,
        seed: int | None = None,
        scenario: str | None = None,
    ) -> Call[CandidatePage]:
        """Candidates from these arguments alone. Nothing is stored."""
        return Call(
            "POST",
            "/v1/candidates",
            CandidatePage,
            body={
                "ratings": ratings,
                "interactions": interactions,
                "skipped": skipped,
                "strategy": strategy,
                "n": n,
                "exclude": exclude,
                "filter": filter,
                "seed": seed,
                "scenario": scenario,
            },
        )

    @call
    def put_scenario(
        self,
        name: str,
        *,
        n: int | None = None,
        filter: Filter | None = None,
        rank_by: str | None = None,
        diversity: float | None = None,
        explore: float | None = None,
        boosts: Sequence[Boost] | None = None,
        pinned: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        include_rated: bool | None = None,
        strategy: str | None = None,
        percent: float | None = None,
    ) -> Call[Scenario]:
        """Create or replace a scenario: settings of lists, for all users or for `percent` of them."""
        return Call(
            "PUT",
            path_of("/v1/scenarios/{}", name),
            Scenario,
            body={
                "n": n,
                "filter": filter,
                "rank_by": rank_by,
                "diversity": diversity,
                "explore": explore,
                "boosts": boosts,
                "pinned": pinned,
                "exclude": exclude,
                "include_rated": include_rated,
                "strategy": strategy,
                "percent": percent,
            },
        )

    @listing
    def list_scenarios(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[Scenario]]:
        """The scenarios, ordered by name."""
        return Call("GET", "/v1/scenarios", Page[Scenario], query={"limit": limit, "cursor": cursor})

    @call
    def get_scenario(self, name: str) -> Call[Scenario]:
        """A scenario."""
        return Call("GET", path_of("/v1/scenarios/{}", name), Scenario)

    @call
    def delete_scenario(self, name: str) -> Call[None]:
        """Delete a scenario. Requests that name it are refused from then on."""
        return Call("DELETE", path_of("/v1/scenarios/{}", name), type(None))

    @call
    def list_click_rates(
        self,
        *,
        by: str | None = None,
        scenario: str | None = None,
        model_version: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Call[Page[ClickRate]]:
        """Clicks per showing by `scenario`, `position`, `model_version` or `list`; most shown groups come first."""
        return Call(
            "GET",
            "/v1/click-rates",
            Page[ClickRate],
            query={"by": by, "scenario": scenario, "model_version": model_version, "since": since, "until": until},
        )

    @call
    def put_item(
        self,
        item_id: str,
        *,
        title: str | None = None,
        attributes: Attributes | None = None,
        available: bool | None = None,
    ) -> Call[Item]:
        """Create or replace an item. It can be recommended at once, unless it is not available."""
        body = {"title": title, "attributes": attributes, "available": available}
        return Call("PUT", path_of("/v1/items/{}", item_id), Item, body=body)

    @call
    def patch_item(
        self,
        item_id: str,
        *,
        title: str | Kept | None = KEPT,
        attributes: Attributes | None = None,
        available: bool | None = None,
    ) -> Call[Item]:
        """Change only what is given of an item; None removes the title or an attribute.

        An item that is not `available` is in no list. What users did with it still counts.
        """
        return Call(
            "PATCH",
            path_of("/v1/items/{}", item_id),
            Item,
            body={"title": None if title is KEPT else title, "attributes": attributes, "available": available},
            nulls=() if title is KEPT else ["title"],
        )

    @call
    def put_items(self, items: Sequence[NewItem]) -> Call[Page[Item]]:
        """Create or replace up to 1,000 items, all or none of them."""
        return Call("POST", "/v1/items:batch", Page[Item], body={"items": items})

    @call
    def put_item_stream(self, items: Sequence[NewItem]) -> Call[ItemStream]:
        """Create or replace any number of items. Valid items are stored, errors are reported.

        It is the operation `put_items` with an NDJSON body. After an interruption, send the same items again.
        """
        return Call("POST", "/v1/items:batch", ItemStream, lines=items)

    @call
    def get_item(self, item_id: str) -> Call[Item]:
        """An item."""
        return Call("GET", path_of("/v1/items/{}", item_id), Item)

    @call
    def delete_item(self, item_id: str) -> Call[None]:
        """Delete an item from the catalogue. Its ratings are kept, but no longer used."""
        return Call("DELETE", path_of("/v1/items/{}", item_id), type(None))

    @listing
    def list_items(
        self,
        *,
        query: str | None = None,
        item_id: Sequence[str] | None = None,
        available: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Call[Page[Item]]:
        """The items of the catalogue, ordered by id.

        Only those with these ids, with this text in the title, or that may (or may not) be in lists.
        """
        return Call(
            "GET",
            "/v1/items",
            Page[Item],
            query={"query": query, "item_id": item_id, "available": available, "limit": limit, "cursor": cursor},
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
            query={"n": n, "filter": _pairs(filter), "days": days},
        )

    @call
    def get_schema(self) -> Call[Schema]:
        """The rating scale, and the attributes of users and items."""
        return Call("GET", "/v1/schema", Schema)

    @call
    def start_evaluation(
        self,
        *,
        model_version: str | None = None,
        states: Sequence[str] | None = None,
        baselines: Sequence[str] | None = None,
        list_baselines: Sequence[str] | None = None,
        seed: int | None = None,
        steps: int | None = None,
        paper_warm: bool | None = None,
        order: Literal["random", "time"] | None = None,
        query_size: int | None = None,
        min_ratings: int | None = None,
        max_ratings: int | None = None,
        bootstrap_resamples: int | None = None,
    ) -> Call[Evaluation]:
        """Start an evaluation of a model version, by default of the active one. `get_evaluation` shows its progress."""
        return Call(
            "POST",
            "/v1/evaluations",
            Evaluation,
            body={
                "model_version": model_version,
                "states": states,
                "baselines": baselines,
                "list_baselines": list_baselines,
                "seed": seed,
                "steps": steps,
                "paper_warm": paper_warm,
                "order": order,
                "query_size": query_size,
                "min_ratings": min_ratings,
                "max_ratings": max_ratings,
                "bootstrap_resamples": bootstrap_resamples,
            },
        )

    @listing
    def list_evaluations(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[EvaluationSummary]]:
        """All evaluations, newest first, without their reports."""
        return Call("GET", "/v1/evaluations", Page[EvaluationSummary], query={"limit": limit, "cursor": cursor})

    @call
    def get_evaluation(self, evaluation_id: str) -> Call[Evaluation]:
        """An evaluation with its progress, and its report once it has succeeded."""
        return Call("GET", path_of("/v1/evaluations/{}", evaluation_id), Evaluation)

    @call
    def cancel_evaluation(self, evaluation_id: str) -> Call[Evaluation]:
        """Cancel a queued or running evaluation. It stays in the list."""
        return Call("DELETE", path_of("/v1/evaluations/{}", evaluation_id), Evaluation)

    @call
    def get_evaluation_report(self, evaluation_id: str) -> Call[EvaluationReport]:
        """An evaluation's report."""
        return Call("GET", path_of("/v1/evaluations/{}/report", evaluation_id), EvaluationReport)

    @call
    def download_evaluation_report(self, evaluation_id: str) -> Call[str]:
        """An evaluation's report as one HTML file with plots and tables."""
        return Call("GET", path_of("/v1/evaluations/{}/report.html", evaluation_id), str)

    @call
    def start_training(
        self,
        *,
        preset: str | None = None,
        epochs: int | None = None,
        seed: int | None = None,
        with_data_set: bool | None = None,
        activate: bool | None = None,
    ) -> Call[Training]:
        """Start the training of a new version on the service's database, and activate it if requested and better.

        Without a preset, it has the active version's. `get_training` shows the progress.
        """
        return Call(
            "POST",
            "/v1/trainings",
            Training,
            body={
                "preset": preset,
                "epochs": epochs,
                "seed": seed,
                "with_data_set": with_data_set,
                "activate": activate,
            },
        )

    @listing
    def list_trainings(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[TrainingSummary]]:
        """All trainings, newest first, without their reports."""
        return Call("GET", "/v1/trainings", Page[TrainingSummary], query={"limit": limit, "cursor": cursor})

    @call
    def get_training(self, training_id: str) -> Call[Training]:
        """A training with its progress, and its report once it has succeeded."""
        return Call("GET", path_of("/v1/trainings/{}", training_id), Training)

    @call
    def cancel_training(self, training_id: str) -> Call[Training]:
        """Cancel a queued or running training. It stays in the list, and registers no version."""
        return Call("DELETE", path_of("/v1/trainings/{}", training_id), Training)

    @listing
    def list_model_versions(self, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[ModelVersion]]:
        """All registered versions, last registered first."""
        return Call("GET", "/v1/model-versions", Page[ModelVersion], query={"limit": limit, "cursor": cursor})

    @call
    def register_model_version(self, directory: str) -> Call[ModelVersion]:
        """Register an artifact in a directory of the service's machine, without activating it."""
        return Call("POST", "/v1/model-versions", ModelVersion, body={"directory": directory})

    @call
    def activate_model_version(self, version: str, *, allow_schema_change: bool | None = None) -> Call[ModelVersion]:
        """Activate a version for all users. To roll back, activate the former version."""
        return Call(
            "POST",
            path_of("/v1/model-versions/{}:activate", version),
            ModelVersion,
            query={"allow_schema_change": allow_schema_change},
        )

    @call
    def get_model_report(
        self, version: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Call[ModelReport]:
        """The report on a version, for a time if one is given: clicks, and the error of its predictions."""
        return Call(
            "GET",
            path_of("/v1/model-versions/{}/report", version),
            ModelReport,
            query={"since": since, "until": until},
        )

    @call
    def get_model_traffic(self) -> Call[ModelTraffic]:
        """The active version, and the challenger if there is one."""
        return Call("GET", "/v1/model-traffic", ModelTraffic)

    @call
    def put_challenger(self, version: str, percent: float) -> Call[ModelTraffic]:
        """Let a version serve a share of the users, always the same ones, instead of the active version."""
        return Call("PUT", "/v1/model-traffic/challenger", ModelTraffic, body={"version": version, "percent": percent})

    @call
    def delete_challenger(self) -> Call[None]:
        """End the challenge: the active version serves all users."""
        return Call("DELETE", "/v1/model-traffic/challenger", type(None))

    @call
    def add_events(self, events: Sequence[NewEvent]) -> Call[StoredEvents]:
        """Store up to 1,000 events of recommended items. Sending them again changes nothing."""
        return Call("POST", "/v1/events", StoredEvents, body={"events": events})

    @call
    def get_overview(self) -> Call[Overview]:
        """How much is stored, what serves, and what is wrong."""
        return Call("GET", "/v1/overview", Overview)

    @call
    def get_liveness(self) -> Call[Liveness]:
        """Whether the service's process is alive."""
        return Call("GET", "/health/live", Liveness)

    @call
    def get_readiness(self) -> Call[Readiness]:
        """Whether the service can answer requests, and which parts do not work."""
        return Call("GET", "/health/ready", Readiness, expected=[HTTPStatus.SERVICE_UNAVAILABLE])


def _pairs(filter: Filter | None) -> list[str] | None:
    """A filter as query parameters."""
    if filter is None:
        return None
    pairs = []
    for field, given in filter.items():
        if not isinstance(given, Mapping):
            pairs += [f"{field}:{value}" for value in given]
            continue
        for word, values in given.items():
            several = values if isinstance(values, Collection) and not isinstance(values, str) else [values]
            pairs += [f"{field}.{word}:{value}" for value in several]
    return pairs
