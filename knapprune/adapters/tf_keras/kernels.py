"""The kernels in a tf_keras model: which variable each is, what quantises it, and which constraint holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.kinds import leaf_layers

_ONE = (("", "kernel"),)
_DEPTHWISE = (("", "depthwise_kernel"),)
_SEPARABLE = (("_depthwise", "depthwise_kernel"), ("_pointwise", "pointwise_kernel"))
_RECURRENT = (("", "kernel"), ("/recurrent", "recurrent_kernel"))
# Suffix of the kernel's name and its variable, by package and layer. Exact classes: a subclass of the user's own may
# compute otherwise. That of a variable's constraint and quantiser follow from its name.
_VARIABLES: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("tf_keras", "Dense"): _ONE,
    ("tf_keras", "Conv1D"): _ONE,
    ("tf_keras", "Conv2D"): _ONE,
    ("tf_keras", "DepthwiseConv2D"): _DEPTHWISE,
    ("tf_keras", "SeparableConv1D"): _SEPARABLE,
    ("tf_keras", "SeparableConv2D"): _SEPARABLE,
    ("tf_keras", "LSTM"): _RECURRENT,
    ("tf_keras", "GRU"): _RECURRENT,
    ("qkeras", "QDense"): _ONE,
    ("qkeras", "QConv1D"): _ONE,
    ("qkeras", "QConv2D"): _ONE,
    ("qkeras", "QDepthwiseConv2D"): _DEPTHWISE,
}
_SCALES = (("tf_keras", "BatchNormalization"), ("tf_keras", "PReLU"), ("qkeras", "QBatchNormalization"))


@dataclass(frozen=True)
class Kernel:
    """One kernel of a layer.

    Parameters
    ----------
    layer
        The layer.
    variable_name
        The attribute of the layer, or of its cell where it is recurrent.
    """

    layer: Any
    variable_name: str

    @property
    def variable(self) -> Any:
        """The variable that an optimiser moves."""
        return getattr(self._holder, self.variable_name)

    @property
    def quantiser(self) -> Any:
        """What QKeras sends the variable through before anything is multiplied by it; None for nothing."""
        return getattr(self._holder, f"{self._role}_quantizer_internal", None)

    @property
    def array(self) -> npt.NDArray[np.generic]:
        """A copy of the variable: behind quantised weights, the numbers that are trained."""
        return np.array(self.variable)

    @property
    def quantised(self) -> npt.NDArray[np.generic]:
        """The weights that the layer multiplies by."""
        quantiser = self.quantiser
        return self.array if quantiser is None else np.array(quantiser(self.variable))

    @property
    def constraint(self) -> Any:
        """What is applied after each step of the optimiser; None for nothing."""
        return getattr(self._holder, f"{self._role}_constraint")

    def constrain(self, constraint: Any) -> None:
        """Hold the kernel by another constraint."""
        # The layer's attribute is what is saved, the variable's is what the optimiser applies.
        setattr(self._holder, f"{self._role}_constraint", constraint)
        self.variable._constraint = constraint

    @property
    def scaled(self) -> bool:
        """Whether the quantiser multiplies by a factor of its own: hls4ml puts that into a layer behind this one."""
        return getattr(self.quantiser, "alpha", None) not in (None, 1, 1.0)

    @property
    def binary(self) -> bool:
        """Whether no weight can be zero."""
        return "binary" in _name(self.quantiser)

    @property
    def shifts(self) -> bool:
        """Whether weights are powers of two: hls4ml shifts by them, and multiplies by none."""
        return "po2" in _name(self.quantiser)

    @property
    def _role(self) -> str:
        return self.variable_name.removesuffix("_kernel")

    @property
    def _holder(self) -> Any:
        return getattr(self.layer, "cell", self.layer)


def of_qkeras(layer: Any) -> bool:
    """Say whether a layer is one of QKeras."""
    return any(kind.__module__.partition(".")[0] == "qkeras" for kind in type(layer).__mro__)


def is_scale(layer: Any) -> bool:
    """Say whether a layer multiplies by parameters that cannot be pruned."""
    return _kind(layer) in _SCALES


def kernels_in(layer: Any) -> dict[str, Kernel]:
    """Find the kernels of one layer that hls4ml multiplies by."""
    if getattr(layer, "groups", 1) != 1:
        return {}
    found = {f"{layer.name}{suffix}": Kernel(layer, name) for suffix, name in _VARIABLES.get(_kind(layer), ())}
    return {name: kernel for name, kernel in found.items() if not kernel.shifts}


def find_kernels(model: Any) -> dict[str, Kernel]:
    """Find the kernels of a model that hls4ml multiplies by."""
    if not model.built:
        raise ValueError(f"model {model.name!r} has no weights yet: give it an Input layer, or call it once")
    known: dict[str, Kernel] = {}
    for layer in leaf_layers(model):
        for name, kernel in kernels_in(layer).items():
            if known.setdefault(name, kernel).layer is not layer:
                raise ValueError(f"model {model.name!r} has two layers named {name!r}, expected different names")
    return known


def frozen(model: Any) -> set[str]:
    """Name the kernels that are not trained, and those of weights that cannot be zero."""
    trained = {id(variable) for variable in model.trainable_variables}
    return {name for name, kernel in find_kernels(model).items() if kernel.binary or id(kernel.variable) not in trained}


def _kind(layer: Any) -> tuple[str, str]:
    return type(layer).__module__.partition(".")[0], type(layer).__name__


def _name(quantiser: Any) -> str:
    return str(getattr(quantiser, "__name__", type(quantiser).__name__))
