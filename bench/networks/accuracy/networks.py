"""The networks that are pruned, and their hls4ml configurations.

The last layer of each gives logits: the class needs no softmax. Weights of 18 bits fill a multiplier of a DSP48. Types
round to nearest: cutting bits off, as hls4ml does by default, cost LeNet-5 0.4 points, unpruned as well as pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

BLOCK = 55
"""Look-up tables that a DSP counts as, in the area by which HGQ compares networks: LUT + 55 x DSP."""


@dataclass(frozen=True)
class Network:
    """A network to prune.

    Parameters
    ----------
    title
        Of its part of the page.
    about
        What the page says of it.
    build
        Makes it, not trained.
    config
        For hls4ml.
    data
        Name in :data:`bench.networks.accuracy.data.DATA`.
    shares
        What the table's budget leaves of each resource.
    sweep
        The same of DSPs for the frontier; other resources in proportion.
    area
        Share of the unpruned network's area that methods may use which choose values, at the table's budget.
    rows
        Share of that area for the layers above reuse factor 1.
    """

    title: str
    about: str
    build: Callable[[], Any]
    config: dict[str, Any]
    data: str = "fashion-mnist"
    shares: dict[str, float] = field(default_factory=lambda: {"dsp": 0.08, "bram18": 0.19})
    sweep: tuple[float, ...] = (0.03, 0.04, 0.06, 0.12)
    area: float = 0.0305
    rows: float = 0.7

    @property
    def unrolled(self) -> dict[str, Any]:
        """The configuration with every layer at reuse factor 1, each weight a constant."""
        return {key: value for key, value in self.config.items() if key != "LayerName"}

    def of_constants(self) -> Network:
        """Return the network with every layer at reuse factor 1."""
        return replace(self, config=self.unrolled)


def config(
    reuse: dict[str, int], io_type: str = "io_stream", precision: str = "ap_fixed<18,8,AP_RND>"
) -> dict[str, Any]:
    """Configure layers with a reuse factor as ``resource_unrolled``, and all others as ``latency`` with 1."""
    return {
        "IOType": io_type,
        "Model": {"Precision": precision, "ReuseFactor": 1, "Strategy": "latency"},
        "LayerName": {name: {"Strategy": "resource_unrolled", "ReuseFactor": factor} for name, factor in reuse.items()},
    }


def lenet() -> Any:
    """Build LeNet-5 as it is used with hls4ml: rectified, max-pooled, 400-120-84-10 at its end."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(16, 5, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(120, activation="relu", name="dense1"),
            layers.Dense(84, activation="relu", name="dense2"),
            layers.Dense(10, name="output"),
        ],
        name="lenet",
    )


def resnet() -> Any:
    """Build a small residual network: a stem, one block of 8 and one of 16 filters, each with its sum."""
    import keras

    layers = keras.layers

    def convolve(name: str, filters: int, size: int, stride: int = 1) -> Any:
        return layers.Conv2D(filters, size, stride, padding="same", name=name)

    inputs = keras.Input((28, 28, 1))
    stem = layers.MaxPooling2D(name="pool0")(layers.ReLU(name="relu0")(convolve("stem", 8, 3)(inputs)))
    inner = layers.ReLU(name="relu1")(convolve("block1a", 8, 3)(stem))
    first = layers.ReLU(name="relu2")(layers.Add(name="sum1")([convolve("block1b", 8, 3)(inner), stem]))
    inner = layers.ReLU(name="relu3")(convolve("block2a", 16, 3, 2)(first))
    bridge = convolve("bridge", 16, 1, 2)(first)
    second = layers.ReLU(name="relu4")(layers.Add(name="sum2")([convolve("block2b", 16, 3)(inner), bridge]))
    # The mean of 49 pixels would overflow an accumulator of 8 integer bits; the largest of four does not.
    flat = layers.Flatten(name="flatten")(layers.MaxPooling2D(name="pool1")(second))
    return keras.Model(inputs, layers.Dense(10, name="output")(flat), name="resnet")


def svhn_network() -> Any:
    """Build the convolutional network that hls4ml is known for on SVHN: 16, 16 and 24 filters, 42-64-10."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(16, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(16, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Conv2D(24, 3, activation="relu", name="conv3"),
            layers.MaxPooling2D(name="pool3"),
            layers.Flatten(name="flatten"),
            layers.Dense(42, activation="relu", name="dense1"),
            layers.Dense(64, activation="relu", name="dense2"),
            layers.Dense(10, name="output"),
        ],
        name="svhn",
    )


def jet_network() -> Any:
    """Build the jet tagger of hls4ml's tutorial: 16-64-32-32-5."""
    import keras

    layers = keras.layers
    hidden = [layers.Dense(width, activation="relu", name=f"fc{i}") for i, width in enumerate((64, 32, 32), 1)]
    return keras.Sequential([keras.Input((16,)), *hidden, layers.Dense(5, name="output")], name="jets")


