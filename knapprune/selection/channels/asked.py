"""Whether whole channels are asked for, and whether any hardware is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knapprune.adapters.adapter import Adapter, ConfiguredAdapter
from knapprune.hardware.resources import SIZES
from knapprune.hardware.structures import CHANNEL, KEPT
from knapprune.selection.budget import Budget, Cap, budgets


def asks_for_channels(structure: Any, budget: Budget | None) -> bool:
    """Say whether whole channels are to be selected: where they are named, or the network's own size is budgeted."""
    named = structure.values() if isinstance(structure, Mapping) else [structure]
    return any(isinstance(own, str) and own == CHANNEL for own in named) or asks_for_sizes(budget)


def asks_for_sizes(budget: Budget | None) -> bool:
    """Say whether the network's own size is budgeted."""
    return any(budgets(budget, name) for name in SIZES)


def asks_for_no_hardware(framework: Adapter, hls_config: Any, budget: Budget | None) -> bool:
    """Say whether nothing but the network's own size matters, and no configuration of hls4ml says otherwise."""
    unsaid = hls_config is None or (isinstance(hls_config, Mapping) and not set(hls_config) - {"InputShape"})
    if not unsaid or isinstance(framework, ConfiguredAdapter) or not budget:
        return False
    return asks_for_sizes(budget) and _resources(budget) <= set(SIZES)


def check_structures(structures: Mapping[str, Any]) -> None:
    """Refuse other structures beside channels."""
    for name, own in structures.items():
        if not isinstance(own, str) or own not in (CHANNEL, KEPT, "auto"):
            raise ValueError(
                f"structure: got {own!r} for layer {name!r}, expected {CHANNEL!r}, {KEPT!r} or 'auto' for every layer: "
                "a channel goes through several layers, and parameters and macs are saved by whole channels alone"
            )


def _resources(budget: Budget) -> set[str]:
    if isinstance(budget, tuple):
        return {cap.resource for cap in budget if isinstance(cap, Cap)}
    nested = [own for own in budget.values() if isinstance(own, Mapping)]
    return {str(key) for key, own in budget.items() if not isinstance(own, Mapping)} | {
        str(key) for own in nested for key in own
    }
