"""Ids of lists, to which events refer.

An id holds a hash of the list, and the scenario and variant for which it was made. So nothing is stored when a list is
made, and an event says all that reports count.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_FORM = re.compile(r"^[0-9a-f]{16}(\.(?P<scenario>[a-z0-9][a-z0-9-]{0,63})\.(?P<variant>scenario|control))?$")


@dataclass(frozen=True)
class ListOrigin:
    """Where a list was shown.

    Attributes:
        scenario: The scenario; None for a list without one.
        variant: Whether its settings applied.
    """

    scenario: str | None
    variant: str | None


def recommendation_id(model_version: str, item_ids: Iterable[str], origin: ListOrigin) -> str:
    """The id of a list. Equal lists of one model version have the same id."""
    digest = hashlib.blake2b("\0".join([model_version, *item_ids]).encode(), digest_size=8).hexdigest()
    return digest if origin.scenario is None else f"{digest}.{origin.scenario}.{origin.variant}"


def origin_of(recommendation_id: str) -> ListOrigin | None:
    """Where the list of an id was shown; None for what is no id of a list."""
    match = _FORM.match(recommendation_id)
    return None if match is None else ListOrigin(match["scenario"], match["variant"])
