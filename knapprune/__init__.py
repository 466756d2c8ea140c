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
    from knapprune.adapters.file_notes import ModelFileWarning
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
    from knapprune.hardware.beside import Beside
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
    from knapprune.network.config_keys import MisplacedKeyWarning
    from knapprune.network.grid import Grid
    from knapprune.network.hls_config import HlsConfig, HlsConfigError
    from knapprune.network.hls_config_file import read_hls_config
    from knapprune.network.layers import Layer, Products
    from knapprune.network.precision import FixedPoint
    from knapprune.network.result_node import ResultNode
    from knapprune.network.rounding import Rounding
    from knapprune.network.rules.strategy import HardwareWarning
    from knapprune.project.emulation import CompilationError
    from knapprune.project.files import GeneratedProjectError
    from knapprune.pruning import Pruning, PruningInterrupted, PruningWarning, Step, prune
    from knapprune.pruning.parameters import read_params
    from knapprune.pruning.regularization import Regularization
    from knapprune.pruning.sweeping import Sweep, sweep
    from knapprune.pruning.tuning import Tuning, tune
    from knapprune.report.report import Report
    from knapprune.saliency.first_order import GradientError
    from knapprune.selection.budget import Budget, BudgetError, BudgetWarning, Cap
    from knapprune.selection.frontier.result import Frontier, FrontierPoint
    from knapprune.selection.frontier.tracing import frontier
    from knapprune.selection.loading import load_selection
    from knapprune.selection.result import Selection
    from knapprune.selection.selecting import SelectionWarning, select
    from knapprune.selection.variants import Choose
    from knapprune.shrinking.result import Shrunk
    from knapprune.shrinking.shrink import shrink
    from knapprune.tools import ConversionError, MissingToolError
    from knapprune.verification.collapse import CollapseWarning
    from knapprune.verification.comparison import LayerCheck, VerificationError
    from knapprune.verification.reports.folder import ReportError
    from knapprune.verification.reports.reported import Reported
    from knapprune.verification.verifying import Verification, verify
    from knapprune.verification.yosys import SynthesisError
    from knapsolve import Solution, Status, __version__
    from knapsolve.plugins import MissingPackageError, PluginError, PluginWarning

__all__ = [
    "Accelerator",
    "Adapter",
    "AxesAdapter",
    "Batch",
    "Beside",
    "Budget",
    "BudgetError",
    "BudgetWarning",
    "Calibrates",
    "CallsBack",
    "Cap",
    "ChannelConcatenation",
    "ChannelCut",
    "ChannelGraph",
    "ChannelJoin",
    "ChannelMix",
    "ChannelSpread",
    "ChannelWeights",
    "Choose",
    "CollapseWarning",
    "CompilationError",
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
    "Frontier",
    "FrontierPoint",
    "GeneratedProjectError",
    "GradientError",
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
    "LayerCheck",
    "Listening",
    "ListsWeights",
    "MakesPlain",
    "MisplacedKeyWarning",
    "MissingPackageError",
    "MissingToolError",
    "ModelFileWarning",
    "MultiplierTable",
    "NamesLayers",
    "NamesMetrics",
    "Objective",
    "PluginError",
    "PluginWarning",
    "PreparesData",
    "PricesValues",
    "Products",
    "Pruning",
    "PruningInterrupted",
    "PruningWarning",
    "Regularization",
    "Report",
    "ReportError",
    "Reported",
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
    "Solution",
    "Status",
    "Step",
    "Sweep",
    "SynthesisError",
    "TorchModel",
    "TrainingAdapter",
    "Tuning",
    "UnknownChannels",
    "ValuePrices",
    "Verification",
    "VerificationError",
    "__version__",
    "custom_objects",
    "estimate",
    "export",
    "frontier",
    "labels",
    "load",
    "load_masked",
    "load_selection",
    "prune",
    "read_hls_config",
    "read_multipliers",
    "read_params",
    "select",
    "shrink",
    "sweep",
    "tune",
    "verify",
    "write_onnx",
]

