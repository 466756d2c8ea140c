"""What our model says of a published design, from the plain quantities that are published of it.

A row of ``vendor/calibration.json`` is a layer, or two, without its weights. Where weights are in a memory, a stand-in
kernel of the same widths is counted: every weight takes all bits of its type, those of the last row the bits that the
values are said to need. Where they are constants, the row says how many have three signed digits or more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.networks.vendor.published import MODIFIED, Row, cycles_of, form_of_row, layers_of
from knapprune.hardware.bram import in_memory
from knapprune.hardware.constants import is_upper_bound
from knapprune.hardware.fitted import Quantities
from knapprune.hardware.hls4ml import Hls4mlHardware, for_vivado_hls, latency_multiplier_limit
from knapprune.hardware.product_logic import logic_of
from knapprune.network.layers import Layer
from knapprune.network.rounding import Rounding

RESOURCES = ("dsp", "bram18", "lut", "ff", "ii", "latency")

CHANGED = "hls4ml was changed for it"
NO_WEIGHTS = "its weights are not published"
NO_SHAPE = "the shape of its kernel is not published"
NO_POSITIONS = "its input positions are not published"
NO_FORM = "no estimate of a depthwise convolution"
NOT_REPORTED = "not reported"

# The author had every product put into a DSP block: it says how many products there are, and nothing about widths.
FORCED = "forced-dsp"
# The narrowest constant of three signed digits that no tool leaves to logic beside any width of data.
LEAST_BITS = 5


def is_vivado_hls(tool: str) -> bool:
    """Say whether a tool is Vivado HLS, whose last version is 2020.1, and not Vitis HLS."""
    return tuple(int(part) for part in tool.split()[-1].split(".")[:2]) <= (2020, 1)


def hardware_of(row: Row) -> Hls4mlHardware:
    """Take the model of the row's tool and part."""
    return for_vivado_hls(row["part"]) if is_vivado_hls(row["tool"]) else Hls4mlHardware(row["part"])


def layer_of(row: Row, of: Quantities) -> Layer:
    """Make a layer of a row's quantities; a convolution is the Dense layer of one of its pixels."""
    kind = Rounding.parse(f"fixed<{of.weight_bits},{of.weight_bits}>")
    return Layer(
        name="row",
        kind="depthwise_conv2d" if "depthwise" in row["kind"] else "dense",
        kernel_shape=(of.n_in, of.n_out),
        strategy=of.strategy,
        requested_strategy=of.strategy,
        reuse_factor=of.reuse_factor,
        requested_reuse_factor=of.reuse_factor,
        weight_bits=of.weight_bits,
        data_bits=of.data_bits,
        copies=row.get("copies", 1),
        weight_type=kind,
    )


def predict(row: Row) -> dict[str, Any]:
    """Predict a row."""
    reasons = _reasons(row)
    numbers: dict[str, int] = {}
    layers = layers_of(row)
    if not {"dsp", "bram18"} <= set(reasons):
        counts = [_counts(row, layer) for layer in layers]
        numbers |= {name: sum(count[name] for count in counts) for name in ("dsp", "bram18")}
    if not {"lut", "ff"} <= set(reasons):
        estimates = [logic_of(layer, row.get("copies", 1)) for layer in layers]
        if row["stage"] != "csynth":
            estimates = [logic.synthesised or logic for logic in estimates]
        numbers |= {name: sum(logic.resources[name] for logic in estimates) for name in ("lut", "ff")}
    if not {"ii", "latency"} <= set(reasons):
        both = [cycles_of(layer) for layer in layers]
        numbers |= {"ii": max(own for own, _ in both), "latency": sum(own for _, own in both)}
    bounded = any(is_upper_bound(layer_of(row, layer)) for layer in layers) and row["set"] != FORCED
    return {
        "predicted": {name: numbers[name] for name in RESOURCES if name in numbers and name not in reasons},
        "not_compared": reasons,
        "upper_bound": bounded,
    }


def _reasons(row: Row) -> dict[str, str]:
    """Say for each resource that cannot be compared why."""
    if row["kind"] in MODIFIED:
        return dict.fromkeys(RESOURCES, CHANGED)
    reasons = {name: NOT_REPORTED for name in RESOURCES if row.get(name) is None}
    constants = row["strategy"] == "latency" or row["rf"] == 1
    depthwise = "depthwise" in row["kind"]
    if constants and (row.get("nonzero") is None or row.get("constants3") is None):
        return reasons | dict.fromkeys(("dsp", "lut", "ff", "ii", "latency"), NO_WEIGHTS)
    if depthwise:
        reasons |= dict.fromkeys(("lut", "ff"), NO_FORM) | ({} if constants else {"dsp": NO_SHAPE, "bram18": NO_SHAPE})
    elif form_of_row(row) is None:
        reasons |= dict.fromkeys(("lut", "ff"), NO_WEIGHTS)
    if "conv" in row["kind"]:
        reasons |= dict.fromkeys(("ii", "latency"), NO_POSITIONS)
    return reasons


def _counts(row: Row, of: Quantities) -> dict[str, int]:
    layer, hardware = layer_of(row, of), hardware_of(row)
    if in_memory(layer):
        return hardware.use(layer, _kernel_in_memory(row, layer, hardware))
    if row.get("constants3") is None:
        return {"dsp": 0, "bram18": 0}  # the blocks are not compared
    number = row["constants3_5bit" if is_vivado_hls(row["tool"]) and row["set"] != FORCED else "constants3"]
    if of.reuse_factor > 1:
        number = min(number, latency_multiplier_limit(layer, _kernel_with_zeros(row, layer)))
    widest = max(LEAST_BITS, row.get("value_bits", of.weight_bits))
    each = 1 if row["set"] == FORCED else hardware.multipliers.blocks(widest, of.data_bits)
    return {"dsp": number * each * layer.copies, "bram18": 0}


def _kernel_in_memory(row: Row, layer: Layer, hardware: Hls4mlHardware) -> Any:
    """Make a kernel whose values need all bits of the type, and those that the tool looks at what is published."""
    known = row.get("value_bits", layer.weight_bits)
    whole, narrow = (-(1 << bits - 1) for bits in (layer.weight_bits, known))
    flat = np.full(layer.size, narrow if hardware.multipliers.narrows_memories else whole, dtype=np.float64)
    rows = -(-layer.size // layer.reuse_factor)
    flat[(rows - 1) * layer.reuse_factor :] = narrow
    return layer.unflat(flat)


def _kernel_with_zeros(row: Row, layer: Layer) -> Any:
    """Make a kernel with as many zeros as hls4ml counts: before rounding, where that is published."""
    flat = np.ones(layer.size)
    flat[: row.get("zeros", layer.size - row["nonzero"])] = 0
    return layer.unflat(flat)
