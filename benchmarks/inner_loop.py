"""How closely the plain inner loop, autograd in a loop over users, and the low-rank update agree.

    python -m benchmarks.inner_loop

Prints a Markdown table of the largest differences of query predictions and outer gradients, in float64 and relative to
the largest value, and the number of lines of code of the plain inner loop.
"""

import ast
import inspect

import torch

from models.learners import inner_loop
from tests.unit.models.learners.local_update_task import (
    autograd_predictions,
    cut_to_sizes,
    gradients_of_query_loss,
    largest_difference,
    low_rank_predictions,
    plain_predictions,
    random_task,
)


def differences(*, steps: int, second_order: bool) -> list[float]:
    """The largest differences between autograd, the plain loop and the low-rank update.

    Returns:
        For each pair (plain and autograd, plain and low-rank), the difference of predictions and that of gradients.
    """
    found = {}
    for name, way in (("autograd", autograd_predictions), ("plain", plain_predictions), ("fast", low_rank_predictions)):
        task = random_task().to(torch.float64)
        predictions = way(task, steps=steps, second_order=second_order)
        if isinstance(predictions, torch.Tensor):
            predictions = cut_to_sizes(predictions)
        gradients = gradients_of_query_loss(task, predictions)
        if not second_order:
            # The prior is part of the plain loop's loss, so its first-order gradient is 0.
            del gradients["prior"]
        found[name] = torch.cat(predictions), gradients
    plain, plain_gradients = found["plain"]
    result = []
    for name in ("autograd", "fast"):
        predictions, gradients = found[name]
        result += [
            largest_difference(plain, predictions),
            max(largest_difference(plain_gradients[leaf], gradient) for leaf, gradient in gradients.items()),
        ]
    return result


def lines_of_code(function: object) -> int:
    """Lines of a function or class without its docstrings and blank lines."""
    source = inspect.getsource(function)  # type: ignore[arg-type]
    docstrings = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            docstrings.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(bool(line.strip()) and number not in docstrings for number, line in lines)


def main() -> None:
    """Print the table."""
    pairs = [
        f"{quantity}: plain loop − {other}"
        for other in ("autograd", "low-rank update")
        for quantity in ("predictions", "outer gradients")
    ]
    print(f"| steps | order | {' | '.join(pairs)} |")
    print("|---" * (len(pairs) + 2) + "|")
    for steps in (1, 5):
        for second_order in (False, True):
            values = [f"{value:.1e}" for value in differences(steps=steps, second_order=second_order)]
            print(f"| {steps} | {'second' if second_order else 'first'} | {' | '.join(values)} |")
    print(
        f"\nThe function `inner_loop` has {lines_of_code(inner_loop.inner_loop)} lines of code without its docstring."
    )


if __name__ == "__main__":
    main()
