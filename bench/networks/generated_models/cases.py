"""Which models are generated: front end, network, strategy, reuse factor, width and zeros, drawn from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import numpy as np

_KERAS = (
    "mlp",
    "conv1d",
    "conv2d",
    "pointwise",
    "residual",
    "several-axes",
    "depthwise",
    "separable",
    "einsum",
    "lstm",
    "gru",
)
#: Networks by front end; ``keras-graph`` is a Keras model given as a ModelGraph, and HGQ2 sets its own widths.
NETWORKS = {
    "keras": _KERAS,
    "keras-graph": _KERAS,
    "torch": ("mlp", "conv1d", "conv2d"),
    "onnx": ("mlp", "residual"),
    "hgq2": ("mlp", "conv2d"),
}
#: How often each front end is drawn: Keras models have the most kinds of layers.
WEIGHTS = {"keras": 11, "keras-graph": 5, "torch": 4, "onnx": 2, "hgq2": 2}
STRATEGIES = ("latency", "resource", "resource_unrolled", "distributed_arithmetic")
REUSE_FACTORS = (1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 18, 24, 32, 48, 64)
BITS = (6, 8, 9, 12, 16, 17, 18, 24, 27)
ZEROS = ("none", "weights", "rows", "neurons", "all")
PARTS = ("xcvu13p-flga2577-2-e", "xc7z020clg400-1", "xcku115-flvb2104-2-i")


@dataclass(frozen=True)
class Case:
    """One model and its configuration; `seed` draws its sizes and weights."""

    seed: int
    front_end: str
    network: str
    strategy: str
    reuse_factor: int
    bits: int
    zeros: str
    io_type: str
    backend: str
    part: str
    pixels: int

    @property
    def config(self) -> dict[str, Any]:
        """The configuration for hls4ml."""
        return {
            "Model": {
                "Precision": f"ap_fixed<{self.bits},{self.bits // 3}>",
                "ReuseFactor": self.reuse_factor,
                "Strategy": self.strategy,
                "ParallelizationFactor": self.pixels,
            },
            "IOType": self.io_type,
            "Backend": self.backend,
            "Part": self.part,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, for a row."""
        return asdict(self)

    def __str__(self) -> str:
        words = (self.seed, self.front_end, self.network, self.strategy, f"rf{self.reuse_factor}", f"{self.bits}bit")
        return "-".join(map(str, (*words, self.zeros, self.io_type)))


def cases(seed: int) -> Iterator[Case]:
    """Draw cases without end, the same ones for the same seed."""
    for number in count(seed):
        rng = np.random.default_rng(number)
        chance = np.array(list(WEIGHTS.values())) / sum(WEIGHTS.values())
        front_end = str(rng.choice(list(WEIGHTS), p=chance))
        strategy = str(rng.choice(STRATEGIES, p=(0.25, 0.2, 0.45, 0.1)))
        yield Case(
            seed=number,
            front_end=front_end,
            network=str(rng.choice(NETWORKS[front_end])),
            strategy=strategy,
            reuse_factor=1 if strategy == "distributed_arithmetic" else int(rng.choice(REUSE_FACTORS)),
            bits=int(rng.choice(BITS)),
            zeros=str(rng.choice(ZEROS, p=(0.15, 0.3, 0.35, 0.15, 0.05))),
            io_type=str(rng.choice(("io_parallel", "io_stream"))),
            backend=str(rng.choice(("Vitis", "Vivado"))),
            part=str(rng.choice(PARTS)),
            pixels=int(rng.choice((1, 2, 4))),
        )
