"""One guard for tensor shapes, with messages a student can act on.

Axes have the same letter everywhere in the kit: `b` batch, `t` frames, `c` channels, `h w` pixels, `k` classes,
`n` clips, `d` features.
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["ShapeError", "check_shape"]


class ShapeError(ValueError):
    """A tensor does not have the shape that was asked for."""


def check_shape(name: str, tensor: Tensor, pattern: str, **sizes: int) -> dict[str, int]:
    """Sizes of the named axes of a tensor that fits `pattern`.

    Args:
        name: what the tensor is called where the reader meets it; it opens the message.
        tensor: any tensor.
        pattern: axis names and literal sizes separated by spaces, as in `"b 3 t h w"`. A name that stands twice must
            have one size. A leading `...` stands for any number of axes.
        sizes: sizes that a named axis must have, for example `h=32`.

    Returns:
        The size of each named axis.

    Raises:
        ShapeError: the number of axes, a literal, a repeated name or a size of `sizes` does not fit.

    >>> import torch
    >>> check_shape("clip", torch.zeros(2, 3, 8, 16, 20), "b 3 t h w")["t"]
    8
    """
    axes = pattern.split()
    shape = tuple(tensor.shape)
    if axes and axes[0] == "...":
        axes = axes[1:]
        shape = shape[max(0, len(shape) - len(axes)) :]
    if len(axes) != len(shape):
        raise ShapeError(
            f"{name} has shape {tuple(tensor.shape)} with {tensor.ndim} axes; "
            f"'{pattern}' has {len(axes)}{_advice(axes, shape)}"
        )
    found: dict[str, int] = {}
    for axis, size in zip(axes, shape, strict=True):
        wanted = int(axis) if axis.isdigit() else sizes.get(axis, found.get(axis))
        if wanted is not None and wanted != size:
            raise ShapeError(
                f"{name} has shape {tuple(tensor.shape)}; axis '{axis}' of '{pattern}' should be {wanted}, not {size}"
            )
        if not axis.isdigit():
            found[axis] = size
    return found


def _advice(axes: list[str], shape: tuple[int, ...]) -> str:
    """The commonest slip by far: a single clip where a batch is wanted."""
    if axes[:1] == ["b"] and len(shape) == len(axes) - 1:
        return "; for a single one, add the batch axis with tensor[None]"
    return ""
