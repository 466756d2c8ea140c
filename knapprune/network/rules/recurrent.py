"""How hls4ml computes LSTM and GRU layers: two kernels under one strategy, and products of gates by states.

Follows ``init_lstm`` and ``init_gru`` of hls4ml 1.3 (``backends/vivado/vivado_backend.py``),
``passes/recurrent_templates.py`` and ``nnet_utils/nnet_recurrent.h``. One step of the sequence is built, and used for
all steps.
"""

from __future__ import annotations

from typing import Literal

from knapprune.network.hls_config import HlsConfig, HlsConfigError
from knapprune.network.layers import Layer, Products
from knapprune.network.rules.reuse import valid_reuse_factors
from knapprune.network.rules.strategy import check_unsupported, effective_reuse_factor, warn, weight_type

_CLASSES: dict[str, Literal["lstm", "gru"]] = {"LSTM": "lstm", "GRU": "gru"}
_GATES = {"LSTM": 4, "GRU": 3}


def resolve_recurrent(
    config: HlsConfig, name: str, hls_type: str, n_in: int, units: int, steps: int, data_bits: int
) -> tuple[Layer, Layer]:
    """Find how hls4ml will compute a recurrent layer."""
    check_unsupported(config, name, hls_type)
    requested_strategy, requested = config.strategy(name, hls_type), config.reuse_factor(name, hls_type)
    strategy = _strategy(name, requested_strategy, requested)
    outputs = units * _GATES[hls_type]
    recurrent = f"{name}/recurrent"
    factor, state_factor = (
        effective_reuse_factor(kernel, size, outputs, strategy, requested, generated=False)
        for kernel, size in ((name, n_in), (recurrent, units))
    )
    check_factors(name, strategy, requested, (n_in, factor), (units, state_factor), outputs)
    state_bits = weight_type(config, "result", name, hls_type).type.width
    accum_bits = weight_type(config, "accum", name, hls_type).type.width
    weights, state_weights = (weight_type(config, key, name, hls_type) for key in ("weight", "recurrent_weight"))
    inputs = Layer(
        name=name,
        kind=_CLASSES[hls_type],
        kernel_shape=(n_in, outputs),
        strategy=strategy,
        requested_strategy=requested_strategy,
        reuse_factor=factor,
        requested_reuse_factor=requested,
        weight_bits=weights.type.width,
        weight_type=weights,
        data_bits=data_bits,
        pixels=steps,
        products=gate_products(hls_type, units, accum_bits, state_bits),
        own_settings=False,
    )
    state = Layer(
        name=recurrent,
        kind=_CLASSES[hls_type],
        kernel_shape=(units, outputs),
        strategy=strategy,
        requested_strategy=requested_strategy,
        reuse_factor=state_factor,
        requested_reuse_factor=requested,
        weight_bits=state_weights.type.width,
        weight_type=state_weights,
        data_bits=state_bits,
        pixels=steps,
        own_settings=False,
    )
    return inputs, state


def gate_products(hls_type: str, units: int, accum_bits: int, state_bits: int) -> tuple[Products, ...]:
    """Count the products of gates by states: three for each unit, in loops that are unrolled.

    An LSTM multiplies a gate by the candidate, a gate by the old state and a gate by the activated new state. A GRU
    multiplies the reset gate by the recurrent sum, ``1 - z`` by the candidate, and z by the old state; ``1 - z`` has
    one bit more than z.
    """
    if hls_type == "LSTM":
        return Products(2 * units, accum_bits, accum_bits), Products(units, state_bits, accum_bits)
    return (
        Products(units, accum_bits, accum_bits),
        Products(units, accum_bits, accum_bits + 1),
        Products(units, state_bits, accum_bits),
    )


def _strategy(name: str, requested: str, reuse_factor: int) -> str:
    if requested in ("latency", "resource"):
        return requested
    if requested != "resource_unrolled":
        warn(f"layer {name!r}: hls4ml has no strategy {requested!r} for recurrent layers and takes 'latency'")
        return "latency"
    if reuse_factor == 1:
        warn(f"layer {name!r}: hls4ml replaces strategy 'resource_unrolled' by 'resource' at reuse factor 1")
        return "resource"
    return requested


def check_factors(
    name: str, strategy: str, requested: int, inputs: tuple[int, int], state: tuple[int, int], outputs: int
) -> None:
    """Refuse pairs of reuse factors that hls4ml picks and cannot build."""
    (n_in, factor), (units, state_factor) = inputs, state
    if strategy == "resource" and (factor <= units) != (state_factor <= units):
        # recurrent_templates.py chooses the second kernel's function by the first kernel's reuse factor.
        why = f"{factor} for the inputs' kernel and {state_factor} for the state's, and mistakes the one for the other"
    elif strategy == "resource_unrolled" and 1 in (factor, state_factor):
        # unrolled_codegen.py asks only for the first kernel's; the second is then bound to a memory of one word.
        why = f"{factor} for the inputs' kernel and {state_factor} for the state's, and unrolls both or none"
    else:
        return
    whole = strategy == "resource"
    both = set(valid_reuse_factors(n_in, outputs, whole)) & set(valid_reuse_factors(units, outputs, whole))
    legal = [number for number in sorted(both) if whole or number > 1]
    raise HlsConfigError(
        f"hls_config: layer {name!r} has ReuseFactor {requested}, of which hls4ml would make {why}; expected one that "
        + (f"both take: {legal}" if legal else "both take, and there is none: use another strategy")
    )
