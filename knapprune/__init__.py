"""Choose, provably best, which weights of a network an FPGA keeps.

The names below are loaded when they are first used: importing knapprune loads no framework, no solver and no hls4ml.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knapprune.adapters.keras.custom_objects import custom_objects
    from knapprune.adapters.model_files import load
    from knapprune.adapters.objective import Distillation
    from knapprune.adapters.pytorch.model import TorchModel
    from knapprune.estimation import estimate
    from knapprune.hardware.accelerator import Accelerator
    from knapprune.hardware.fetch_groups import FetchGroup
    from knapprune.hardware.hardware_model import HardwareWarning
    from knapprune.hardware.resources import Resources
    from knapprune.network.hls_config import HlsConfig, HlsConfigError
    from knapprune.network.hls_config_file import read_hls_config
    from knapprune.network.layers import Layer
    from knapprune.pruning import PruningWarning, prune
    from knapprune.pruning.regularization import Regularization
    from knapprune.pruning.tuning import tune
    from knapprune.selection.budget import BudgetError
    from knapprune.selection.result import Selection
    from knapprune.selection.selecting import select
    from knapprune.verification.verifying import verify

__all__ = [
    "Accelerator",
    "BudgetError",
    "Distillation",
    "FetchGroup",
    "HardwareWarning",
    "HlsConfig",
    "HlsConfigError",
    "Layer",
    "PruningWarning",
    "Regularization",
    "Resources",
    "Selection",
    "TorchModel",
    "custom_objects",
    "estimate",
    "load",
    "prune",
    "read_hls_config",
    "select",
    "tune",
    "verify",
]

_HOMES = {
    "Accelerator": "knapprune.hardware.accelerator",
    "BudgetError": "knapprune.selection.budget",
    "Distillation": "knapprune.adapters.objective",
    "FetchGroup": "knapprune.hardware.fetch_groups",
    "HardwareWarning": "knapprune.hardware.hardware_model",
    "HlsConfig": "knapprune.network.hls_config",
    "HlsConfigError": "knapprune.network.hls_config",
    "Layer": "knapprune.network.layers",
    "PruningWarning": "knapprune.pruning",
    "Regularization": "knapprune.pruning.regularization",
    "Resources": "knapprune.hardware.resources",
    "Selection": "knapprune.selection.result",
    "TorchModel": "knapprune.adapters.pytorch.model",
    "custom_objects": "knapprune.adapters.keras.custom_objects",
    "estimate": "knapprune.estimation",
    "load": "knapprune.adapters.model_files",
    "prune": "knapprune.pruning",
    "read_hls_config": "knapprune.network.hls_config_file",
    "select": "knapprune.selection.selecting",
    "tune": "knapprune.pruning.tuning",
    "verify": "knapprune.verification.verifying",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'knapprune' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
