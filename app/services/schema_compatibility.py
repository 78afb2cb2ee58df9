"""Schema compatibility: whether a model version can replace the active one."""

from app.errors import FieldError
from models.data.schema import DatasetSchema, EntitySource


def schema_incompatibilities(schema: DatasetSchema, active: DatasetSchema) -> list[FieldError]:
    """Why a version cannot answer the requests of the active version, or cannot use the stored data.

    The version must have the same rating scale, and all kinds of interactions and all attributes of the active version.
    Attributes must be of the same kinds and dimensions. It may have more of them.
    """
    errors = []
    if str(schema.rating_scale) != str(active.rating_scale):
        errors.append(
            FieldError("rating_scale", f"is {schema.rating_scale}, but {active.rating_scale} in the active version")
        )
    errors += [
        FieldError(f"interaction_kinds.{kind}", "is missing, but the active version has it")
        for kind in active.kinds
        if kind not in schema.kinds
    ]
    for name in ("users", "items"):
        errors += _entity_incompatibilities(name, getattr(schema, name), getattr(active, name))
    return errors


def _entity_incompatibilities(where: str, source: EntitySource, active: EntitySource) -> list[FieldError]:
    fields = {field.name: field for field in source.fields}
    errors = []
    for field in active.fields:
        if field.name not in fields:
            errors.append(FieldError(f"{where}.{field.name}", "is missing, but the active version has it"))
        elif not fields[field.name].takes_values_of(field):
            reason = f"is {fields[field.name].description}, but {field.description} in the active version"
            errors.append(FieldError(f"{where}.{field.name}", reason))
    return errors
