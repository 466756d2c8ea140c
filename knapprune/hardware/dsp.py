"""How many DSP blocks one multiplier takes, by the widths of both operands.

No public rule says when a vendor tool leaves a product to look-up tables, so the limits are one small table that a
user can replace after looking at a synthesis report: ``Hls4mlHardware(multipliers=MultiplierTable(...))``.

Sources: the signed port widths are those of Xilinx UG479 (DSP48E1, 25 x 18), UG579 (DSP48E2, 27 x 18) and AM004
(DSP58, 27 x 24). Products of operands up to 4 bits go to look-up tables in Xilinx UG901 and in Yosys'
``synth_xilinx``; hls4ml's own optimisation API assumes the same of everything below 9 bits. Here, both operands must
be below 9 bits, or one below 5: where the tools disagree, a DSP block is counted. A wide product is tiled: every
further block adds one bit less than its port, because the lower parts are unsigned. This gives what Yosys reports for
square products: one up to 18 bits, two up to 27, four from 28.
"""

from __future__ import annotations

from dataclasses import dataclass

from knapprune.hardware.parts import family


@dataclass(frozen=True)
class MultiplierTable:
    """DSP blocks per multiplier.

    Parameters
    ----------
    wide_port, narrow_port
        Signed widths in bits of the block's two multiplier ports, the wider one first.
    in_logic
        Pairs ``(narrow, wide)``: a product whose narrower operand has at most ``narrow`` bits and whose wider one has
        at most ``wide`` bits takes no DSP block.
    """

    wide_port: int
    narrow_port: int
    in_logic: tuple[tuple[int, int], ...] = ((8, 8), (4, 1024))

    def __post_init__(self) -> None:
        if not 2 <= self.narrow_port <= self.wide_port:
            raise ValueError(
                f"wide_port, narrow_port: got {self.wide_port}, {self.narrow_port}, expected wide >= narrow >= 2 bits"
            )

    def blocks(self, first_bits: int, second_bits: int) -> int:
        """Count the DSP blocks of one product.

        Parameters
        ----------
        first_bits, second_bits
            Widths of the two operands in bits, in any order.

        Returns
        -------
        int
            DSP blocks; 0 where the product is left to look-up tables.
        """
        narrow, wide = sorted((first_bits, second_bits))
        if any(narrow <= narrow_limit and wide <= wide_limit for narrow_limit, wide_limit in self.in_logic):
            return 0
        return min(
            _tiles(wide, self.wide_port) * _tiles(narrow, self.narrow_port),
            _tiles(narrow, self.wide_port) * _tiles(wide, self.narrow_port),
        )


DSP48E1 = MultiplierTable(25, 18)
DSP48E2 = MultiplierTable(27, 18)
DSP58 = MultiplierTable(27, 24)

#: The blocks by the name that the catalogue of parts has for them.
TABLES = {"DSP48E1": DSP48E1, "DSP48E2": DSP48E2, "DSP58": DSP58}


def table_of_part(part: str) -> MultiplierTable:
    """Find the DSP block of a device.

    Parameters
    ----------
    part
        The part number, as in hls4ml's ``Part``.

    Returns
    -------
    MultiplierTable
        That of the part's family in :mod:`knapprune.hardware.parts`; DSP48E2 where the family is unknown.
    """
    found = family(part)
    return TABLES[found.dsp] if found is not None else DSP48E2


def _tiles(bits: int, port: int) -> int:
    """Pieces of an operand: one signed piece of the port's width, the others unsigned and so one bit narrower."""
    return 1 if bits <= port else 1 + -(-(bits - port) // (port - 1))
