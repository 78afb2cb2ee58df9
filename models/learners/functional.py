"""Calls of modules with other parameters than their own."""

from collections.abc import Mapping
from copy import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def call_with(module: nn.Module, parameters: Mapping[str, Tensor], inputs: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """The output of a module with these parameters, by name, in the place of its own.

    `torch.func.functional_call` exchanges the parameters of the module while it runs. A service adapts to several users
    in several threads, and another thread would meet the exchanged ones. So it gets a twin of the module.
    """
    return torch.func.functional_call(_twin(module), dict(parameters), inputs)


def _twin(module: ModuleT) -> ModuleT:
    """A module that shares all tensors with the given one, and in which they can be exchanged."""
    twin = copy(module)
    twin._parameters = module._parameters.copy()
    twin._buffers = module._buffers.copy()
    twin._modules = {name: None if child is None else _twin(child) for name, child in module._modules.items()}
    return twin
