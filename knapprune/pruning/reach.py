"""Whether a budget can be reached at all: asked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from knapprune.adapters.adapter import Adapter, written_kernels
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import Resources
from knapprune.network.hls_config import HlsConfig
from knapprune.saliency import saliency_of
from knapprune.saliency.normalisation import normalisation
from knapprune.selection import fetch_groups as group_selection
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import candidates
from knapprune.selection.fetch_groups import AnyStructure
from knapprune.selection.masks import takes_choices
from knapprune.selection.minimum import check_caps


def check_reachable(
    framework: Adapter,
    model: Any,
    config: HlsConfig,
    caps: tuple[Cap, ...],
    before: Resources,
    structure: AnyStructure | Mapping[str, AnyStructure],
    hardware: HardwareModel,
    solver: str,
) -> None:
    """Refuse a budget that no number of steps reaches."""
    kernels = written_kernels(framework, model, framework.kernels(model), config)
    groups = group_selection.fetch_groups(hardware, before.layers, caps, structure)
    if groups is None:
        found = candidates(
            hardware, before.layers, kernels, caps, cast("Any", structure), shared_words=takes_choices(solver)
        )
        check_caps(hardware, found, caps, before, in_steps=True)
    else:
        # How many weights a group keeps decides what it costs, not which ones: any saliency will do here.
        measure, normal = saliency_of("l1", None), normalisation("none")
        options = group_selection.options(hardware, before.layers, kernels, groups, measure, normal)
        group_selection.check_minimum(options, caps, before)
