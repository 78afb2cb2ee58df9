"""What an evaluation compares of a learner that takes local steps."""

from models.learners.base import Variant

_CURVE = (0, 1, 2, 3, 5, 10)
"""Points of the curve over local steps."""


def after(steps: int) -> Variant:
    """The learner after a number of local steps."""
    return Variant(f"{steps} steps", steps)


def curve_of(steps: int) -> tuple[Variant, ...]:
    """After 0, 1, 2, 3, 5 and 10 local steps, and after the preset's."""
    return tuple(after(point) for point in sorted({*_CURVE, steps}))
