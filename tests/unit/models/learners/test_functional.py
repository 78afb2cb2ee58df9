import torch
from torch import Tensor, nn

from models.learners.functional import call_with


class Watched(nn.Module):
    """A linear layer, and what another thread would see of it while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2, bias=False)
        self.register_buffer("offset", torch.ones(2))
        self.seen: list[Tensor] = []
        self.others: list[Watched] = []

    def forward(self, inputs: Tensor) -> Tensor:
        """The layer's output."""
        self.seen.extend(other.layer.weight for other in self.others)
        output: Tensor = self.layer(inputs) + self.offset
        return output


def test_call_with_other_parameters_uses_them() -> None:
    module = Watched()
    output = call_with(module, {"layer.weight": 3 * torch.eye(2)}, (torch.tensor([1.0, 2.0]),))
    assert output.tolist() == [4, 7]


def test_call_with_when_running_leaves_the_module_as_other_threads_see_it() -> None:
    module = Watched()
    module.others.append(module)
    own = module.layer.weight
    call_with(module, {"layer.weight": torch.eye(2)}, (torch.ones(2),))
    assert [seen is own for seen in module.seen] == [True]


def test_call_with_has_gradients_of_the_parameters_that_are_not_given() -> None:
    module = Watched()
    call_with(module, {"offset": torch.zeros(2)}, (torch.ones(2),)).sum().backward()
    assert module.layer.weight.grad is not None
    assert module.layer.weight.grad.tolist() == [[1, 1], [1, 1]]
