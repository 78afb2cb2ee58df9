"""Checks of answers against the model's schema and the catalogue."""

from collections.abc import Sequence

from anyio import to_thread

from app.errors import FieldError
from app.services.model_traffic import ServedModel
from app.storage.answers import AnswerRecord
from app.suggestions import suggestion
from models.data.item_values import decades
from models.data.rating_scale import RatingScale
from models.fields import field_type
from models.ranking.catalogue import Catalogue

_COMPARED_VALUES = 2000
"""The most values among which a similar one is looked for. It bounds the time."""
_LONGEST_VALUE = 100


async def answer_errors(answers: Sequence[AnswerRecord], served: ServedModel) -> list[FieldError]:
    """Errors for answers that do not fit the model, and for questions that are answered twice.

    A rating may lie between two steps of the scale, because it is about several items. Without a scale, every rating is
    an error: such a model takes preferences in pairs alone.
    """
    if not answers:
        return []
    # In a thread, because the first look at a field's values makes its index.
    return await to_thread.run_sync(_errors, answers, served)


def _errors(answers: Sequence[AnswerRecord], served: ServedModel) -> list[FieldError]:
    missing = served.missing({item_id for answer in answers for item_id in answer.item_ids})
    errors: list[FieldError] = []
    asked: set[str] = set()
    for index, answer in enumerate(answers):
        where = f"answers.{index}"
        errors += _rating_errors(answer, served.schema.rating_scale, where)
        if answer.field is not None and answer.value is not None:
            errors += _attribute_errors(answer.field, answer.value, served.recommender.catalogue, where)
        else:
            errors += _item_errors(answer, missing, where)
        if answer.question_id in asked:
            errors.append(FieldError(where, "answers a question that is answered twice in this request"))
        asked.add(answer.question_id)
    return errors


def _rating_errors(answer: AnswerRecord, scale: RatingScale | None, where: str) -> list[FieldError]:
    if answer.rating is None:
        return []
    if scale is None:
        return [FieldError(f"{where}.rating", "the active model takes no ratings: answer with null, or answer pairs")]
    if not scale.minimum <= answer.rating <= scale.maximum:
        return [FieldError(f"{where}.rating", f"must be from {scale.minimum:g} to {scale.maximum:g}")]
    return []


def _item_errors(answer: AnswerRecord, missing: set[str], where: str) -> list[FieldError]:
    errors = []
    for index, item_id in enumerate(answer.item_ids):
        if item_id in missing:
            errors.append(FieldError(f"{where}.item_ids.{index}", "is not in the catalogue"))
        if item_id in answer.item_ids[:index]:
            errors.append(FieldError(f"{where}.item_ids.{index}", "occurs twice in this answer"))
    if answer.preferred is not None and answer.preferred not in answer.item_ids:
        errors.append(FieldError(f"{where}.preferred", "is not an item of the pair"))
    return errors


def _attribute_errors(field: str, value: str, catalogue: Catalogue, where: str) -> list[FieldError]:
    names = [each.name for each in catalogue.model.schema.items.fields]
    if field not in names:
        return [FieldError(f"{where}.field", f"is not an attribute of the items; {suggestion(field, names)}")]
    values = _values(catalogue, field)
    if not values:
        return [FieldError(f"{where}.field", "has no values to ask about: it has neither categories nor years")]
    if value not in values:
        given = value[:_LONGEST_VALUE]
        return [FieldError(f"{where}.value", f"no item has {given!r}; {suggestion(given, values[:_COMPARED_VALUES])}")]
    return []


def _values(catalogue: Catalogue, name: str) -> Sequence[str]:
    """What can be asked about an attribute: its categories, or the decades of a field of years; empty for others."""
    source = catalogue.model.schema.items
    kind = field_type(next(field for field in source.fields if field.name == name))
    if kind.filterable and not kind.ordered:
        return catalogue.field_values.of(name)
    if name != source.date:
        return []
    found = decades(catalogue.column(name).drop_nulls())
    return [] if found is None else found.unique().sort().to_list()
