"""Walks over memory: the order of their loops."""

import pytest

from birdnet_stm32.codegen.strides import longest_inside


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((1, 2, 576, 3), (1, 2, 3, 576)),
        ((1, 1, 40, 16), (1, 1, 40, 16)),
        ((9, 5, 3, 9), (5, 3, 9, 9)),
        ((1, 1, 1, 5), (1, 1, 1, 5)),
    ],
)
def test_a_short_row_gives_way_to_the_longest(sizes: tuple[int, ...], expected: tuple[int, ...]) -> None:
    a, b, c, d = sizes
    first, second = (a, 100 * b, 100 * c, 1), (-a, b, -c, d)
    walk = longest_inside(((a, b, c, d), first, second))
    assert walk[0] == expected
    assert sorted(zip(*walk, strict=True)) == sorted(zip(sizes, first, second, strict=True))
