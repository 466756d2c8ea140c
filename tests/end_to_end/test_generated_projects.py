"""The promise: what is predicted for a network is what hls4ml's generated C++ names, in every case here.

Three parties must agree on each layer: the prediction from the Keras model, the count in the generated files, and the
arithmetic written out once more in this file.
"""

from dataclasses import dataclass

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

SHAPES = {"dense": (16, 12), "conv1d": (3, 4, 12), "conv2d": (3, 3, 2, 8)}  # 16 x 12, 12 x 12, 18 x 8 products


@dataclass(frozen=True)
class Case:
    kind: str
    strategy: str
    reuse_factor: int
    bits: int
    zeros: str
    io_type: str = "io_stream"

    def __str__(self):
        return f"{self.kind}-{self.strategy}-rf{self.reuse_factor}-{self.bits}bit-{self.zeros}-{self.io_type}"


def unrolled(kind, reuse_factors, io_type="io_stream"):
    """Every reuse factor with another width, every width with other zeros."""
    widths, zeros = (16, 18, 12, 8, 9, 24, 27), ("rows", "weights", "runs", "neurons", "none", "all")
    return [
        Case(kind, "resource_unrolled", reuse_factor, widths[(3 * i + j) % 7], zeros[(i + j) % 6], io_type)
        for i, reuse_factor in enumerate(reuse_factors)
        for j in (0, 2, 3)
    ]


CASES = [
    *unrolled("dense", (2, 4, 8, 16, 32, 48, 96)),
    *unrolled("dense", (4, 16, 64), io_type="io_parallel"),
    *unrolled("conv1d", (2, 3, 6, 12, 24, 36)),
    *unrolled("conv2d", (2, 6, 9, 18, 36)),
    *(
        Case(kind, "latency", 1, bits, zeros, io_type)
        for kind in SHAPES
        for io_type in ("io_stream", "io_parallel")
        for bits, zeros in ((16, "weights"), (9, "rows"))
    ),
    *(Case(kind, "resource", 6 if kind != "dense" else 8, 16, "rows") for kind in SHAPES),
]


def config_of(case):
    return {
        "Model": {
            "Precision": f"ap_fixed<{case.bits},{case.bits // 3}>",
            "ReuseFactor": case.reuse_factor,
            "Strategy": case.strategy,
        },
        "IOType": case.io_type,
    }


def kernel_of(case, rng):
    """A kernel whose zeros have the shape that the case names."""
    shape = SHAPES[case.kind]
    rows = np.moveaxis(rng.uniform(0.25, 1, shape), -1, 0).reshape(-1, case.reuse_factor)
    if case.zeros == "weights":
        rows[rng.random(rows.shape) < 0.6] = 0
    elif case.zeros == "rows":
        rows[rng.random(len(rows)) < 0.7] = 0
    elif case.zeros == "runs":
        rows[: len(rows) // 2] = 0
    elif case.zeros == "neurons":
        rows.reshape(shape[-1], -1)[::2] = 0
    elif case.zeros == "all":
        rows[:] = 0
    return np.moveaxis(rows.reshape(shape[-1], *shape[:-1]), 0, -1)


def network_of(case, rng):
    shape = SHAPES[case.kind]
    if case.kind == "dense":
        inputs, layer = keras.Input((16,)), keras.layers.Dense(12, name="pruned")
    elif case.kind == "conv1d":
        inputs, layer = keras.Input((10, 4)), keras.layers.Conv1D(12, 3, name="pruned")
    else:
        inputs, layer = keras.Input((6, 5, 2)), keras.layers.Conv2D(8, 3, name="pruned")
    model = keras.Sequential([inputs, layer])
    layer.set_weights([kernel_of(case, rng), np.zeros(shape[-1])])
    return model, layer


def rows_and_blocks(case, kernel):
    """Rows with a weight in use and halves of blocks, one weight and one bit at a time."""
    flat = np.moveaxis(kernel, -1, 0).ravel()
    alive = [w for w in range(flat.size) if flat[w] != 0]
    if case.strategy == "latency":
        return 0, 0
    if case.strategy == "resource":
        alive = range(flat.size)
    assert case.reuse_factor <= 512  # up to there a half takes 36 bits, and no table of outputs here has 1024 bits
    halves = set()
    for w in alive:
        row = w // case.reuse_factor
        halves |= {bit // 36 for bit in range(row * case.bits, (row + 1) * case.bits)}
    return len({w // case.reuse_factor for w in alive}), len(halves)


def test_there_are_at_least_forty_cases_and_none_twice():
    assert len(set(CASES)) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=str)
def test_prediction_count_and_arithmetic_agree(case, by_hand):
    model, layer = network_of(case, np.random.default_rng(CASES.index(case)))
    check = kp.verify(model, config_of(case))
    found = check.by_layer["pruned"]
    assert (len(check.by_layer), found.strategy, found.reuse_factor) == (1, case.strategy, case.reuse_factor)
    kernel = layer.get_weights()[0]
    rows, halves = rows_and_blocks(case, kernel)
    assert found.predicted == found.counted
    assert found.counted["bram18"] == halves
    if case.strategy == "latency":
        assert found.counted["dsp"] == by_hand.constants(kernel.reshape(-1, kernel.shape[-1]), case.bits)
    else:
        assert found.counted["dsp"] == by_hand.memory(kernel, rows, case.bits)


# Reuse factors below, at and above the number of inputs; widths whose runs are 9, 2, 3, 4 and 3 rows long.
SELECTED = [
    (Case(kind, "resource_unrolled", reuse_factor, bits, "weights"), budget)
    for kind, reuse_factor, bits in (
        ("dense", 4, 16),
        ("dense", 16, 12),
        ("dense", 32, 18),
        ("conv1d", 3, 18),
        ("conv1d", 12, 24),
        ("conv1d", 24, 12),
        ("conv2d", 6, 9),
        ("conv2d", 18, 18),
        ("conv2d", 36, 24),
    )
    for budget in ({"dsp": 0.5}, {"bram18": 0.5}, {"dsp": 0.7, "bram": 0.5})
] + [(Case(kind, "latency", 1, 16, "none", "io_parallel"), {"dsp": 0.25}) for kind in SHAPES]


@pytest.mark.parametrize(("case", "budget"), SELECTED, ids=lambda value: str(value).replace(" ", ""))
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")  # single layers of a few rows
def test_a_selection_uses_in_the_generated_code_what_it_promised(case, budget):
    model, _ = network_of(case, np.random.default_rng(7))
    selection = kp.select(model, config_of(case), budget=budget)
    check = kp.verify(selection.apply(model), config_of(case))
    assert check.counted == check.predicted == selection.resources.total
    for resource, share in budget.items():
        assert check.counted[resource] <= share * selection.before[resource]
