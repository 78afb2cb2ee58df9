"""What an error says about a name that is not known: which names it may have meant."""

from collections.abc import Sequence
from difflib import get_close_matches

_MOST_NAMED = 20


def suggestion(given: str, known: Sequence[str]) -> str:
    """The names that are most like the given one, or else the known ones.

    Args:
        given: The unknown name.
        known: The known names; the most important ones first.
    """
    by_folded = {name.casefold(): name for name in known}
    if near := get_close_matches(given.casefold(), by_folded):
        return f"did you mean {' or '.join(by_folded[name] for name in near)}?"
    more = ", …" if len(known) > _MOST_NAMED else ""
    return f"known are: {', '.join(known[:_MOST_NAMED]) or 'none'}{more}"
