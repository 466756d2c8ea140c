"""Choose, provably best, which weights of a network an FPGA keeps.

The names below are loaded when they are first used: importing knapprune loads no framework, no solver and no hls4ml.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from knapprune.adapters.keras_registration import register_with_keras

if TYPE_CHECKING:
    from knapprune.adapters.objective import Distillation
    from knapprune.adapters.pytorch_model import TorchModel
    from knapprune.budget import BudgetError
    from knapprune.estimation import estimate
    from knapprune.fetch_groups import FetchGroup
    from knapprune.hardware.accelerator import Accelerator
    from knapprune.hardware.model import HardwareWarning
    from knapprune.hardware.resources import Resources
    from knapprune.hls_config import HlsConfig, HlsConfigError, read_hls_config
    from knapprune.layers import Layer
    from knapprune.pruning import PruningWarning, prune
    from knapprune.regularization import Regularization
    from knapprune.selection import select
    from knapprune.selection_result import Selection
    from knapprune.tuning import tune
    from knapprune.verification import verify

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
    "estimate",
    "prune",
    "read_hls_config",
    "select",
    "tune",
    "verify",
]

_HOMES = {
    "Accelerator": "knapprune.hardware.accelerator",
    "BudgetError": "knapprune.budget",
    "Distillation": "knapprune.adapters.objective",
    "FetchGroup": "knapprune.fetch_groups",
    "HardwareWarning": "knapprune.hardware.model",
    "HlsConfig": "knapprune.hls_config",
    "HlsConfigError": "knapprune.hls_config",
    "Layer": "knapprune.layers",
    "PruningWarning": "knapprune.pruning",
    "Regularization": "knapprune.regularization",
    "Resources": "knapprune.hardware.resources",
    "Selection": "knapprune.selection_result",
    "TorchModel": "knapprune.adapters.pytorch_model",
    "estimate": "knapprune.estimation",
    "prune": "knapprune.pruning",
    "read_hls_config": "knapprune.hls_config",
    "select": "knapprune.selection",
    "tune": "knapprune.tuning",
    "verify": "knapprune.verification",
}

register_with_keras()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'knapprune' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
