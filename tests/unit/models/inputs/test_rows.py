"""TensorRows, compared with indexing of plain torch tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.inputs.rows import TensorRows


@dataclass(frozen=True)
class Rows(TensorRows):
    """Rows with a scalar, a vector and a matrix of integers."""

    scalar: Tensor
    vector: Tensor
    matrix: Tensor


def random_rows(*shape: int, seed: int = 0, width: int = 3) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    return Rows(
        scalar=torch.randn(shape, generator=generator),
        vector=torch.randn(*shape, width, generator=generator),
        matrix=torch.randint(100, (*shape, 2, 2), generator=generator),
    )


def require_equal(actual: Rows, expected: Sequence[Tensor]) -> None:
    assert type(actual) is Rows
    for value, other in zip(actual.tensors(), expected, strict=True):
        assert value.dtype is other.dtype
        assert torch.equal(value, other)


SEEDS = st.integers(0, 1000)


class TestTake:
    @given(
        count=st.integers(1, 6),
        shape=st.lists(st.integers(0, 4), max_size=3),
        width=st.integers(0, 3),
        seed=SEEDS,
    )
    def test_take_with_any_shape_equals_indexing(self, count: int, shape: list[int], width: int, seed: int) -> None:
        rows = random_rows(count, seed=seed, width=width)
        index = torch.randint(count, tuple(shape), generator=torch.Generator().manual_seed(seed))
        require_equal(rows.take(index), [values[index] for values in rows.tensors()])

    def test_take_from_no_rows_gives_no_rows(self) -> None:
        assert len(random_rows(0).take(torch.zeros(0, dtype=torch.int64))) == 0

    def test_gradients_of_rows_taken_twice_add_up(self) -> None:
        rows = random_rows(4)
        rows.vector.requires_grad_()
        rows.take(torch.tensor([[1, 1], [1, 3]])).vector.sum().backward()
        assert rows.vector.grad is not None
        assert rows.vector.grad[:, 0].tolist() == [0, 3, 0, 1]


class TestAppend:
    @given(first=st.integers(0, 5), second=st.integers(0, 5), seed=SEEDS)
    def test_append_of_any_rows_equals_concatenation(self, first: int, second: int, seed: int) -> None:
        rows, others = random_rows(first, seed=seed), random_rows(second, seed=seed + 1)
        appended = rows.append(others)
        assert len(appended) == first + second
        require_equal(appended[:first], rows.tensors())
        require_equal(appended[first:], others.tensors())


class TestExpand:
    @given(count=st.integers(0, 5), shape=st.lists(st.integers(0, 3), min_size=1, max_size=2), seed=SEEDS)
    def test_expand_repeats_the_rows_along_a_new_first_dimension(self, count: int, shape: list[int], seed: int) -> None:
        rows = random_rows(*shape, seed=seed)
        expanded = rows.expand(count)
        require_equal(
            expanded, [torch.stack([values] * count) if count else values[None][:0] for values in rows.tensors()]
        )

    def test_expand_copies_nothing(self) -> None:
        rows = random_rows(4)
        expanded = rows.expand(1000)
        assert [values.data_ptr() for values in expanded.tensors()] == [values.data_ptr() for values in rows.tensors()]


class TestCollect:
    @given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=5), seed=SEEDS)
    def test_collect_of_pieces_of_any_size_equals_concatenation(self, sizes: list[int], seed: int) -> None:
        pieces = [random_rows(size, seed=seed + number) for number, size in enumerate(sizes)]
        collected = Rows.collect(iter(pieces), sum(sizes))
        expected = [torch.cat(tensors) for tensors in zip(*(piece.tensors() for piece in pieces), strict=True)]
        require_equal(collected, expected)

    def test_collected_rows_share_no_memory_with_the_pieces(self) -> None:
        piece = random_rows(3)
        collected = Rows.collect(iter([piece]), 3)
        piece.vector.zero_()
        assert collected.vector.any()


class TestRows:
    @given(count=st.integers(1, 6), seed=SEEDS, data=st.data())
    def test_index_of_any_kind_equals_indexing_each_tensor(self, count: int, seed: int, data: st.DataObject) -> None:
        rows = random_rows(count, 2, seed=seed)
        limits = st.none() | st.integers(-count, count)
        start, stop, row = data.draw(limits), data.draw(limits), data.draw(st.integers(-count, count - 1))
        chosen = torch.tensor(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
        for index in (row, slice(start, stop), (slice(start, stop), slice(1)), chosen, torch.tensor([row])):
            require_equal(rows[index], [values[index] for values in rows.tensors()])

    @pytest.mark.parametrize("count", [0, 1, 5])
    def test_length_of_rows_is_the_first_dimension(self, count: int) -> None:
        assert len(random_rows(count)) == count

    def test_map_applies_a_function_to_every_tensor(self) -> None:
        rows = random_rows(3)
        require_equal(rows.map(lambda values: values * 2), [values * 2 for values in rows.tensors()])

    def test_tensors_are_in_the_order_of_the_fields(self) -> None:
        rows = random_rows(2)
        assert all(
            first is second
            for first, second in zip(rows.tensors(), (rows.scalar, rows.vector, rows.matrix), strict=True)
        )

    def test_device_is_that_of_the_tensors(self) -> None:
        assert random_rows(2).map(lambda values: values.to("meta")).device.type == "meta"
