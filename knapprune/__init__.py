"""Choose, provably best, which weights of a network an FPGA keeps.

The names below are loaded when they are first used: importing knapprune loads no framework, no solver and no hls4ml.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knapprune.adapters.adapter import (
        Adapter,
        AxesAdapter,
        ConfiguredAdapter,
        FoldsNormalisations,
        KnowsQuantised,
    )
    from knapprune.adapters.exporting import export
    from knapprune.adapters.keras.custom_objects import custom_objects
    from knapprune.adapters.model_files import load
    from knapprune.adapters.objective import Distillation, GroupPenalty, Objective
    from knapprune.adapters.onnx_writing import write_onnx
    from knapprune.adapters.pytorch.masked_state import load_masked
    from knapprune.adapters.pytorch.model import TorchModel
    from knapprune.adapters.shrinking_adapter import ListsWeights, Shrinks
    from knapprune.adapters.training_adapter import Calibrates, PreparesData, SetsObjectives, TrainingAdapter
    from knapprune.adapters.types_adapter import HoldsValues, RoundsData
    from knapprune.adapters.user_adapter import (
        CallsBack,
        ExpectsData,
        KnowsFrozen,
        Listening,
        MakesPlain,
        NamesLayers,
        NamesMetrics,
    )
    from knapprune.estimation import estimate
    from knapprune.hardware.accelerator import Accelerator
    from knapprune.hardware.dsp import MultiplierTable
    from knapprune.hardware.explanation import Explanation
    from knapprune.hardware.fetch_groups import FetchGroup
    from knapprune.hardware.hardware_model import (
        Covers,
        EstimatesLogic,
        Explains,
        HardwareModel,
        LabelCosts,
        PricesValues,
        SharedWords,
        SharesWords,
    )
    from knapprune.hardware.hls4ml import Hls4mlHardware
    from knapprune.hardware.multiplier_file import read_multipliers
    from knapprune.hardware.resources import Resources
    from knapprune.hardware.structures import labels
    from knapprune.hardware.value_prices import ValuePrices
    from knapprune.network.batches import Batch
    from knapprune.network.channels import (
        ChannelConcatenation,
        ChannelCut,
        ChannelGraph,
        ChannelJoin,
        ChannelMix,
        ChannelSpread,
        ChannelWeights,
        UnknownChannels,
    )
    from knapprune.network.grid import Grid
    from knapprune.network.hls_config import HlsConfig, HlsConfigError
    from knapprune.network.hls_config_file import read_hls_config
    from knapprune.network.layers import Layer, Products
    from knapprune.network.precision import FixedPoint
    from knapprune.network.result_node import ResultNode
    from knapprune.network.rounding import Rounding
    from knapprune.network.rules.strategy import HardwareWarning
    from knapprune.pruning import PruningInterrupted, PruningWarning, prune
    from knapprune.pruning.parameters import read_params
    from knapprune.pruning.regularization import Regularization
    from knapprune.pruning.tuning import tune
    from knapprune.selection.budget import BudgetError
    from knapprune.selection.result import Selection
    from knapprune.selection.selecting import SelectionWarning, select
    from knapprune.shrinking.result import Shrunk
    from knapprune.shrinking.shrink import shrink
    from knapprune.tools import ConversionError, MissingToolError
    from knapprune.verification.collapse import CollapseWarning
    from knapprune.verification.verifying import verify
    from knapsolve.plugins import PluginError, PluginWarning

__all__ = [
    "Accelerator",
    "Adapter",
    "AxesAdapter",
    "Batch",
    "BudgetError",
    "Calibrates",
    "CallsBack",
    "ChannelConcatenation",
    "ChannelCut",
    "ChannelGraph",
    "ChannelJoin",
    "ChannelMix",
    "ChannelSpread",
    "ChannelWeights",
    "CollapseWarning",
    "ConfiguredAdapter",
    "ConversionError",
    "Covers",
    "Distillation",
    "EstimatesLogic",
    "ExpectsData",
    "Explains",
    "Explanation",
    "FetchGroup",
    "FixedPoint",
    "FoldsNormalisations",
    "Grid",
    "GroupPenalty",
    "HardwareModel",
    "HardwareWarning",
    "Hls4mlHardware",
    "HlsConfig",
    "HlsConfigError",
    "HoldsValues",
    "KnowsFrozen",
    "KnowsQuantised",
    "LabelCosts",
    "Layer",
    "Listening",
    "ListsWeights",
    "MakesPlain",
    "MissingToolError",
    "MultiplierTable",
    "NamesLayers",
    "NamesMetrics",
    "Objective",
    "PluginError",
    "PluginWarning",
    "PreparesData",
    "PricesValues",
    "Products",
    "PruningInterrupted",
    "PruningWarning",
    "Regularization",
    "Resources",
    "ResultNode",
    "Rounding",
    "RoundsData",
    "Selection",
    "SelectionWarning",
    "SetsObjectives",
    "SharedWords",
    "SharesWords",
    "Shrinks",
    "Shrunk",
    "TorchModel",
    "TrainingAdapter",
    "UnknownChannels",
    "ValuePrices",
    "custom_objects",
    "estimate",
    "export",
    "labels",
    "load",
    "load_masked",
    "prune",
    "read_hls_config",
    "read_multipliers",
    "read_params",
    "select",
    "shrink",
    "tune",
    "verify",
    "write_onnx",
]

_HOMES = {
    "Accelerator": "knapprune.hardware.accelerator",
    "Adapter": "knapprune.adapters.adapter",
    "AxesAdapter": "knapprune.adapters.adapter",
    "Batch": "knapprune.network.batches",
    "BudgetError": "knapprune.selection.budget",
    "Calibrates": "knapprune.adapters.training_adapter",
    "CallsBack": "knapprune.adapters.user_adapter",
    "ChannelConcatenation": "knapprune.network.channels",
    "ChannelCut": "knapprune.network.channels",
    "ChannelGraph": "knapprune.network.channels",
    "ChannelJoin": "knapprune.network.channels",
    "ChannelMix": "knapprune.network.channels",
    "ChannelSpread": "knapprune.network.channels",
    "ChannelWeights": "knapprune.network.channels",
    "CollapseWarning": "knapprune.verification.collapse",
    "ConfiguredAdapter": "knapprune.adapters.adapter",
    "ConversionError": "knapprune.tools",
    "Covers": "knapprune.hardware.hardware_model",
    "Distillation": "knapprune.adapters.objective",
    "EstimatesLogic": "knapprune.hardware.hardware_model",
    "ExpectsData": "knapprune.adapters.user_adapter",
    "Explains": "knapprune.hardware.hardware_model",
    "Explanation": "knapprune.hardware.explanation",
    "FetchGroup": "knapprune.hardware.fetch_groups",
    "FixedPoint": "knapprune.network.precision",
    "FoldsNormalisations": "knapprune.adapters.adapter",
    "Grid": "knapprune.network.grid",
    "GroupPenalty": "knapprune.adapters.objective",
    "HardwareModel": "knapprune.hardware.hardware_model",
    "HardwareWarning": "knapprune.network.rules.strategy",
    "Hls4mlHardware": "knapprune.hardware.hls4ml",
    "HlsConfig": "knapprune.network.hls_config",
    "HlsConfigError": "knapprune.network.hls_config",
    "HoldsValues": "knapprune.adapters.types_adapter",
    "KnowsFrozen": "knapprune.adapters.user_adapter",
    "KnowsQuantised": "knapprune.adapters.adapter",
    "LabelCosts": "knapprune.hardware.hardware_model",
    "Layer": "knapprune.network.layers",
    "Listening": "knapprune.adapters.user_adapter",
    "ListsWeights": "knapprune.adapters.shrinking_adapter",
    "MakesPlain": "knapprune.adapters.user_adapter",
    "MissingToolError": "knapprune.tools",
    "MultiplierTable": "knapprune.hardware.dsp",
    "NamesLayers": "knapprune.adapters.user_adapter",
    "NamesMetrics": "knapprune.adapters.user_adapter",
    "Objective": "knapprune.adapters.objective",
    "PluginError": "knapsolve.plugins",
    "PluginWarning": "knapsolve.plugins",
    "PreparesData": "knapprune.adapters.training_adapter",
    "PricesValues": "knapprune.hardware.hardware_model",
    "Products": "knapprune.network.layers",
    "PruningInterrupted": "knapprune.pruning",
    "PruningWarning": "knapprune.pruning",
    "Regularization": "knapprune.pruning.regularization",
    "Resources": "knapprune.hardware.resources",
    "ResultNode": "knapprune.network.result_node",
    "Rounding": "knapprune.network.rounding",
    "RoundsData": "knapprune.adapters.types_adapter",
    "Selection": "knapprune.selection.result",
    "SelectionWarning": "knapprune.selection.selecting",
    "SetsObjectives": "knapprune.adapters.training_adapter",
    "SharedWords": "knapprune.hardware.hardware_model",
    "SharesWords": "knapprune.hardware.hardware_model",
    "Shrinks": "knapprune.adapters.shrinking_adapter",
    "Shrunk": "knapprune.shrinking.result",
    "TorchModel": "knapprune.adapters.pytorch.model",
    "TrainingAdapter": "knapprune.adapters.training_adapter",
    "UnknownChannels": "knapprune.network.channels",
    "ValuePrices": "knapprune.hardware.value_prices",
    "custom_objects": "knapprune.adapters.keras.custom_objects",
    "estimate": "knapprune.estimation",
    "export": "knapprune.adapters.exporting",
    "labels": "knapprune.hardware.structures",
    "load": "knapprune.adapters.model_files",
    "load_masked": "knapprune.adapters.pytorch.masked_state",
    "prune": "knapprune.pruning",
    "read_hls_config": "knapprune.network.hls_config_file",
    "read_multipliers": "knapprune.hardware.multiplier_file",
    "read_params": "knapprune.pruning.parameters",
    "select": "knapprune.selection.selecting",
    "shrink": "knapprune.shrinking.shrink",
    "tune": "knapprune.pruning.tuning",
    "verify": "knapprune.verification.verifying",
    "write_onnx": "knapprune.adapters.onnx_writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'knapprune' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
