"""A sparse accelerator that fetches a group of activations at a time: cycles, words of the weight buffer, balance.

The model is from first principles, after the abstract of Kang, arXiv 1804.09862, and its published settings of g and p:

- The activation buffer delivers ``g`` activations a fetch, neighbours along one axis. ``N`` processing elements (PEs),
  one output channel each, share the fetch. With more than N output channels the layer is passed in tiles of N.
- A PE holds the non-zero weights of its output channel with their places in the group, and has ``M`` multipliers. It
  selects the activations its weights ask for, and so takes ``ceil(nonzeros / M)`` cycles for a group.
- PEs run in step: the next group is fetched when the slowest is done. A fetch thus takes the maximum over the PEs; a
  fetch that no PE of the tile needs is skipped and takes none, which favours pruning without structure. All this is
  repeated for each output position (pixel) of the layer.
- A word of a PE's weight buffer holds M weights and their places, what is multiplied in one cycle. Every group starts
  at a word of its own: ``ceil(nonzeros / M)`` words. Packed without gaps, fewer words would do, but then groups are
  *misaligned*: they reach over one word more than they fill, and a cycle needs weights of two.

With ``g - p`` weights left in every group and M = g - p multipliers a fetch takes one cycle and a group one full word,
and no PE waits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knapprune.hardware.fetch_groups import AXES, FetchGroup
from knapprune.hardware.hardware_model import LabelCosts
from knapprune.hardware.load import Load
from knapprune.network.layers import Layer


@dataclass(frozen=True)
class Accelerator:
    """The resource model of such an accelerator: ``cycles`` and ``weight_words``.

    Parameters
    ----------
    group
        Activations a fetch: g.
    multipliers
        Multipliers of one PE: M. A fixed p is served best by M = g - p.
    processing_elements
        PEs that share a fetch: N.
    axis
        Along which activations are fetched together: ``"in"`` (input channels), ``"width"`` or ``"height"``.

    Raises
    ------
    ValueError
        For a number below 1 or another axis.

    Examples
    --------
    >>> Accelerator(group=8, multipliers=2, processing_elements=4).fetch_group
    FetchGroup(size=8, pruned=None, axis='in')
    """

    group: int = 16
    multipliers: int = 4
    processing_elements: int = 16
    axis: str = "in"

    resources = ("cycles", "weight_words")

    def __post_init__(self) -> None:
        for name in ("group", "multipliers", "processing_elements"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name}: got {number!r}, expected a whole number, 1 or more")
        if self.axis not in AXES or self.axis == "out":
            raise ValueError(f"axis: got {self.axis!r}, expected 'in', 'width' or 'height': activations have no other")

    @property
    def fetch_group(self) -> FetchGroup:
        """The groups that this accelerator fetches; p is to be chosen by layer."""
        return FetchGroup(self.group, None, self.axis)

    def covers(self, layer: Layer) -> bool:
        return layer.size > 0 and not layer.depthwise and layer.kind != "einsum_dense"

    def word_bits(self, layer: Layer) -> int:
        """Say how wide a word of the weight buffer is: M weights, each with its place in the group.

        Parameters
        ----------
        layer
            The layer; its ``weight_bits`` count.

        Returns
        -------
        int
            ``M (weight bits + ceil(log2 g))``.
        """
        return self.multipliers * (layer.weight_bits + (self.group - 1).bit_length())

    def load(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> Load:
        """Count in full what a layer makes the accelerator do.

        Parameters
        ----------
        layer
            The layer.
        kernel
            Shape ``layer.kernel_shape``; only which weights are zero matters.

        Returns
        -------
        Load
            Of this layer alone.
        """
        counts = self._counts(layer, kernel)
        words = -(-counts // self.multipliers)
        slowest = self._tiles(words).max(axis=2)
        cycles = int(slowest.sum()) * layer.pixels
        tiles = np.arange(slowest.shape[1])
        active = np.minimum(self.processing_elements, layer.n_out - self.processing_elements * tiles)
        available = int((slowest * active).sum()) * layer.pixels
        # The weights of one PE lie one behind the other: the groups of its channel, then those of the next tile's.
        streams = self._tiles(counts).transpose(2, 1, 0).reshape(self.processing_elements, -1)
        ends = streams.cumsum(axis=1)
        first, last = (ends - streams) // self.multipliers, (ends - 1) // self.multipliers
        straddling = (streams > 0) & (last - first + 1 > -(-streams // self.multipliers))
        return Load(
            cycles=cycles,
            unsynchronised=int(self._tiles(words).sum(axis=0).max(axis=1).sum()) * layer.pixels,
            busy=int(words.sum()) * layer.pixels,
            available=available,
            products=int(counts.sum()) * layer.pixels,
            places=available * self.multipliers,
            words=int(words.sum()),
            packed_words=int((-(-ends[:, -1] // self.multipliers)).sum()),
            misaligned=int(np.count_nonzero(straddling)),
            groups=int(np.count_nonzero(counts)),
        )

    def use(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> dict[str, int]:
        words = -(-self._counts(layer, kernel) // self.multipliers)
        slowest = self._tiles(words).max(axis=2)
        return {"cycles": int(slowest.sum()) * layer.pixels, "weight_words": int(words.sum())}

    def costs(self, layer: Layer, labels: npt.NDArray[np.int64], kernel: npt.NDArray[np.generic]) -> LabelCosts:
        """Split the layer's use by label.

        The cycles of a fetch belong to a label if all weights in it that are not zero, those of the whole tile, have
        that label; the words of a group, if all of that group's have it. What several labels share is fixed: pruning
        one of them saves nothing for certain.
        """
        alive = np.asarray(kernel) != 0
        words = -(-self._counts(layer, kernel) // self.multipliers)
        label_count = int(labels.max(initial=-1)) + 1
        split = self._groups(layer, np.where(alive, labels, -1), -1)
        highest = split.max(axis=-1)
        lowest = np.where(split < 0, label_count, split).min(axis=-1)
        own_words, fixed_words = _owned(words, lowest, highest, label_count)
        cycles = self._tiles(words).max(axis=2) * layer.pixels
        lowest, highest = self._tiles(lowest, label_count).min(axis=2), self._tiles(highest, -1).max(axis=2)
        own_cycles, fixed_cycles = _owned(cycles, lowest, highest, label_count)
        type_costs, label_type = np.unique(np.stack([own_cycles, own_words]), axis=1, return_inverse=True)
        fixed = {"cycles": fixed_cycles, "weight_words": fixed_words}
        return LabelCosts(label_type.ravel().astype(np.int64, copy=False), type_costs, fixed)

    def structure(self, layer: Layer, resources: tuple[str, ...]) -> str:
        return str(self.fetch_group)

    def advice(self, layer: Layer, resource: str) -> str:
        if resource == "cycles":
            why = f"a fetch waits for the fullest of {self.processing_elements} output channels"
        else:
            why = f"a word is saved only with the last of the {self.multipliers} weights in it"
        return f"{why}; structure {str(self.fetch_group)!r} empties all alike"

    def _groups(self, layer: Layer, array: npt.NDArray[np.generic], fill: int) -> npt.NDArray[np.int64]:
        """Arrange an array of the kernel's shape by fetch, output channel and weight of the group."""
        if array.shape != layer.kernel_shape:
            raise ValueError(
                f"layer {layer.name!r}: labels or kernel of shape {array.shape}, expected {layer.kernel_shape}"
            )
        split = self.fetch_group.split(layer, array, fill)  # (..., out, blocks, group)
        return np.moveaxis(split, -3, -2).reshape(-1, layer.n_out, split.shape[-1])

    def _counts(self, layer: Layer, kernel: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Weights that are not zero, shape (fetches, output channels)."""
        counts: npt.NDArray[np.int64] = self._groups(layer, np.asarray(kernel) != 0, 0).sum(axis=-1, dtype=np.int64)
        return counts

    def _tiles(self, by_channel: npt.NDArray[np.int64], fill: int = 0) -> npt.NDArray[np.int64]:
        """Cut (fetches, output channels) into tiles of as many channels as there are PEs."""
        missing = -by_channel.shape[1] % self.processing_elements
        padded = np.pad(by_channel, ((0, 0), (0, missing)), constant_values=fill)
        return padded.reshape(len(by_channel), -1, self.processing_elements)


def of_part(part: str) -> Accelerator:
    """Build the accelerator that is found by name: 16 activations a fetch, 16 PEs of 4 multipliers."""
    return Accelerator()


def _owned(
    amounts: npt.NDArray[np.int64], lowest: npt.NDArray[np.int64], highest: npt.NDArray[np.int64], label_count: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Add up by label what one label owns, and all that several share; empty units have no amount."""
    mine = lowest == highest
    own = np.zeros(label_count, dtype=np.int64)
    np.add.at(own, lowest[mine], amounts[mine])
    return own, int(amounts[(highest >= 0) & ~mine].sum())
