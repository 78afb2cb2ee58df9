"""What Tab completes. Nothing here imports torch or SQLAlchemy: that takes longer than a user waits.

So the names of data sets and states stand here a second time; a test compares both.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

DATASETS = ("ml-100k", "ml-1m", "ml-latest-small")
STATES = ("warm", "user_cold", "item_cold", "user_and_item_cold")

_PRESETS = Path(__file__).parents[2] / "models/training/presets"


def complete_dataset(incomplete: str) -> list[str]:
    """The public data sets."""
    return _beginning_with(incomplete, DATASETS)


def complete_device(incomplete: str) -> list[str]:
    """The usual devices."""
    return _beginning_with(incomplete, ("cpu", "cuda", "mps"))


def complete_preset(incomplete: str) -> list[str]:
    """The presets that come with the product. Where none fits, shells complete the names of files."""
    return _beginning_with(incomplete, _preset_names())


def complete_presets(incomplete: str) -> list[str]:
    """The presets that a comma-separated list does not have yet, and `all`."""
    return _further(incomplete, ("all", *_preset_names()))


def complete_states(incomplete: str) -> list[str]:
    """The states that a comma-separated list does not have yet."""
    return _further(incomplete, STATES)


def complete_model_version(incomplete: str) -> list[str]:
    """The ids of the registered versions, last registered first."""
    from app.storage.names import model_version_ids

    return _stored(incomplete, model_version_ids)


def complete_key(incomplete: str) -> list[str]:
    """The names of the keys that are not revoked."""
    from app.storage.names import api_key_names

    return _stored(incomplete, api_key_names)


def _preset_names() -> list[str]:
    return sorted(path.stem for path in _PRESETS.glob("*.toml"))


def _further(incomplete: str, names: Iterable[str]) -> list[str]:
    """A comma-separated list, continued by each of the names that it does not have yet."""
    given, comma, last = incomplete.rpartition(",")
    used = given.split(",")
    return [f"{given}{comma}{name}" for name in _beginning_with(last, names) if name not in used]


def _beginning_with(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _stored(incomplete: str, names_in: Callable[[str], list[str]]) -> list[str]:
    """Names in the service's database; none if it cannot be read, because a completion never fails."""
    # As in `app.settings`, which takes a while to import.
    state = os.environ.get("COLDSTART_STATE_DIR", ".coldstart")
    url = os.environ.get("COLDSTART_DATABASE_URL", f"sqlite:///{state}/coldstart.db")
    try:
        return _beginning_with(incomplete, names_in(url))
    except Exception:  # the command itself reports what is wrong
        return []
