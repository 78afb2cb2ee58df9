"""The preset `coldstart` without one of its parts, for each part: what the part is worth."""

from collections.abc import Mapping
from typing import Any

from models.training.preset import Preset, load_preset

ABLATIONS: dict[str, dict[str, Any]] = {
    "a squared error instead of the ordinal head": {"head": {"kind": "squared_error"}},
    "the same thresholds and scale for all users": {"head": {"max_shift": 0.0}},
    "no collaborative inputs": {"inputs": {"collaborative": None}},
    "no batches with items treated as new": {"training": {"new_item_batches": 0.0}},
    "no noise on items treated as new": {"inputs": {"collaborative": {"new_item_noise": 0.0}}},
    "no principal components of the attributes": {"inputs": {"collaborative": {"components": 0}}},
    "a prior mean that ignores which items are rated": {"learner": {"half_weight_count": None}},
    "no hidden layers": {"learner": {"hidden": ()}},
    "gradient steps instead of the closed form": {
        "learner": {"kind": "melu", "steps": 5, "rate": 0.02, "prior_ratings": 3.0}
    },
}
"""The changes of the preset, by what it does without. A table of another kind replaces the preset's table."""


def ablated(name: str) -> Preset:
    """The preset of an ablation."""
    return Preset.model_validate(_merged(load_preset("coldstart").model_dump(), ABLATIONS[name]))


def _merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table with changes, also inside its tables."""
    merged = dict(table)
    for name, change in changes.items():
        value = table[name]
        is_same_kind = isinstance(change, dict) and change.get("kind", value.get("kind")) == value.get("kind")
        merged[name] = _merged(value, change) if is_same_kind else change
    return merged
