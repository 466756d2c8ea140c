"""What every way of selecting begins with, and what each comes to."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import Adapter, is_quantised, written_kernels
from knapprune.adapters.data_types import with_data_types
from knapprune.adapters.shrinking_adapter import ListsWeights
from knapprune.adapters.training_adapter import training_adapter
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.nothing import Nothing, plain_layers
from knapprune.hardware.resources import LATENCY, LUT, MACS, Resources, count, covered, with_latency, with_logic
from knapprune.network.hls_config import HlsConfig, as_dict
from knapprune.network.layers import Kernels, Layer, Masks
from knapprune.network.precision import FixedPoint
from knapprune.network.rules.strategy import HardwareWarning
from knapprune.saliency import Measure, structure_values
from knapprune.saliency.normalisation import Normalisation
from knapprune.selection.budget import Budget, BudgetError, Cap, asking, budgets, parse_budget
from knapprune.selection.candidates import Candidates, by_layer
from knapprune.selection.channels.asked import asks_for_channels, asks_for_sizes
from knapprune.selection.masks import takes_choices
from knapprune.shrinking.sizes import Anatomy, with_sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knapprune.hardware.logic import Logic
    from knapsolve import Solution


@dataclass(frozen=True)
class Method:
    """How to select: what weights are worth, and who solves the knapsack.

    Parameters
    ----------
    measure, normal
        The saliency, and how layers are made comparable.
    solver, time_limit
        As for :func:`knapsolve.solve`.
    """

    measure: Measure
    normal: Normalisation
    solver: str
    time_limit: float


@dataclass(frozen=True)
class Request:
    """A selection that was asked for: the layers that the hardware covers, the budget, and what weights are worth.

    Parameters
    ----------
    framework, model, config
        The network.
    hardware
        The resource model.
    kernels
        Its weights by layer name.
    written
        The same as hls4ml will write them: what hardware costs goes by their values.
    before
        What is in use; ``before.layers`` are all that can be selected from.
    budget
        The caps that were asked for.
    structures
        What was asked for in each layer, by name.
    method
        How to select.
    data
        The samples that were given, and how many of them are used at a time; None where there are none.
    built
        The layers as they are to be built, where that is otherwise than before; empty where it is not.
    known
        The adder graphs that were built last, by a digest of what they were built of.
    anatomy
        The model by its channels, where those are selected or sizes budgeted.
    """

    framework: Adapter
    model: Any
    config: HlsConfig
    hardware: HardwareModel
    kernels: Kernels
    written: Kernels
    before: Resources
    budget: tuple[Cap, ...]
    structures: Mapping[str, Any]
    method: Method
    data: tuple[Any, int] | None = None
    built: tuple[Layer, ...] = ()
    known: dict[int, dict[str, Logic]] = field(default_factory=dict)
    anatomy: Anatomy | None = None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers to select from, as they are to be built."""
        return self.built or self.before.layers

    def at(self, config: HlsConfig) -> Request:
        """Ask the same of the layers as another configuration says."""
        return replace(self, config=config, built=tuple(self.layers_with(config)))

    def at_types(self, types: Mapping[str, FixedPoint]) -> Request:
        """Ask the same where results have other types."""
        return self.at(with_data_types(self.framework, self.model, self.config, types))

    def layers_with(self, config: HlsConfig) -> list[Layer]:
        """Read what a configuration says of the layers, as if it came from the user."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HardwareWarning)  # said once already, of the user's own configuration
            return covered(self.hardware, self.framework.layers(self.model, config), ())[0]

    @cached_property
    def caps(self) -> tuple[Cap, ...]:
        """The caps to select for: those that ask for anything."""
        return asking(self.budget, self.before)

    @cached_property
    def caps_on_weights(self) -> tuple[Cap, ...]:
        """Those of them that pruning can help to keep: all but those on latency."""
        return tuple(cap for cap in self.caps if cap.resource != LATENCY)

    @property
    def estimates_tables(self) -> bool:
        """Whether look-up tables are budgeted that the hardware model does not count itself."""
        return estimates_tables(self.budget, self.hardware)

    @property
    def shared_words(self) -> bool:
        """Whether the solver takes rows together with the memory words that they share."""
        return takes_choices(self.method.solver)

    def worth(self, group: Candidates) -> npt.NDArray[np.float64]:
        """Say what the living structures of a layer are worth, comparable between layers; shape (living labels,)."""
        layer, method = group.layer, self.method
        sums = structure_values(method.measure, layer, self.kernels[layer.name], group.labels)
        return method.normal(sums[group.alive])

    def count(self, layers: Sequence[Layer], kernels: Kernels) -> Resources:
        """Count as `before` was counted."""
        used = count(self.hardware, list(layers), kernels, self.before.uncounted, self.config.part)
        if self.estimates_tables:
            used = with_logic(used, self.hardware, kernels, self._adder_logic(layers, kernels))
        return with_latency(used) if LATENCY in self.before.counted else used

    def recount(self, model: Any) -> Resources:
        """Count a masked copy of a model that quantises its weights: types may be narrower without what is gone."""
        layers = covered(self.hardware, self.framework.layers(model, self.config), ())[0]
        kernels = written_kernels(self.framework, model, self.framework.kernels(model), self.config)
        return self.count(layers, kernels)

    def _adder_logic(self, layers: Sequence[Layer], kernels: Kernels) -> dict[str, Logic]:
        """Have adder graphs built, once for each choice of kernels and types."""
        arrays = tuple(np.asarray(kernels[layer.name]).tobytes() for layer in layers)
        key = hash((repr(as_dict(self.config)), arrays))
        if key not in self.known:
            self.known.clear()  # the last choice is asked for again, earlier ones are not
            self.known[key] = adder_logic(self.framework, self.model, self.config, layers, kernels)
        return self.known[key]


@dataclass(frozen=True)
class Outcome:
    """What a way of selecting comes to.

    Parameters
    ----------
    solution
        The solver's answer.
    keep
        Which weights are kept, by layer name; a layer without an entry is left alone.
    structures
        The structure by which each layer was cut, by name.
    layers
        As they are to be built.
    hls_config
        The configuration that says so.
    values
        By layer name, the kernels whose values were chosen.
    data_types
        By layer name, the types of results that were chosen.
    resources
        What is used, where that is not what the masked layers use.
    """

    solution: Solution
    keep: Masks
    structures: Mapping[str, str]
    layers: Sequence[Layer]
    hls_config: Mapping[str, Any]
    values: Kernels = field(default_factory=dict)
    data_types: Mapping[str, FixedPoint] = field(default_factory=dict)
    resources: Resources | None = None


def estimates_tables(budget: Budget | None, hardware: HardwareModel) -> bool:
    """Say whether look-up tables are budgeted that a hardware model does not count itself."""
    return budgets(budget, LUT) and LUT not in hardware.resources


def adder_logic(
    framework: Adapter, model: Any, config: HlsConfig, layers: Sequence[Layer], kernels: Kernels | None = None
) -> dict[str, Logic]:
    """Have hls4ml build the adder graphs of a model, with other kernels perhaps, and estimate their look-up tables.

    Weights are rounded to their type before, as those that are chosen are: of 24 bits each, graphs would be built for
    minutes that nobody wants.
    """
    from knapprune.hardware.logic import Logic, tables_of
    from knapprune.project.distributed_arithmetic import generated_adders

    graphs = [layer for layer in layers if layer.strategy == "distributed_arithmetic"]
    if not graphs:
        return {}
    own = framework.kernels(model) if kernels is None else kernels
    if is_quantised(framework, model):  # it rounds by itself, and all that can be chosen is what is kept
        given = {} if kernels is None else {layer.name: np.asarray(own[layer.name]) != 0 for layer in graphs}
        changed = framework.apply(model, given)
    else:
        changed = framework.apply(model, {})
        training_adapter(framework, model).assign(
            changed, {layer.name: _in_type(layer, own[layer.name]) for layer in graphs}
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HardwareWarning)  # said once already, of the model as it is
        built = generated_adders(changed, as_dict(config))
    return {name: Logic(tables_of(adders), None, f"{adders.adders} adders") for name, adders in built.items()}


def _in_type(layer: Layer, kernel: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    if layer.weight_type is None:
        return kernel
    kind = layer.weight_type
    return np.ldexp(kind.integers(kernel)[0].astype(np.float64), -kind.type.fraction)


def requested(  # noqa: PLR0913
    framework: Adapter,
    model: Any,
    config: HlsConfig,
    hardware: HardwareModel,
    budget: Budget | None,
    structure: Any,
    method: Method,
    *,
    timed: bool,
    data: tuple[Any, int] | None = None,
) -> Request:
    """Count the layers that the hardware covers, and check budget and structures against them."""
    kernels = framework.kernels(model)
    if isinstance(hardware, Nothing):
        written, layers, uncounted = kernels, plain_layers(kernels), tuple(framework.untouched(model))
    else:
        written = written_kernels(framework, model, kernels, config)
        if is_quantised(framework, model):
            kernels = written  # what weights are worth goes by what they are on the chip
        layers, uncounted = covered(hardware, framework.layers(model, config), framework.untouched(model))
    before = count(hardware, layers, written, uncounted, config.part)
    anatomy = anatomy_of(framework, model, config, budget) if asks_for_channels(structure, budget) else None
    if anatomy is not None and asks_for_sizes(budget):
        before = with_sizes(before, anatomy)
    if estimates_tables(budget, hardware):
        before = with_logic(before, hardware, written, adder_logic(framework, model, config, layers))
    if timed:
        before = with_latency(before)
    return Request(
        framework=framework,
        model=model,
        config=config,
        hardware=hardware,
        kernels=kernels,
        written=written,
        before=before,
        budget=() if budget is None else parse_budget(budget, before),
        structures={layer.name: own for layer, own in zip(layers, by_layer(structure, layers), strict=True)},
        method=method,
        data=data,
        anatomy=anatomy,
    )


def anatomy_of(framework: Adapter, model: Any, config: HlsConfig, budget: Budget | None = None) -> Anatomy:
    """Describe a model by its channels."""
    if not isinstance(framework, ListsWeights):
        raise ValueError(
            f"structure: {type(framework).__name__} does not tell the channels of a {type(model).__qualname__}, "
            "expected the Keras model or the PyTorch module that it was made from"
        )
    anatomy = Anatomy.of(framework, model, config)
    if budgets(budget, MACS) and (unknown := anatomy.not_multiplied()):
        raise BudgetError(
            f"budget['macs']: how often the weights of layer {unknown[0]!r} are multiplied is not known, expected a "
            "model whose inputs have fixed sizes; of a PyTorch module, hls_config={'InputShape': [[3, 32, 32]]} or such"
        )
    return anatomy
