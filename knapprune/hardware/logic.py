"""Look-up tables and flip-flops of a layer: estimates, never counts.

DSP blocks and memory blocks follow from what hls4ml writes. Look-up tables and flip-flops do not: the vendor's tools
decide how wide an adder must be, what shares a table, and after how many gates a register comes. So nothing here can be
a budget, and each estimate is shown as one, with a sentence that says what it is made of.
"""

from __future__ import annotations

from dataclasses import dataclass

from knapprune.hardware.adder_bits import look_up_tables
from knapprune.hardware.adder_graph import LayerAdders
from knapprune.hardware.fitted import Error


@dataclass(frozen=True)
class Logic:
    """The logic of one layer, estimated.

    Parameters
    ----------
    lut
        Look-up tables.
    ff
        Flip-flops; None where nothing says how many.
    made_of
        What the look-up tables are for.
    lut_error, ff_error
        How far off such estimates are on published reports; None where there are no reports.
    synthesised
        What is left after logic synthesis, estimated by itself; None where no reports say.
    """

    lut: int
    ff: int | None
    made_of: str
    lut_error: Error | None = None
    ff_error: Error | None = None
    synthesised: Logic | None = None

    @property
    def resources(self) -> dict[str, int]:
        """The estimates by resource."""
        return {"lut": self.lut} | ({} if self.ff is None else {"ff": self.ff})


def of_adders(layer: LayerAdders, whole: LayerAdders) -> Logic:
    """Estimate the logic of a layer with ``distributed_arithmetic``."""
    now, before = tables_of(layer), tables_of(whole)
    zeros = sum(int((graph.kernel == 0).sum()) for graph in layer.graphs)
    size = sum(graph.inputs * len(graph.outputs) for graph in layer.graphs)
    made_of = f"{layer.adders} adders for {size - zeros} of {size} weights"
    if zeros and before:
        made_of += (
            f"; about {before} without the zeros, which save {1 - now / before:.0%}, together and not each its share"
        )
    return Logic(now, None, made_of)


def tables_of(layer: LayerAdders) -> int:
    """Predict the look-up tables of a layer's adder graphs."""
    return layer.copies * sum(map(look_up_tables, layer.graphs))
