"""Which fields a part of a body may have, to name the nearest one where a field is misspelt."""

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def fields_at(annotation: Any, path: Sequence[str | int]) -> list[str]:  # noqa: ANN401 - any type of a body
    """The names of the fields at a place of a body; none where it has no model.

    Args:
        annotation: The type of the body.
        path: Names of fields and indices of lists, such as `("ratings", 2)`.
    """
    for part in path:
        annotation = _plain(annotation)
        if isinstance(part, int):
            (annotation,) = get_args(annotation) or (None,)
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        else:
            annotation = _fields(annotation)[part].annotation if _is_model(annotation) else None
    annotation = _plain(annotation)
    return list(_fields(annotation)) if _is_model(annotation) else []


def _plain(annotation: Any) -> Any:  # noqa: ANN401
    """The type without what is annotated, and without None."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        others = [each for each in get_args(annotation) if each is not type(None)]
        return _plain(others[0]) if len(others) == 1 else None
    return annotation


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by the names that requests use."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_model(annotation: Any) -> bool:  # noqa: ANN401
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
