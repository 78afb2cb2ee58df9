"""Which part of a body an error of Pydantic's is about, and which fields that part may have.

The fields are for naming the nearest one where a field is misspelt.
"""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def path_in_body(annotation: Any, location: Sequence[str | int]) -> list[str | int]:  # noqa: ANN401 - any type of a body
    """The path of a part as the body has it.

    In a union that is told apart by a field, Pydantic's locations name the value of this field, which is no part of the
    path: `("answers", 0, "pair", "item_ids")`.

    Args:
        annotation: The type of the body.
        location: Where Pydantic says that the part is.
    """
    path = []
    for part in location:
        if part not in _tagged(_plain(annotation)):
            path.append(part)
        annotation = _inside(annotation, part)
    return path


def fields_at(annotation: Any, location: Sequence[str | int]) -> list[str]:  # noqa: ANN401
    """The names of the fields at a place of a body; none where it has no model.

    Args:
        annotation: The type of the body.
        location: Names of fields and indices of lists, such as `("ratings", 2)`, as Pydantic says.
    """
    for part in location:
        annotation = _inside(annotation, part)
    annotation = _plain(annotation)
    return list(_fields(annotation)) if _is_model(annotation) else []


def tags_at(annotation: Any, location: Sequence[str | int]) -> list[str]:  # noqa: ANN401
    """The values of the field that tells apart the models of a union at a place of a body."""
    for part in location:
        annotation = _inside(annotation, part)
    return list(map(str, _tagged(_plain(annotation))))


def _inside(annotation: Any, part: str | int) -> Any:  # noqa: ANN401
    """The type of a part; None if it is not known."""
    annotation = _plain(annotation)
    if part in (tagged := _tagged(annotation)):
        return tagged[part]
    if get_origin(annotation) is list:
        return get_args(annotation)[0]
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    field = _fields(annotation).get(str(part)) if _is_model(annotation) else None
    return None if field is None else field.annotation


def _tagged(annotation: Any) -> dict[str | int, type[BaseModel]]:  # noqa: ANN401
    """The models of a union that is told apart by a field, by the values of that field."""
    if not _is_union(annotation):
        return {}
    return {
        tag: model
        for model in get_args(annotation)
        if _is_model(model)
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
        for tag in get_args(field.annotation)
    }


def _plain(annotation: Any) -> Any:  # noqa: ANN401
    """The type without what is annotated, and without None."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if _is_union(annotation):
        others = [each for each in get_args(annotation) if each is not type(None)]
        return _plain(others[0]) if len(others) == 1 else annotation
    return annotation


def _is_union(annotation: Any) -> bool:  # noqa: ANN401
    return get_origin(annotation) in {Union, UnionType}


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by the names that requests use."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_model(annotation: Any) -> bool:  # noqa: ANN401
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
