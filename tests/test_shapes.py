import pytest
import torch

from rev2net_lite.shapes import ShapeError, check_shape


def test_returns_the_size_of_each_named_axis():
    assert check_shape("clip", torch.zeros(2, 3, 8, 16, 20), "b 3 t h w") == {"b": 2, "t": 8, "h": 16, "w": 20}


def test_leading_dots_accept_any_number_of_axes():
    assert check_shape("flow", torch.zeros(5, 4, 2, 16, 20), "... 2 h w") == {"h": 16, "w": 20}
    assert check_shape("flow", torch.zeros(2, 16, 20), "... 2 h w") == {"h": 16, "w": 20}


@pytest.mark.parametrize(
    ("shape", "pattern", "sizes", "message"),
    [
        (
            (3, 8, 16, 20),
            "b 3 t h w",
            {},
            r"clip has shape \(3, 8, 16, 20\) with 4 axes; 'b 3 t h w' has 5; .*tensor\[None\]",
        ),
        ((16,), "... c h w", {}, r"clip has shape \(16,\) with 1 axes; '\.\.\. c h w' has 3"),
        ((2, 8, 3, 16, 20), "b 3 t h w", {}, r"axis '3' of 'b 3 t h w' should be 3, not 8"),
        ((2, 3, 8, 16, 20), "b 3 t h w", {"h": 32}, r"axis 'h' of 'b 3 t h w' should be 32, not 16"),
        ((4, 5), "n n", {}, r"axis 'n' of 'n n' should be 4, not 5"),
    ],
)
def test_says_what_came_and_what_was_expected(shape, pattern, sizes, message):
    with pytest.raises(ShapeError, match=message):
        check_shape("clip", torch.zeros(shape), pattern, **sizes)
