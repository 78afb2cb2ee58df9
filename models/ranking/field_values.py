"""The values that the fields of a catalogue's items have, and those that the model knows."""

from collections.abc import Sequence

from models.artifact import TrainedModel
from models.fields.folding import folded
from models.fields.vocabulary import VocabularyField
from models.ranking.part import Part


class FieldValues:
    """The values by which items can be filtered."""

    def __init__(self, model: TrainedModel, parts: Sequence[Part]) -> None:
        self._model = model
        self._parts = parts

    def has(self, name: str, value: str | float) -> bool:
        """Whether a filter by this value of a field makes sense: an item has it, or the model was trained with it.

        Any number of a continuous field makes sense.

        Raises:
            ValueError: The items do not have the field or cannot be filtered by it, or the field cannot have the value.
        """
        if any(part.filters.has(name, value) for part in self._parts):
            return True
        return folded(str(value)) in map(folded, self._vocabulary(name))

    def of(self, name: str) -> list[str]:
        """The values of a field, those that most items have first; ValueError as in `has`."""
        of_items = (value for part in self._parts for value in part.filters.values(name))
        return list(dict.fromkeys([*of_items, *self._vocabulary(name)]))

    def _vocabulary(self, name: str) -> Sequence[str]:
        """The values of a field that the model was trained with."""
        fields = self._model.manifest.item_encoder.fields
        return next((field.values for field in fields if field.name == name and isinstance(field, VocabularyField)), ())
