"""What a report says in one sentence."""

from collections.abc import Sequence

from models.baselines import ALL_BASELINES
from models.evaluation import StateReport
from models.metrics import MAE

_COUNTS = {1: "the state", 2: "both states", 3: "all three states", 4: "all four states"}


def verdict(states: Sequence[StateReport], names: dict[str, str]) -> str | None:
    """How the evaluated model's MAE compares with that of the best baseline; None without baselines.

    A difference counts if the two 95 % intervals do not overlap, which is stricter than an interval of the difference.

    Args:
        states: States with users.
        names: What to call a state, by its label.
    """
    found: dict[str, list[str]] = {"lower": [], "higher": [], "unclear": []}
    for state in states:
        own = state.predictors[0].measures[MAE.name]
        baselines = [
            predictor.measures[MAE.name] for predictor in state.predictors[1:] if predictor.name in ALL_BASELINES
        ]
        if not baselines:
            return None
        best = min(baselines, key=lambda estimate: estimate.value)
        if not (own.has_interval and best.has_interval):  # a single user tells nothing
            kind = "unclear"
        else:
            (own_low, own_high), (best_low, best_high) = own.ends, best.ends
            kind = "lower" if own_high < best_low else "higher" if own_low > best_high else "unclear"
        found[kind].append(names[state.state])
    words = {"lower": "Lower error than", "higher": "Higher error than", "unclear": "No clear difference from"}
    parts = [
        f"{words[kind]} the best baseline in "
        + (_COUNTS[len(states)] if len(where) == len(states) else f"{len(where)} of {len(states)} states")
        + ("" if len(where) == len(states) else f" ({'; '.join(where)})")
        for kind, where in found.items()
        if where
    ]
    return ". ".join(parts) + "." if parts else None