_HOMES = {
    "Accelerator": "knapprune.hardware.accelerator",
    "Adapter": "knapprune.adapters.adapter",
    "AxesAdapter": "knapprune.adapters.adapter",
    "Batch": "knapprune.network.batches",
    "Beside": "knapprune.hardware.beside",
    "Budget": "knapprune.selection.budget",
    "BudgetError": "knapprune.selection.budget",
    "BudgetWarning": "knapprune.selection.budget",
    "Calibrates": "knapprune.adapters.training_adapter",
    "CallsBack": "knapprune.adapters.user_adapter",
    "Cap": "knapprune.selection.budget",
    "ChannelConcatenation": "knapprune.network.channels",
    "ChannelCut": "knapprune.network.channels",
    "ChannelGraph": "knapprune.network.channels",
    "ChannelJoin": "knapprune.network.channels",
    "ChannelMix": "knapprune.network.channels",
    "ChannelSpread": "knapprune.network.channels",
    "ChannelWeights": "knapprune.network.channels",
    "Choose": "knapprune.selection.variants",
    "CollapseWarning": "knapprune.verification.collapse",
    "CompilationError": "knapprune.project.emulation",
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
    "Frontier": "knapprune.selection.frontier.result",
    "FrontierPoint": "knapprune.selection.frontier.result",
    "GeneratedProjectError": "knapprune.project.files",
    "GradientError": "knapprune.saliency.first_order",
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
    "LayerCheck": "knapprune.verification.comparison",
    "Listening": "knapprune.adapters.user_adapter",
    "ListsWeights": "knapprune.adapters.shrinking_adapter",
    "MakesPlain": "knapprune.adapters.user_adapter",
    "MisplacedKeyWarning": "knapprune.network.config_keys",
    "MissingPackageError": "knapsolve.plugins",
    "MissingToolError": "knapprune.tools",
    "ModelFileWarning": "knapprune.adapters.file_notes",
    "MultiplierTable": "knapprune.hardware.dsp",
    "NamesLayers": "knapprune.adapters.user_adapter",
    "NamesMetrics": "knapprune.adapters.user_adapter",
    "Objective": "knapprune.adapters.objective",
    "PluginError": "knapsolve.plugins",
    "PluginWarning": "knapsolve.plugins",
    "PreparesData": "knapprune.adapters.training_adapter",
    "PricesValues": "knapprune.hardware.hardware_model",
    "Products": "knapprune.network.layers",
    "Pruning": "knapprune.pruning",
    "PruningInterrupted": "knapprune.pruning",
    "PruningWarning": "knapprune.pruning",
    "Regularization": "knapprune.pruning.regularization",
    "Report": "knapprune.report.report",
    "ReportError": "knapprune.verification.reports.folder",
    "Reported": "knapprune.verification.reports.reported",
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
    "Sweep": "knapprune.pruning.sweeping",
    "Solution": "knapsolve",
    "Status": "knapsolve",
    "Step": "knapprune.pruning",
    "SynthesisError": "knapprune.verification.yosys",
    "TorchModel": "knapprune.adapters.pytorch.model",
    "TrainingAdapter": "knapprune.adapters.training_adapter",
    "Tuning": "knapprune.pruning.tuning",
    "UnknownChannels": "knapprune.network.channels",
    "ValuePrices": "knapprune.hardware.value_prices",
    "Verification": "knapprune.verification.verifying",
    "VerificationError": "knapprune.verification.comparison",
    "__version__": "knapsolve",
    "custom_objects": "knapprune.adapters.keras.custom_objects",
    "estimate": "knapprune.estimation",
    "export": "knapprune.adapters.exporting",
    "frontier": "knapprune.selection.frontier.tracing",
    "labels": "knapprune.hardware.structures",
    "load": "knapprune.adapters.model_files",
    "load_masked": "knapprune.adapters.pytorch.masked_state",
    "load_selection": "knapprune.selection.loading",
    "prune": "knapprune.pruning",
    "read_hls_config": "knapprune.network.hls_config_file",
    "read_multipliers": "knapprune.hardware.multiplier_file",
    "read_params": "knapprune.pruning.parameters",
    "select": "knapprune.selection.selecting",
    "shrink": "knapprune.shrinking.shrink",
    "sweep": "knapprune.pruning.sweeping",
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
    return sorted(__all__)
