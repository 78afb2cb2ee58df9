"""Calls about users."""

from collections.abc import Sequence

from coldstart_client.call import Call, path_of
from coldstart_client.given import Attributes, NewUser
from coldstart_client.methods import call, listing
from coldstart_client.models.answer import Page
from coldstart_client.models.users import Merge, User, UserStream


class UserCalls:
    """Calls about users."""

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

        Of two ratings of an item, or answers to a question, the later is kept. The user's attributes stay, and those
        that the user lacks come from the guest. Merging again is harmless.
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
        """Erase a user, with all ratings, interactions, skips, answers and events."""
        return Call("DELETE", path_of("/v1/users/{}", user_id), type(None))
