"""The promise for layers beyond Dense and convolutions: prediction, count and arithmetic written out here must agree.

The arithmetic goes over the weights one by one, in the order of the generated array; it shares nothing with the code
that predicts or counts.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras, layers

pytestmark = pytest.mark.needs("keras")

ZEROS = ("weights", "none", "half", "all", "rows")


@dataclass(frozen=True)
class Case:
    build: str
    strategy: str
    reuse_factor: int
    bits: int = 16
    zeros: str = "weights"
    io_type: str = "io_parallel"
    backend: str = "Vitis"

    def __str__(self):
        return "-".join(map(str, vars(self).values()))


NETWORKS = {
    "depthwise1d": lambda: [keras.Input((10, 4)), layers.DepthwiseConv1D(3, name="x")],
    "depthwise2d": lambda: [keras.Input((6, 5, 2)), layers.DepthwiseConv2D(3, name="x", padding="same")],
    "separable1d": lambda: [keras.Input((10, 4)), layers.SeparableConv1D(6, 3, name="x")],
    "separable2d": lambda: [keras.Input((6, 5, 2)), layers.SeparableConv2D(4, 3, name="x")],
    "einsum": lambda: [keras.Input((5, 4)), layers.EinsumDense("abc,cd->abd", (5, 3), bias_axes="d", name="x")],
    "einsum_dots": lambda: [keras.Input((6, 4)), layers.EinsumDense("...c,dc->...d", 5, name="x")],
    "einsum_heads": lambda: [keras.Input((3, 4)), layers.EinsumDense("abc,dec->abde", (3, 2, 2), name="x")],
    "einsum_in_place": lambda: [keras.Input((5, 4)), layers.EinsumDense("abc,bcd->abd", (5, 3), name="x")],
    "lstm": lambda: [keras.Input((5, 6)), layers.LSTM(4, name="x")],
    "lstm_sequences": lambda: [keras.Input((5, 6)), layers.LSTM(4, return_sequences=True, use_bias=False, name="x")],
    "gru": lambda: [keras.Input((5, 6)), layers.GRU(4, name="x")],
}
WIDTHS = (16, 9, 18, 12, 24, 8)


def cases(builds, strategies, io_types=("io_parallel", "io_stream"), zeros=ZEROS):
    """Every combination once, with widths and zeros that go round."""
    found = []
    for build in builds:
        for strategy, factor in strategies:
            for io_type in io_types:
                number = len(found)
                found.append(
                    Case(build, strategy, factor, WIDTHS[number % len(WIDTHS)], zeros[number % len(zeros)], io_type)
                )
    return found


DEPTHWISE = [
    *cases(("depthwise1d", "depthwise2d"), (("latency", 1), ("latency", 3), ("resource_unrolled", 6))),
    *cases(("depthwise1d", "depthwise2d"), (("resource", 1), ("resource", 2), ("resource", 6)), ("io_stream",)),
    *cases(("depthwise1d",), (("resource", 12), ("resource", 24)), ("io_stream",)),
]
SEPARABLE = [
    *cases(("separable1d", "separable2d"), (("latency", 1), ("latency", 2), ("resource_unrolled", 2))),
    *cases(("separable1d", "separable2d"), (("resource", 2), ("resource_unrolled", 6)), ("io_stream",)),
]
EINSUM = cases(
    ("einsum", "einsum_dots", "einsum_heads"),
    (("latency", 1), ("latency", 2), ("resource_unrolled", 1)),
    ("io_parallel",),
) + cases(("einsum_in_place",), (("latency", 1),) * 3, ("io_parallel",), ("none", "weights", "half"))
RECURRENT = [
    *cases(("lstm", "gru"), (("latency", 1), ("latency", 4), ("resource", 2), ("resource_unrolled", 2))),
    *cases(("lstm_sequences",), (("resource_unrolled", 2), ("resource_unrolled", 24), ("resource", 1))),
    *cases(("lstm",), (("resource_unrolled", 12), ("resource_unrolled", 24)), ("io_parallel",)),
    Case("gru", "resource_unrolled", 12, 18, "rows", "io_stream", "Vivado"),
    Case("depthwise2d", "resource", 3, 18, "rows", "io_stream", "Vivado"),
]
CASES = [*DEPTHWISE, *SEPARABLE, *EINSUM, *RECURRENT]


def network_of(case, rng):
    model = keras.Sequential(NETWORKS[case.build]())
    layer = model.get_layer("x")
    layer.set_weights([zeroed(rng.uniform(0.25, 1, weights.shape), case, rng) for weights in layer.get_weights()])
    return model, layer


def zeroed(weights, case, rng):
    if weights.ndim == 1 or case.zeros == "none":
        return weights
    if case.zeros == "weights":
        return np.where(rng.random(weights.shape) < 0.6, 0, weights)
    if case.zeros == "half":
        return np.where(np.arange(weights.shape[-1]) % 2 == 0, 0, weights)
    if case.zeros == "rows":
        flat = np.moveaxis(weights, -1, 0).reshape(-1)
        flat[np.arange(flat.size) // case.reuse_factor % 3 != 1] = 0
        return np.moveaxis(flat.reshape(weights.shape[-1], *weights.shape[:-1]), 0, -1)
    return np.zeros_like(weights)


def rows_and_blocks(order, strategy, reuse_factor, bits):
    """Rows in use and blocks of one kernel from memory, its weights in the order of the generated array."""
    alive = [w for w in range(len(order)) if order[w] != 0]
    used = alive if strategy == "resource_unrolled" else range(len(order))
    rows = {w // reuse_factor for w in used}
    # No reuse factor here is above 512, where a half takes 36 bits, and no table of outputs has 1024 bits.
    halves = {bit // 36 for row in rows for bit in range(row * bits, (row + 1) * bits)}
    return len(rows), len(halves)


def cap(size, zeros, reuse_factor):
    return ceil(size / reuse_factor) - zeros // reuse_factor


def expected(case, layer, check, by_hand):
    """The DSPs and halves of blocks of each kernel."""
    kernels = [weights for weights in layer.get_weights() if weights.ndim > 1][:2]  # a GRU has a bias of two rows
    taken = {name: (found.strategy, found.reuse_factor) for name, found in check.by_layer.items()}
    found = {}
    if case.build.startswith(("depthwise", "separable")):
        name = "x" if case.build.startswith("depthwise") else "x_depthwise"
        order = kernels[0].ravel()
        channels = kernels[0].shape[-2]
        strategy, factor = taken[name]
        assert strategy == ("resource" if case.strategy == "resource" else "latency")
        limit = cap(order.size * channels, int((order == 0).sum()), factor)
        dsp = products(by_hand, order[:, None], order, case, strategy, factor, limit)
        found[name] = {"dsp": dsp, "bram18": 0}
    if case.build.startswith("separable"):
        own = kernels[1].reshape(-1, kernels[1].shape[-1])
        found["x_pointwise"] = plain(by_hand, own, case, *taken["x_pointwise"])
    if case.build.startswith("einsum"):
        positions = {"einsum": 5, "einsum_dots": 6, "einsum_heads": 3, "einsum_in_place": 1}[case.build]
        # Of "dc" the second axis is the data's; of "dec" and "bcd" the last two and the first two.
        sides = {"einsum": (0, 1), "einsum_dots": (1, 0), "einsum_heads": (2, 0, 1), "einsum_in_place": (0, 1, 2)}
        axes = sides[case.build]
        kernel = np.transpose(kernels[0], axes)
        inputs = kernel.reshape(-1, kernel.shape[-1]) if axes == (0, 1, 2) else kernel.reshape(len(kernel), -1)
        found["x"] = plain(by_hand, inputs, case, *taken["x"], positions)
    if case.build.startswith(("lstm", "gru")):
        assert {strategy for strategy, _ in taken.values()} == {effective(case)}
        pairs = zip(taken.values(), kernels, strict=True)
        first, second = (plain(by_hand, kernel, case, *settings) for settings, kernel in pairs)
        one = by_hand.blocks(case.bits, case.bits)
        gates = 3 * one if case.build.startswith("lstm") else 2 * one + by_hand.blocks(case.bits, case.bits + 1)
        first["dsp"] += 4 * gates
        found = {"x": first, "x/recurrent": second}
    return found


def effective(case):
    return "resource" if case.strategy == "resource_unrolled" and case.reuse_factor == 1 else case.strategy


def plain(by_hand, inputs, case, strategy, factor, copies=1):
    """DSPs and blocks of a kernel that is given input by input."""
    order = inputs.T.ravel()
    limit = cap(order.size, int((order == 0).sum()), factor)
    dsp = products(by_hand, inputs, order, case, strategy, factor, limit)
    in_memory = strategy != "latency" and factor > 1
    return {
        "dsp": dsp * copies,
        "bram18": rows_and_blocks(order, strategy, factor, case.bits)[1] if in_memory else 0,
    }


def products(by_hand, inputs, order, case, strategy, factor, limit):
    if factor == 1:
        return by_hand.constants(inputs, case.bits)
    if strategy == "latency":
        return by_hand.limited(inputs, case.bits, limit)
    if case.backend == "Vivado" and strategy == "resource":
        return by_hand.memory_in_vivado(order.reshape(-1, factor), case.bits)
    return by_hand.memory(order, rows_and_blocks(order, strategy, factor, case.bits)[0], case.bits)


def config_of(case):
    model = {
        "Precision": f"ap_fixed<{case.bits},{case.bits // 3}>",
        "ReuseFactor": case.reuse_factor,
        "Strategy": case.strategy,
    }
    return {"Model": model, "IOType": case.io_type, "Backend": case.backend}


def test_there_are_at_least_sixty_cases_and_none_twice():
    assert len(set(CASES)) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_prediction_count_and_arithmetic_agree(case, by_hand):
    model, layer = network_of(case, np.random.default_rng(CASES.index(case)))
    check = kp.verify(model, config_of(case))
    counted = {name: found.counted for name, found in check.by_layer.items()}
    assert counted == {name: found.predicted for name, found in check.by_layer.items()}
    assert counted == expected(case, layer, check, by_hand)
    assert check.uncounted == ()
