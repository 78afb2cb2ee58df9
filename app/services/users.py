"""Users and their attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import FieldError, InvalidRequestError, UserNotFoundError
from app.services.model_host import ModelHost
from app.services.validation import attribute_errors, changed_attributes, duplicate_errors, raise_if_invalid
from app.storage.database import Database
from app.storage.ratings import RatingRepository
from app.storage.saved import Saved
from app.storage.tables import User
from app.storage.user_merge import Moved, UserMergeRepository
from app.storage.users import UserRecord, UserRepository
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

    async def put_all(self, users: Sequence[UserRecord]) -> Sequence[UserProfile]:
        """Create users, or replace their attributes, all or none of them. Ratings and interactions stay.

        Raises:
            InvalidRequestError: If attributes contradict the schema, or an id occurs twice.
            NoActiveModelError: If no model is being served: the schema is the model's.
        """
        source = (await self._host.current()).schema.users
        raise_if_invalid(
            duplicate_errors([user.id for user in users], where="users.{}.user_id"),
            *(
                attribute_errors(user.attributes, source, where=f"users.{index}.attributes")
                for index, user in enumerate(users)
            ),
        )
        stored = [UserRecord(user.id, known_attributes(user.attributes, source)) for user in users]
        async with self._database.write() as session:
            await UserRepository(session).save_differing(stored)
            ids = [user.id for user in users]
            known = await UserRepository(session).of_ids(ids)
            counts = await RatingRepository(session).counts(ids)
        return [UserProfile(known[user_id], counts.get(user_id, 0)) for user_id in ids]

    async def store(self, users: Sequence[UserRecord]) -> Saved:
        """Create users, and replace the attributes of those that differ. The attributes must fit the schema."""
        async with self._database.write() as session:
            return await UserRepository(session).save_differing(users)

    async def patch(self, user_id: str, attributes: Mapping[str, object]) -> UserProfile:
        """Change some of a user's attributes; None removes one, and the others stay. Creates the user if new.

        Raises:
            InvalidRequestError: If the attributes contradict the schema.
            NoActiveModelError: If no model is being served: the schema is the model's.
        """
        source = (await self._host.current(user_id)).schema.users
        raise_if_invalid(attribute_errors(attributes, source))
        async with self._database.write() as session:
            users = UserRepository(session)
            # Locked before the attributes are read, so that no change of another request is lost.
            await users.save({user_id: None})
            stored = (await users.states([user_id]))[user_id].attributes
            await users.save({user_id: changed_attributes(stored, attributes, source)})
        return await self.get(user_id)

    async def merge(self, guest_id: str, user_id: str) -> Moved | None:
        """Move all that is stored about a guest to a user, and erase the guest. Creates the user if new.

        Of two ratings of an item the later is kept. The user's attributes stay, and those that the user lacks come
        from the guest.

        Returns:
            What has moved; None if nothing is stored about the guest, for example because it was merged before.

        Raises:
            InvalidRequestError: If both are the same user.
        """
        if guest_id == user_id:
            raise InvalidRequestError([FieldError("into", "is the user itself: name the user to merge into")])
        async with self._database.write() as session:
            return await UserMergeRepository(session).merge(guest_id, user_id)

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
