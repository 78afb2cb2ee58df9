"""Users and their attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import UserNotFoundError
from app.services.model_host import ModelHost
from app.services.validation import attribute_errors, raise_if_invalid
from app.storage.database import Database
from app.storage.ratings import RatingRepository
from app.storage.tables import User
from app.storage.users import UserRepository
from models.data.attribute_values import known_attributes


@dataclass(frozen=True)
class UserProfile:
    """A user, and the number of items that the user has rated."""

    user: User
    rating_count: int


class UserService:
    """Creates, lists, shows and erases users."""

    def __init__(self, database: Database, host: ModelHost) -> None:
        self._database = database
        self._host = host

    async def put(self, user_id: str, attributes: Mapping[str, object]) -> UserProfile:
        """Create a user, or replace a user's attributes. Ratings and interactions stay.

        Raises:
            InvalidRequestError: If the attributes contradict the schema.
            NoActiveModelError: If no model is being served: the schema is the model's.
        """
        source = (await self._host.current(user_id)).schema.users
        raise_if_invalid(attribute_errors(attributes, source))
        async with self._database.write() as session:
            await UserRepository(session).save({user_id: known_attributes(attributes, source)})
        return await self.get(user_id)

    async def get(self, user_id: str) -> UserProfile:
        """A user.

        Raises:
            UserNotFoundError: If the user is unknown.
        """
        async with self._database.read() as session:
            user = await UserRepository(session).get(user_id)
            if user is None:
                raise UserNotFoundError(user_id)
            return UserProfile(user, await RatingRepository(session).count(user_id))

    async def page(self, *, after: str | None, limit: int) -> Sequence[UserProfile]:
        """Users, ordered by id, after the id `after`."""
        async with self._database.read() as session:
            users = await UserRepository(session).page(after=after, limit=limit)
            counts = await RatingRepository(session).counts([user.id for user in users])
        return [UserProfile(user, counts.get(user.id, 0)) for user in users]

    async def delete(self, user_id: str) -> None:
        """Erase a user, with all ratings, interactions, skips and events.

        Raises:
            UserNotFoundError: If nothing is stored about the user.
        """
        async with self._database.write() as session:
            if not await UserRepository(session).delete(user_id):
                raise UserNotFoundError(user_id)
