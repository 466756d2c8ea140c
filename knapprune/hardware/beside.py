"""What is on the chip beside the weights: FIFOs, line buffers, tables of activations, products of data by data.

Nothing here can be pruned or is a budget; it is an estimate of what comes on top, read in hls4ml 1.3
(``templates/vivado/nnet_utils``) and held against reports of C synthesis:

- **FIFOs** of io_stream are as deep as the layer has positions. Vivado HLS makes one of each channel, Vitis HLS one of
  all channels side by side. They are in blocks where the depth, rounded up to a power of two, times the width is 1024
  bits or more: ``ceil(width / 18) * ceil(depth / 1024)`` halves. Smaller ones are shift registers, those of one place
  no memory at all. Equal in an autoencoder of Vivado HLS (254 halves) and a LeNet-5 of Vitis HLS (53); in a third
  design Vitis HLS has 24 halves for 38.
- **Line buffers** of convolutions and poolings in io_stream are shift registers: a look-up table holds 32 places of one
  bit.
- **Tables.** A ROM has two ports, so n values at once take ``ceil(n / 2)`` copies of a table. A copy of 1024 words is a
  half; of more than 16 bits it is two in Vitis HLS for Virtex UltraScale+ and Alveo. ROMs below 1024 bits are logic.
- **Softmax** multiplies each exponential by the inverse of their sum: a DSP for each output, in io_stream over RF.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from knapprune.hardware.parts import family
from knapprune.tables import plain_table

#: Bits from which C synthesis puts a FIFO or a table into block RAM.
MEMORY_BITS = 1024

#: Published designs: halves that C synthesis reports beside the weights, and what is estimated of the same network.
MEASURED = (
    ("an autoencoder in io_stream, Vivado HLS", 254, 254),
    ("LeNet-5 in io_stream, Vitis HLS", 58, 59),
    ("a Conv1D network in io_stream, Vitis HLS", 29, 43),
    ("the softmax of a 4-8-8-3 network, Vitis HLS", 3, 3),
    ("the softmax of a 16-64-32-32-5 network, of an older hls4ml", 8, 5),
)


@dataclass(frozen=True)
class Beside:
    """One thing that is no weight.

    Parameters
    ----------
    name
        The layer it belongs to, as hls4ml calls it.
    what
        ``"fifo"``, ``"line buffer"``, ``"softmax"``, or a table such as ``"tanh table"``.
    dsp
        DSP blocks.
    bram18
        Halves of block RAMs.
    lut
        Look-up tables; None where nothing says how many.
    """

    name: str
    what: str
    dsp: int = 0
    bram18: int = 0
    lut: int | None = None


def fifo(name: str, depth: int, channels: int, bits: int, backend: str) -> Beside:
    """Estimate the FIFO behind a layer."""
    count, width = (channels, bits) if backend == "Vivado" else (1, channels * bits)
    if depth > 1 and width << ceil(log2(depth)) >= MEMORY_BITS:
        return Beside(name, "fifo", bram18=count * -(-width // 18) * -(-depth // 1024))
    return Beside(name, "fifo", lut=0 if depth == 1 else count * width * -(-depth // 32))


def line_buffer(name: str, rows: int, width: int, channels: int, bits: int) -> Beside:
    """Estimate the rows of an image that a window needs."""
    return Beside(name, "line buffer", lut=rows * channels * bits * -(-width // 32))


def table_halves(size: int, bits: int, readers: int, backend: str, part: str) -> int:
    """Estimate the halves of a table that several values look up at once."""
    if size * bits < MEMORY_BITS:
        return 0
    known = family(part)
    large = known is not None and known.name in ("Alveo", "UltraScale and UltraScale+")
    wide = 2 if backend == "Vitis" and large and 16 < bits <= 18 else 1
    return -(-readers // 2) * -(-bits // 18) * -(-size // 1024) * wide


def table(name: str, function: str, size: int, bits: int, readers: int, backend: str, part: str) -> Beside:
    """Estimate an activation that is looked up."""
    halves = table_halves(size, bits, readers, backend, part)
    return Beside(name, f"{function} table", bram18=halves, lut=None if halves else readers * -(-size * bits // 64))


def summary(things: tuple[Beside, ...]) -> str:
    """Describe what is beside the weights as a table."""
    rows: list[list[object]] = [
        [thing.name, thing.what, thing.dsp, thing.bram18, "" if thing.lut is None else str(thing.lut)]
        for thing in things
    ]
    rows.append(["total", "", sum(thing.dsp for thing in things), sum(thing.bram18 for thing in things), ""])
    reported, estimated = (", ".join(str(design[place]) for design in MEASURED) for place in (1, 2))
    return "\n".join(
        [
            "beside the weights, estimated:",
            plain_table(["layer", "what", "dsp", "bram18", "lut"], rows),
            f"published reports of {len(MEASURED)} designs have {reported} halves there; the estimates are {estimated}",
        ]
    )
