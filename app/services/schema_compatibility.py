"""Whether a model version may take the place of another one."""

from app.errors import FieldError
from models.data.schema import DatasetSchema, EntitySource


def schema_incompatibilities(schema: DatasetSchema, active: DatasetSchema) -> list[FieldError]:
    """What keeps a version from answering the requests that the active one answers, and from using what is stored.

    It must have the same rating scale, and all attributes of the active one, of the same kinds. More are no fault.
    """
    faults = []
    if str(schema.rating_scale) != str(active.rating_scale):
        faults.append(
            FieldError("rating_scale", f"is {schema.rating_scale}, but {active.rating_scale} in the active version")
        )
    for name in ("users", "items"):
        faults += _entity_faults(name, getattr(schema, name), getattr(active, name))
    return faults


def _entity_faults(where: str, source: EntitySource, active: EntitySource) -> list[FieldError]:
    kinds = {field.name: field.kind for field in source.fields}
    faults = []
    for field in active.fields:
        if field.name not in kinds:
            faults.append(FieldError(f"{where}.{field.name}", "is missing, but the active version has it"))
        elif kinds[field.name] != field.kind:
            reason = f"is {kinds[field.name].value}, but {field.kind.value} in the active version"
            faults.append(FieldError(f"{where}.{field.name}", reason))
    return faults