def _jets(reuse: int) -> Network:
    layers = dict.fromkeys(("fc1", "fc2", "fc3", "output"), reuse)
    return Network(
        f"Jet tagging, reuse factor {reuse}",
        f"16-64-32-32-5 in `io_parallel`, `ap_fixed<16,6>`, every layer in `resource_unrolled` with {reuse}.",
        jet_network,
        config(layers, "io_parallel", "ap_fixed<16,6,AP_RND>"),
        "jets",
        {"dsp": 0.25, "bram18": 0.25},
        (0.1, 0.15, 0.2, 0.35),
    )


NETWORKS: dict[str, Network] = {
    # Pixel by pixel, so that 6,150 DSPs hold the network.
    "lenet": Network(
        "LeNet-5 on Fashion-MNIST",
        "As it is built for hls4ml: `io_stream`, `ap_fixed<18,8>`, the convolutions and the last layer in `latency`\n"
        "with reuse factor 1, the dense layers of 120 and 84 in `resource_unrolled` with reuse factors 25 and 12.",
        lenet,
        config({"dense1": 25, "dense2": 12}),
    ),
    "resnet": Network(
        "A small residual network on Fashion-MNIST",
        "Two blocks of 8 and 16 filters with their sums, in `io_stream` and `ap_fixed<18,8>`; the blocks in\n"
        "`resource_unrolled` with reuse factor 9 (8 for the bridge beside the second, 12 for the output), the stem in\n"
        "`latency`.",
        resnet,
        config({"block1a": 9, "block1b": 9, "block2a": 9, "block2b": 9, "bridge": 8, "output": 12}),
        shares={"dsp": 0.25, "bram18": 0.25},
        sweep=(0.15, 0.2, 0.35),
        area=0.122,
    ),
    "svhn": Network(
        "A convolutional network on SVHN",
        "16, 16 and 24 filters, then 42-64-10, in `io_stream` and `ap_fixed<18,8>`; the first convolution and the\n"
        "last layer in `latency`, the others in `resource_unrolled` with reuse factors 9, 9, 12 and 6.",
        svhn_network,
        config({"conv2": 9, "conv3": 9, "dense1": 12, "dense2": 6}),
        "svhn",
    ),
    "jets-simulated": Network(
        "Jet tagging on simulated jets, reuse factor 1",
        "16-64-32-32-5 in `io_parallel`, `ap_fixed<16,6>`, every layer in `latency` with reuse factor 1: each weight\n"
        "is a constant.",
        jet_network,
        config({}, "io_parallel", "ap_fixed<16,6,AP_RND>"),
        "simulated-jets",
        {"dsp": 0.08},
        (0.04, 0.15, 0.25),
    ),
    **{f"jets-rf{reuse}": _jets(reuse) for reuse in (2, 4, 8, 16)},
}


@dataclass(frozen=True)
class Use:
    """What an unpruned network uses.

    Parameters
    ----------
    total
        By resource; look-up tables (``"lut"``) are estimates.
    rows
        The same of the layers above reuse factor 1.
    """

    total: Mapping[str, int]
    rows: Mapping[str, int]


def area(use: Mapping[str, int]) -> int:
    """Add DSPs to look-up tables, each as so many."""
    return use["lut"] + BLOCK * use["dsp"]


def budget(network: Network, use: Use, share: float) -> dict[str, int]:
    """Return a budget of DSPs and memories in counts: so much of the DSPs, and of memories in proportion."""
    scale = share / network.shares["dsp"]
    return {name: int(min(1.0, scale * own) * use.total[name]) for name, own in network.shares.items()}


def budget_of_both(network: Network, use: Use, share: float) -> dict[str, int]:
    """Return a budget whose area is given: its DSPs are those of rows, and look-up tables fill the rest."""
    limit = _area_at(network, use, share)
    dsp = int(network.rows * limit * use.rows["dsp"] / area(use.rows))
    return budget(network, use, share) | {"dsp": dsp, "lut": int(limit - BLOCK * dsp)}


def budget_of_constants(network: Network, use: Use, share: float) -> dict[str, int]:
    """Return a budget of look-up tables alone, of the same area."""
    return {"dsp": 0, "lut": int(_area_at(network, use, share))}


def budget_of_digits(network: Network, use: Use, share: float) -> dict[str, int]:
    """Return what is left where no constant has a multiplier: the DSPs of all rows."""
    return {"dsp": use.rows["dsp"]}


def _area_at(network: Network, use: Use, share: float) -> float:
    return network.area * share / network.shares["dsp"] * area(use.total)
