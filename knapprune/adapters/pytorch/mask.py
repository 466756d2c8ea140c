"""A mask that a PyTorch module enforces by itself: a bool buffer beside the weight, and hooks that read it.

Not by ``torch.nn.utils.parametrize``: it changes the module's class and the names in its state dict, the module cannot
be pickled, and hls4ml refuses the class. Not by ``torch.nn.utils.prune``: the weight is then a product with the mask as
of the last forward pass, which is what hls4ml reads after an optimiser's step, and a NaN stays one. Here the weight
stays the module's own parameter:

- its gradient is zero where the mask is, so that weight decay, momentum and the averages of Adam have nothing to add to
  a zero, and the norm of the gradients is that of the weights that are there;
- before each forward pass, before ``state_dict`` and after ``load_state_dict`` the masked weights are set to zero: what
  an optimiser does to whole matrices, or by a momentum from before the mask, is undone before anyone computes with it.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch

SUFFIX = "_mask"


class KernelMask:
    """The hook that keeps the masked weights of one parameter at zero. It lives in the module's own lists of hooks.

    Parameters
    ----------
    parameter
        The parameter's name in its module. The mask is the module's buffer of that name and ``_mask``.
    """

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter
        self._hooked: Any = None
        self._handle: Any = None

    def __call__(self, module: Any, *_: Any) -> None:
        """Set the masked weights to zero, and see to it that their gradient is."""
        weight = getattr(module, self.parameter)
        # Through .data, because a second forward pass before the backward one must not count as a change. By selection
        # and not by product: a masked weight is zero even if a step made it NaN.
        weight.data.masked_fill_(~getattr(module, self.parameter + SUFFIX), 0)
        # Not of a tensor that stands in for the parameter: who puts it there wants its own gradient.
        learns = isinstance(weight, torch.nn.Parameter) and weight.requires_grad
        if learns and (self._hooked is None or self._hooked() is not weight):
            weight.register_hook(_MaskedGradient(module, self.parameter))
            self._hooked = weakref.ref(weight)

    def attach(self, module: Any) -> None:
        """Enter the hook into the module's lists."""
        module.register_forward_pre_hook(self)
        module.register_state_dict_pre_hook(self)
        # Hooks are kept by number, and numbers start from 0 in a process that loads a pickled module. Unpickling the
        # last handle moves the count behind it, or the next hook there would take the place of this one.
        self._handle = module.register_load_state_dict_post_hook(self)

    def __getstate__(self) -> dict[str, Any]:
        # Neither a copied nor an unpickled parameter keeps the hook on its gradient.
        return {**self.__dict__, "_hooked": None}


class _MaskedGradient:
    """The hook on the gradient; it holds its module weakly, because the module holds it."""

    def __init__(self, module: Any, parameter: str) -> None:
        self.module = weakref.ref(module)
        self.mask = parameter + SUFFIX

    def __call__(self, gradient: Any) -> Any:
        mask = getattr(self.module(), self.mask, None)
        return None if mask is None else gradient.masked_fill(~mask, 0)


def put_mask(module: Any, parameter: str, mask: Any) -> None:
    """Mask a parameter; a mask replaces an earlier one."""
    weight = getattr(module, parameter)
    hook = _hook(module, parameter)
    module.register_buffer(parameter + SUFFIX, mask.to(weight.device))
    if hook is None:
        hook = KernelMask(parameter)
        hook.attach(module)
    hook(module)


def mask_of(module: Any, parameter: str) -> Any:
    """Find a parameter's mask."""
    return None if _hook(module, parameter) is None else getattr(module, parameter + SUFFIX)


def hold(module: Any) -> None:
    """Set the masked weights of all parameters in a module to zero, now."""
    for part, hook in _hooks(module):
        hook(part)


def mask_names(module: Any) -> set[str]:
    """Name the masks among the buffers of a module."""
    names = {id(part): name for name, part in module.named_modules()}
    paths = ((names[id(part)], hook.parameter) for part, hook in _hooks(module))
    return {f"{path}.{parameter}{SUFFIX}" if path else parameter + SUFFIX for path, parameter in paths}


def unmask(module: Any) -> None:
    """Let all weights of a module grow again."""
    for part, hook in _hooks(module):
        getattr(part, hook.parameter + SUFFIX).fill_(True)


def remove_masks(module: Any) -> None:
    """Take all masks off a module; the masked weights are zero and may grow again."""
    hold(module)
    for part, hook in _hooks(module):
        for hooks in (part._forward_pre_hooks, part._state_dict_pre_hooks, part._load_state_dict_post_hooks):
            for number in [number for number, own in hooks.items() if own is hook]:
                del hooks[number]
        delattr(part, hook.parameter + SUFFIX)


def _hooks(module: Any) -> list[tuple[Any, KernelMask]]:
    return [
        (part, hook)
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
        if isinstance(hook, KernelMask)
    ]


def _hook(module: Any, parameter: str) -> KernelMask | None:
    hooks = module._forward_pre_hooks.values()
    return next((hook for hook in hooks if isinstance(hook, KernelMask) and hook.parameter == parameter), None)
