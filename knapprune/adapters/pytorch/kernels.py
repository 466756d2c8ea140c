"""Which kernels a PyTorch module has, by the names that hls4ml gives its layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.brevitas.parts import has_brevitas, kind_of, named_parts
from knapprune.adapters.mask_check import check_masks, used_twice
from knapprune.adapters.pytorch.grid import settle
from knapprune.adapters.pytorch.mask import put_mask
from knapprune.network.layers import Kind


@dataclass(frozen=True)
class Kernel:
    """A kernel of a module.

    Parameters
    ----------
    kind
        What computes with it.
    module
        The submodule that has it as a parameter.
    parameter
        The parameter's name there.
    """

    kind: Kind
    module: Any
    parameter: str = "weight"

    @property
    def tensor(self) -> Any:
        """The parameter itself, in PyTorch's axis order: output, input, then the axes the kernel moves along."""
        return getattr(self.module, self.parameter)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in Keras' axis order, output last."""
        outputs, inputs, *moves = self.tensor.shape
        return (*moves, inputs, outputs)

    def array(self, tensor: Any) -> npt.NDArray[Any]:
        """Bring a tensor of the parameter's shape to Keras' axis order."""
        return np.array(np.moveaxis(tensor.detach().cpu().numpy(), (0, 1), (-1, -2)))

    def as_tensor(self, array: npt.NDArray[Any]) -> Any:
        """Bring an array in Keras' axis order to that of the parameter."""
        import torch

        own = np.ascontiguousarray(np.moveaxis(array, (-1, -2), (0, 1)))
        return torch.tensor(own, device=self.tensor.device)


def kernels(module: Any) -> dict[str, Kernel]:
    """Find the kernels that can be masked."""
    kinds = _kinds()
    used = modules_in_use(module)
    times = Counter(id(part) for part in used.values())
    known: dict[str, Kernel] = {}
    owners: dict[int, str] = {}
    for name, part in used.items():
        kind = kinds.get(type(part)) or kind_of(part)
        if kind is None or getattr(part, "groups", 1) != 1:
            continue
        if times[id(part)] > 1:
            raise used_twice(name)
        if "weight" not in part._parameters:
            raise ValueError(
                f"layer {name!r}: its weight is computed, expected a plain parameter; end torch.nn.utils.prune with "
                "torch.nn.utils.prune.remove(module, 'weight') first"
            )
        if (other := owners.setdefault(id(part.weight), name)) != name:
            raise ValueError(f"layers {other!r} and {name!r} share one weight, expected one for each")
        known[name] = Kernel(kind, part)
    return known


def others(module: Any) -> list[str]:
    """Name the modules in use with weights that are neither among `kernels` nor `scales`."""
    known = {*kernels(module), *scales(module)}
    return [
        name
        for name, part in modules_in_use(module).items()
        if name not in known and next(chain(part.parameters(), part.buffers()), None) is not None
    ]


def masked_copy(module: Any, masks: Mapping[str, npt.NDArray[np.bool_]]) -> Any:
    """Copy a module, with masks on its kernels that hold under training."""
    copy = deepcopy(module)
    known = kernels(copy)
    for name, mask in check_masks(masks, {name: kernel.shape for name, kernel in known.items()}, "the model").items():
        put_mask(known[name].module, known[name].parameter, known[name].as_tensor(mask))
    settle(copy)
    return copy


def scales(module: Any) -> list[str]:
    """Name the modules in use that only scale, and have no weight that could be pruned."""
    import torch

    kinds = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.PReLU)
    return [name for name, part in modules_in_use(module).items() if isinstance(part, kinds)]


def modules_in_use(module: Any) -> dict[str, Any]:
    """Modules in the order in which data passes them, by the names of their calls; with Brevitas in that of the class.

    Of layers of Brevitas hls4ml knows none: these are found in what they are exported to.
    """
    if has_brevitas(module):
        return named_parts(module)
    tracer_class = _tracer()
    try:
        graph = tracer_class().trace(module)
    except Exception as error:  # the tracer runs the user's own forward, which may raise anything at all
        raise ValueError(
            f"model: hls4ml's tracer cannot follow {type(module).__name__}.forward, expected one without control flow "
            f"that depends on data: {error}"
        ) from error
    return {node.name: module.get_submodule(node.target) for node in graph.nodes if node.op == "call_module"}


def _tracer() -> Any:
    from knapprune.tools import require_hls4ml

    require_hls4ml()
    from hls4ml.utils.torch import CustomFXTracer

    return CustomFXTracer


def _kinds() -> dict[type, Kind]:
    import torch

    # Exact classes: another library's subclass computes something else.
    return {torch.nn.Linear: "dense", torch.nn.Conv1d: "conv1d", torch.nn.Conv2d: "conv2d"}
