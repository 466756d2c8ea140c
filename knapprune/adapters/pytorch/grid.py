"""A grid that a PyTorch module keeps a weight on by itself: buffers beside the weight, and hooks that read them.

As with a mask (`knapprune.adapters.pytorch.mask`), the weight stays the module's own parameter. Before each forward
pass, before ``state_dict`` and after ``load_state_dict``, what has been added to the weight since the last time is
added to a real number behind it, and the weight becomes the nearest value of its grid to that number. So whatever an
optimiser does to the weight adds up, while the weight is on the grid whenever anyone computes with it, reads or saves
it. The gradient is that at the weight, taken for that of the number behind it (straight-through): Bengio, Leonard and
Courville, "Estimating or propagating gradients through stochastic neurons for conditional computation",
arXiv:1308.3432, 2013.

The buffers of a parameter ``weight``:

- ``weight_latent``, the real numbers; 0 where the mask is, so that a weight that grows again starts there;
- ``weight_held``, what the weight was the last time;
- ``weight_digits``, the most signed digits of each;
- ``weight_type``: the exponent of the type's step, its least and its largest value, so that files need nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Any

import torch

from knapprune.adapters.pytorch import mask
from knapprune.adapters.pytorch.grid_table import GridTable, grid_table

SUFFIXES = LATENT, HELD, DIGITS, TYPE = ("_latent", "_held", "_digits", "_type")


class KernelGrid:
    """The hook that keeps one parameter on its grid. It lives in the module's own lists of hooks.

    Parameters
    ----------
    parameter
        The parameter's name in its module. The grid is in the module's buffers of that name and `SUFFIXES`.
    """

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter
        self._handles: list[Any] = []
        self._read: Any = None

    def __call__(self, module: Any, *_: Any) -> None:
        """Add to the numbers behind the weights what was added to the weights, and bring these to the grid."""
        weight = getattr(module, self.parameter)
        latent, held = (getattr(module, self.parameter + suffix) for suffix in (LATENT, HELD))
        # Through .data, because a second forward pass before the backward one must not count as a change.
        table = self._table(module)
        # No further than the type reaches: a weight at its end turns back at once when the gradient does.
        reached = (latent + (weight.data - held)).clamp_(table.low * table.step, table.high * table.step)
        moved = self._masked(module, reached)
        values = self.nearest(module, moved).to(weight.dtype)
        weight.data.copy_(values)
        # A tensor that stands in for the parameter is brought to the grid, but nobody trained the numbers with it.
        if isinstance(weight, torch.nn.Parameter):
            latent.copy_(moved)
            held.copy_(values)

    def nearest(self, module: Any, numbers: Any) -> Any:
        """Bring numbers to the grid; those that are not finite become NaN, so that divergence is seen."""
        table = self._table(module)
        steps = (numbers / table.step).nan_to_num_().round_().clamp_(table.low, table.high)
        values = table.values.take(steps.long().add_(table.zeros)).to(numbers.dtype) * table.step
        return values.add_(numbers - numbers)  # zero, or NaN

    def assign(self, module: Any, numbers: Any) -> None:
        """Put values into the weights, and behind those that change."""
        self(module)
        weight = getattr(module, self.parameter)
        latent, held = (getattr(module, self.parameter + suffix) for suffix in (LATENT, HELD))
        values = self.nearest(module, self._masked(module, numbers.to(latent.dtype)))
        # A weight that has its value already keeps what training has added up behind it.
        latent.copy_(torch.where(values == held, latent, values))
        held.copy_(values)
        weight.data.copy_(values)

    def attach(self, module: Any) -> None:
        """Enter the hook into the module's lists."""
        # Kept, because unpickling them has hooks that are entered later numbered behind them; see KernelMask.
        self._handles = [
            module.register_forward_pre_hook(self),
            module.register_state_dict_pre_hook(self),
            module.register_load_state_dict_post_hook(self),
        ]

    def release(self, module: Any) -> None:
        """Let the weight go, as it is."""
        self(module)
        for handle in self._handles:
            handle.remove()
        for suffix in SUFFIXES:
            delattr(module, self.parameter + suffix)

    def _masked(self, module: Any, numbers: Any) -> Any:
        keep = mask.mask_of(module, self.parameter)
        return numbers if keep is None else numbers.masked_fill(~keep, 0)

    def _table(self, module: Any) -> GridTable:
        """Read the grid from the buffers, where they are others than the last time."""
        kind, digits = (getattr(module, self.parameter + suffix) for suffix in (TYPE, DIGITS))
        if self._read is None or any(
            known is not buffer or version != buffer._version
            for (known, version), buffer in zip(self._read[0], (kind, digits), strict=True)
        ):
            self._read = ([(buffer, buffer._version) for buffer in (kind, digits)], grid_table(kind, digits))
        table: GridTable = self._read[1]
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_read": None}


def put_grid(module: Any, parameter: str, kind: tuple[float, int, int], digits: Any) -> None:
    """Keep a parameter on a grid of a step, a least and a largest value; a grid replaces an earlier one."""
    weight = getattr(module, parameter)
    step, low, high = kind
    buffers = {
        TYPE: torch.tensor([math.frexp(step)[1] - 1, low, high], device=weight.device),
        DIGITS: digits.to(weight.device),
    }
    if grid_hook(module, parameter) is None:
        own = weight.detach()
        # Steps of training are too small to add up in half precision.
        buffers |= {HELD: own.clone(), LATENT: own.to(torch.promote_types(own.dtype, torch.float32), copy=True)}
    put_buffers(module, parameter, buffers)
    for _, known in _hooks(module):
        known(module)


def grid_of(module: Any, parameter: str) -> tuple[float, int, int, Any] | None:
    """Find a parameter's grid: the step, the least and the largest value in steps, and the digits."""
    if grid_hook(module, parameter) is None:
        return None
    exponent, low, high = getattr(module, parameter + TYPE).tolist()
    return 2.0**exponent, low, high, getattr(module, parameter + DIGITS)


def assign_numbers(module: Any, parameter: str, numbers: Any) -> None:
    """Put numbers into a parameter, brought to its grid where it has one."""
    hook = grid_hook(module, parameter)
    if hook is None:
        getattr(module, parameter).data.copy_(numbers)
    else:
        hook.assign(module, numbers)


def settle(module: Any) -> None:
    """Bring the weights of all parameters in a module to where their masks and grids have them, now."""
    mask.hold(module)
    for part, hook in _hooks(module):
        hook(part)


def release(module: Any, keep: Container[str] = ()) -> None:
    """Let all weights of a module go but those of the parameters named."""
    names = {id(part): name for name, part in module.named_modules()}
    for part, hook in _hooks(module):
        if f"{names[id(part)]}.{hook.parameter}".removeprefix(".") not in keep:
            hook.release(part)


def put_buffers(module: Any, parameter: str, buffers: Mapping[str, Any]) -> None:
    """Put the buffers of a grid beside a parameter, and the hook that reads them."""
    for suffix, buffer in buffers.items():
        module.register_buffer(parameter + suffix, buffer)
    if grid_hook(module, parameter) is None:
        KernelGrid(parameter).attach(module)


def _hooks(module: Any) -> list[tuple[Any, KernelGrid]]:
    return [
        (part, hook)
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
        if isinstance(hook, KernelGrid)
    ]


def grid_hook(module: Any, parameter: str) -> KernelGrid | None:
    """Find the hook that keeps a parameter on its grid."""
    hooks = module._forward_pre_hooks.values()
    return next((hook for hook in hooks if isinstance(hook, KernelGrid) and hook.parameter == parameter), None)
