"""Calls about what users give and do: ratings, interactions, skips and events."""

from collections.abc import Sequence

from coldstart_client.call import Call, path_of
from coldstart_client.given import Attributes, GivenRating, NewEvent, NewInteraction
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.feedback import Interaction, Interactions, Rating, Ratings, Skip, StoredEvents


class FeedbackCalls:
    """Calls about what users give and do: ratings, interactions, skips and events."""

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
    def add_events(self, events: Sequence[NewEvent]) -> Call[StoredEvents]:
        """Store up to 1,000 events of recommended items. Sending them again changes nothing."""
        return Call("POST", "/v1/events", StoredEvents, body={"events": events})
