"""Whether masks fit the kernels of a model, whatever its framework."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Masks = Mapping[str, npt.NDArray[np.bool_]]


def used_twice(name: str) -> ValueError:
    """Return the error for a layer that is called more than once."""
    return ValueError(
        f"layer {name!r} is used more than once: hls4ml builds each use on its own, which cannot be "
        "described by one mask and one count"
    )


def check_masks(masks: Masks, shapes: Mapping[str, tuple[int, ...]], whose: str) -> dict[str, npt.NDArray[np.bool_]]:
    """Check that masks fit the kernels."""
    given = {name: mask for name, mask in masks.items() if mask.size}
    for name, mask in given.items():
        if name not in shapes:
            raise ValueError(f"masks: {whose} has no layer {name!r} to mask, expected some of {list(shapes)}")
        if mask.shape != shapes[name] or mask.dtype != np.bool_:
            raise ValueError(
                f"masks: that of layer {name!r} is {mask.dtype} of shape {mask.shape}, "
                f"expected bool of shape {shapes[name]}"
            )
    return given
