"""The schema of the active model."""

from coldstart_client.models.answer import Answer


class Scale(Answer):
    """The rating scale, and the lowest rating that counts as liking; a continuous scale has no step."""

    minimum: float
    maximum: float
    continuous: bool
    step: float | None
    liked_from: float


class Field(Answer):
    """An attribute, and whether items can be filtered by it.

    It is a string if its kind is categorical or text, a list of strings if multi_valued, a number if continuous, and a
    list of so many numbers as it has dimensions if it is a vector.
    """

    name: str
    kind: str
    dimensions: int | None
    filterable: bool


class Entity(Answer):
    """The attributes of users or items. `date` names the field that says when items are new, if there is one."""

    fields: list[Field]
    date: str | None


class Schema(Answer):
    """The schema of the active model: the rating scale, the kinds of interactions, and the attributes.

    A model of interactions has no rating scale. A kind with a negative weight says that the item is not wanted.
    """

    data: str
    rating_scale: Scale | None
    interaction_kinds: dict[str, float]
    users: Entity
    items: Entity
    model_version: str
