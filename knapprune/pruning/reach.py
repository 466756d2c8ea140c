"""Whether a budget can be reached at all: asked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from knapprune.adapters.data_types import with_data_types
from knapprune.adapters.types_adapter import RoundsData
from knapprune.network.hls_config import HlsConfig
from knapprune.network.precision import FixedPoint
from knapprune.pruning.network import Network
from knapprune.pruning.settings import Selecting
from knapprune.saliency import saliency_of
from knapprune.saliency.normalisation import normalisation
from knapprune.selection import fetch_groups as group_selection
from knapprune.selection.budget import Cap
from knapprune.selection.candidates import candidates
from knapprune.selection.channels.asked import asks_for_channels
from knapprune.selection.channels.selecting import channel_problem
from knapprune.selection.masks import takes_choices
from knapprune.selection.minimum import check_caps
from knapprune.selection.request import Method, requested
from knapprune.selection.selecting import select


def check_reachable(network: Network, caps: tuple[Cap, ...], selecting: Selecting) -> None:
    """Refuse a budget that no number of steps reaches."""
    choose = selecting.choose
    if asks_for_channels(selecting.structure, caps):
        method = Method(saliency_of("l1", None), normalisation("none"), selecting.solver, selecting.time_limit)
        channel_problem(
            requested(
                network.framework,
                network.model,
                network.config,
                network.hardware,
                caps,
                selecting.structure,
                method,
                timed=False,
            )
        )
        return
    if choose is not None or network.logic:
        digits = None if choose is None else {"digits": choose["digits"]}
        narrowest = network.config if choose is None else _narrowest(network, choose.get("data_bits"))
        select(
            network.model,
            narrowest,
            caps,
            structure=cast("Any", selecting.structure),
            hardware=network.hardware,
            choose=cast("Any", digits),
        )
        return
    hardware, before, kernels = network.hardware, network.before, network.written(network.model)
    groups = group_selection.fetch_groups(hardware, before.layers, caps, selecting.structure)
    if groups is None:
        prunable = candidates(
            hardware,
            before.layers,
            kernels,
            caps,
            cast("Any", selecting.structure),
            shared_words=takes_choices(selecting.solver),
        )
        check_caps(hardware, prunable, caps, before, in_steps=True)
    else:
        # How many weights a group keeps decides what it costs, not which ones: any saliency will do here.
        measure, normal = saliency_of("l1", None), normalisation("none")
        options = group_selection.options(hardware, before.layers, kernels, groups, measure, normal)
        group_selection.check_minimum(options, caps, before)


def _narrowest(network: Network, data_bits: Any) -> HlsConfig:
    """Configure the least bits that results may have."""
    framework = network.framework
    if data_bits is None or not isinstance(framework, RoundsData):
        return network.config
    nodes = framework.results(network.model)
    given = (
        data_bits if isinstance(data_bits, Mapping) else {name: data_bits for name in nodes if not nodes[name].given}
    )
    types = {name: FixedPoint(min(own), 1) for name, own in given.items() if name in nodes}
    return with_data_types(framework, network.model, network.config, types)
