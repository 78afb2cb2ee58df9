"""The active model's schema: the rating scale, and the attributes that requests may name."""

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from app.api.authorisation import READ
from app.api.dependencies import ServicesDep
from app.api.problems import problem_responses
from app.api.schemas import ResponseModel, ShownVersion
from app.errors import NoActiveModelError
from app.services.model_versions import ActiveSchema
from models.data.schema import EntitySource
from models.fields import AttributeField, FieldKind, field_type

router = APIRouter(prefix="/v1/schema", tags=["schema"])


class ScaleResponse(ResponseModel):
    """The rating scale, and the lowest rating that counts as liking.

    On a continuous scale every number from `minimum` to `maximum` is a rating, and `step` is null.
    """

    minimum: float = Field(examples=[1.0])
    maximum: float = Field(examples=[5.0])
    continuous: bool = Field(examples=[False])
    step: float | None = Field(examples=[1.0])
    liked_from: float = Field(examples=[4.0])


class FieldResponse(ResponseModel):
    """An attribute.

    It is a string if it is categorical or a text, a list of strings if multi-valued, a number if continuous, and a list
    of numbers if it is a vector.
    """

    name: str = Field(examples=["genre"])
    kind: FieldKind
    dimensions: int | None = Field(description="Length of a vector; null for other kinds.", examples=[None])
    filterable: bool = Field(
        description="Whether items can be filtered by it: by ranges if it is continuous, by values otherwise.",
        examples=[True],
    )

    @classmethod
    def of(cls, field: AttributeField) -> Self:
        """The answer about one attribute."""
        filterable = field_type(field).filterable
        return cls(name=field.name, kind=field.kind, dimensions=field.dimensions, filterable=filterable)


class EntityResponse(ResponseModel):
    """The attributes of users or items. `date` names the field that says when items are new, if there is one."""

    fields: list[FieldResponse]
    date: str | None = Field(examples=["year"])

    @classmethod
    def of(cls, source: EntitySource) -> Self:
        """The answer about users or items."""
        return cls(fields=[FieldResponse.of(field) for field in source.fields], date=source.date)


class SchemaResponse(ResponseModel):
    """The schema of the data that the active model was trained on."""

    data: str = Field(description="Name of the data set.", examples=["ml-100k"])
    rating_scale: ScaleResponse | None = Field(description="null if the active model takes no ratings.")
    interaction_kinds: dict[str, float] = Field(
        description="The kinds of interactions and their weights. A negative one says that the item is not wanted.",
        examples=[{"view": 0.2, "purchase": 1.0, "dislike": -1.0}],
    )
    users: EntityResponse
    items: EntityResponse
    model_version: ShownVersion

    @classmethod
    def of(cls, active: ActiveSchema) -> Self:
        """The answer about the schema."""
        scale = active.schema.rating_scale
        return cls(
            data=active.schema.name,
            rating_scale=scale and ScaleResponse.model_validate(scale),
            interaction_kinds=active.schema.kinds,
            users=EntityResponse.of(active.schema.users),
            items=EntityResponse.of(active.schema.items),
            model_version=active.model_version,
        )


@router.get("", dependencies=[READ], responses=problem_responses(NoActiveModelError))
async def get_schema(services: ServicesDep) -> SchemaResponse:
    """The rating scale, and the attributes of users and items."""
    return SchemaResponse.of(await services.model_versions.active_schema())
