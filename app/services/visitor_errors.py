"""Errors in what a request says of a visitor who is not stored."""

from collections.abc import Mapping

from app.errors import FieldError
from app.lists.feedback import Feedback
from app.services.answer_errors import answer_errors
from app.services.model_traffic import ServedModel
from app.services.validation import attribute_errors, interaction_errors, missing_item_errors, rating_errors


async def visitor_errors(attributes: Mapping[str, object], feedback: Feedback, served: ServedModel) -> list[FieldError]:
    """Errors for attributes and feedback that contradict the schema or the catalogue."""
    schema = served.schema
    rated = served.missing([each.item_id for each in feedback.ratings])
    interacted = served.missing([each.item_id for each in feedback.interactions])
    return [
        *attribute_errors(attributes, schema.users),
        *rating_errors(feedback.ratings, schema.rating_scale, rated),
        *interaction_errors(feedback.interactions, schema.kinds, interacted),
        *missing_item_errors(feedback.skipped, served.missing(feedback.skipped), where="skipped"),
        *await answer_errors(feedback.answers, served),
    ]
