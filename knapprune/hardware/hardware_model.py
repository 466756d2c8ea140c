"""The hardware seam: what a layer's weights cost on a chip."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from knapprune.network.layers import Layer
from knapsolve.plugins import find, load

if TYPE_CHECKING:
    from knapprune.hardware.explanation import Explanation
    from knapprune.hardware.logic import Logic
    from knapprune.hardware.value_prices import ValuePrices

GROUP = "knapprune.hardware"


@dataclass(frozen=True)
class LabelCosts:
    """What one layer uses now, split into what each label alone decides and what no label can save.

    Parameters
    ----------
    label_type
        Shape (labels,), integers: the type of each label.
    type_costs
        Shape (resources, types): what goes when a label of that type is pruned.
    fixed
        By resource: in use whatever is pruned, because the strategy never drops it or several labels share it.
    """

    label_type: npt.NDArray[np.int64]
    type_costs: npt.NDArray[np.int64]
    fixed: Mapping[str, int]


@dataclass(frozen=True)
class SharedWords:
    """Memory words of one layer that neighbouring labels share: paid once while any label with a bit in it lives.

    Parameters
    ----------
    resource
        What a word costs, such as ``"bram18"``.
    first, last
        Shape (labels,): words that a label has bits in, both inclusive. A label begins in the word that the one before
        it ends in, or in the next.
    cost
        Shape (words,): what each word takes of the resource.
    """

    resource: str
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    cost: npt.NDArray[np.int64]

    def of(self, labels: npt.NDArray[np.int64]) -> SharedWords:
        """Take the words of some labels."""
        return SharedWords(self.resource, self.first[labels], self.last[labels], self.cost)


@runtime_checkable
class HardwareModel(Protocol):
    """Resources of a layer. Registered as a factory ``(part: str) -> HardwareModel`` under ``knapprune.hardware``."""

    @property
    def resources(self) -> tuple[str, ...]:
        """The names of what is counted, such as ``("dsp", "bram18")``."""

    def use(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
        """Count what the layer uses with this kernel, its zero weights gone.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``: the weights as hls4ml gets them, or truth values: which of them are not zero,
            each then taken to need all bits of its type and a multiplier of its own.

        Returns
        -------
        dict
            Blocks by resource.
        """

    def costs(self, layer: Layer, labels: npt.NDArray[np.int64], kernel: npt.NDArray[np.generic]) -> LabelCosts:
        """Split the layer's use by label, so that ``fixed`` and the costs of all labels add up to ``use``.

        Parameters
        ----------
        layer
            The layer.
        labels
            Shape ``layer.kernel_shape``, integers from 0.
        kernel
            Shape ``layer.kernel_shape``, as for :meth:`use`.

        Returns
        -------
        LabelCosts
            Costs and fixed part in the order of :attr:`resources`; together they make up :meth:`use`.
        """

    def structure(self, layer: Layer, resources: tuple[str, ...]) -> str:
        """Name the finest structure that saves these resources in this layer.

        Parameters
        ----------
        layer
            The layer.
        resources
            The resources that are budgeted.

        Returns
        -------
        str
            A name in :data:`knapprune.hardware.structures.STRUCTURES`.
        """

    def advice(self, layer: Layer, resource: str) -> str:
        """Say why pruning this layer saves none of the resource, and which strategy would.

        Parameters
        ----------
        layer
            The layer.
        resource
            A name in :attr:`resources`.

        Returns
        -------
        str
            One sentence.
        """


@runtime_checkable
class Covers(Protocol):
    """A hardware model that knows some kinds of layers only; the others are listed as not counted."""

    def covers(self, layer: Layer) -> bool:
        """Say whether the model knows what the layer costs.

        Parameters
        ----------
        layer
            The layer.

        Returns
        -------
        bool
            False for a layer that is to be listed as not counted.
        """


@runtime_checkable
class SharesWords(Protocol):
    """A hardware model that knows which memory words its DSP rows share: what structure ``"row-and-word"`` needs."""

    def words(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> SharedWords | None:
        """State the words of the rows of :func:`knapprune.hardware.structures.dsp_row`; None where rows save no memory.

        All rows that live cost the same of every other resource, and all use of ``resource`` is in these words.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``; only which weights are zero matters.

        Returns
        -------
        SharedWords or None
            None where pruned rows free no memory.
        """


@runtime_checkable
class Explains(Protocol):
    """What a hardware model may have beside: it says why."""

    def explain(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> Explanation:
        """Say why the layer uses what it uses, and what would make pruning it pay.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``; only which weights are zero matters.

        Returns
        -------
        Explanation
            Its ``str()`` is the text.
        """


@runtime_checkable
class PricesValues(Protocol):
    """A hardware model that knows what a constant costs by its value: what ``choose={"digits": ...}`` needs."""

    def value_prices(self, layer: Layer, width: int) -> ValuePrices | None:
        """State the prices of the values that the weights of a layer may hold.

        Parameters
        ----------
        layer
            The layer.
        width
            Bits of the widest value.

        Returns
        -------
        ValuePrices or None
            None where the weights are no constants.
        """


@runtime_checkable
class EstimatesLogic(Protocol):
    """A hardware model that estimates look-up tables: what a budget of ``lut`` needs."""

    def logic(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> Logic | None:
        """Estimate the look-up tables and flip-flops of a layer.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``: the weights as hls4ml gets them.

        Returns
        -------
        Logic or None
            None for layers of which there are no reports.
        """


def use_of_one_label(model: HardwareModel, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
    """Count the use of a layer whose weights all have one label, for models that count by label anyway."""
    # The smallest type: the array is of the kernel's size.
    costs = model.costs(layer, np.zeros(layer.kernel_shape, dtype=np.int8), kernel)
    alone = costs.type_costs[:, costs.label_type].sum(axis=1)
    return {name: costs.fixed[name] + int(own) for name, own in zip(model.resources, alone, strict=True)}


#: Which model ``"hls4ml"`` stands for, by backend; its own for the others.
_OF_BACKEND = {
    "Vivado": "hls4ml-vivado",
    "Catapult": "hls4ml-catapult",
    "Quartus": "hls4ml-intel",
    "oneAPI": "hls4ml-intel",
}


def find_hardware_model(model: str | HardwareModel, part: str, backend: str = "Vitis") -> HardwareModel:
    """Find a hardware model by name, or take the one given."""
    if not isinstance(model, str):
        return model
    known = find(GROUP)
    if model == "hls4ml":
        model = _OF_BACKEND.get(backend, model)
    if model not in known:
        near = difflib.get_close_matches(model, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"hardware: got {model!r}, expected one of {list(known)}{hint}")
    return cast("Callable[[str], HardwareModel]", load(known[model]))(part)
