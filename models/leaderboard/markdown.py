"""Tables and figures as Markdown."""

from collections.abc import Sequence

from models.evaluation.figures import Estimate


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row is its header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0].replace("|  |", "| |", 1), "|" + "---|" * len(rows[0]), *lines[1:]])


def with_interval(estimate: Estimate) -> str:
    """A figure with its interval, such as "0.741 (0.733–0.749)"."""
    if not estimate.has_interval:
        return f"{estimate.value:.3f}"
    low, high = estimate.ends
    without = f", without {estimate.undefined_users:,} users" if estimate.undefined_users else ""
    return f"{estimate.value:.3f} ({low:.3f}–{high:.3f}{without})"


def difference(estimate: Estimate) -> str:
    """A difference with its interval, such as "-0.0102 (-0.0130 to -0.0074)"."""
    if not estimate.has_interval:
        return f"{estimate.value:+.4f}"
    low, high = estimate.ends
    return f"{estimate.value:+.4f} ({low:+.4f} to {high:+.4f})"
