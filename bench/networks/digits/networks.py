"""The networks, and what each method is asked for on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """A network of Dense layers with a ReLU between them.

    Parameters
    ----------
    title
        Of its part of the page.
    about
        What the page says of it.
    widths
        Inputs, then the outputs of each layer.
    signed
        1 where its inputs can be negative.
    integer
        Bits before the binary point of its inputs, without the sign.
    """

    title: str
    about: str
    widths: tuple[int, ...]
    signed: int
    integer: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its layers."""
        return (*(f"fc{place}" for place in range(1, len(self.widths) - 1)), "output")

    def build(self) -> Any:
        """Make it, not trained."""
        import keras

        sizes = zip(self.names, self.widths[1:], strict=True)
        layers = [keras.layers.Dense(size, None if name == "output" else "relu", name=name) for name, size in sizes]
        return keras.Sequential([keras.Input((self.widths[0],)), *layers])


NETWORKS: Mapping[str, Network] = {
    "jets": Network(
        "Jets",
        "16-64-32-32-5 on simulated jets of five kinds: 16 features, standardised and cut off at four standard\n"
        "deviations. Parts are split by event, so that no two jets of one collision are in two of them.",
        (16, 64, 32, 32, 5),
        1,
        2,
    ),
    "fashion": Network(
        "Fashion-MNIST",
        "196-32-32-10 on the images of Fashion-MNIST as 14 x 14 pixels, the largest of each four.",
        (196, 32, 32, 10),
        0,
        0,
    ),
}
