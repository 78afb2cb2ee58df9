"""All learners and heads, found by looking through their modules."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union

from pydantic import BaseModel, Field

import models.learners
import models.learners.heads
from models.learners.base import LearnerConfig
from models.learners.heads.base import HeadConfig

ConfigT = TypeVar("ConfigT", bound=BaseModel)


def configs_in(package: ModuleType, base: type[ConfigT]) -> tuple[type[ConfigT], ...]:
    """The configs with a `kind` that the modules of a package define, in the order of the modules' names."""
    return tuple(_defined_in(package, base))


def union_of(configs: tuple[type[ConfigT], ...]) -> Any:  # noqa: ANN401 - a type that only Pydantic reads
    """The discriminated union of configs, by their `kind`."""
    if len(configs) == 1:
        return configs[0]
    return Annotated[Union[configs], Field(discriminator="kind")]  # noqa: UP007 - the members are known at run time


def _defined_in(package: ModuleType, base: type[ConfigT]) -> Iterator[type[ConfigT]]:
    for found in pkgutil.iter_modules(package.__path__):
        module = import_module(f"{package.__name__}.{found.name}")
        for value in vars(module).values():
            is_config = isinstance(value, type) and issubclass(value, base) and "kind" in value.model_fields
            if is_config and value.__module__ == module.__name__:
                yield value


if TYPE_CHECKING:
    AnyLearnerConfig = LearnerConfig
    AnyHeadConfig = HeadConfig
else:
    AnyLearnerConfig = union_of(configs_in(models.learners, LearnerConfig))
    AnyHeadConfig = union_of(configs_in(models.learners.heads, HeadConfig))
