"""FIFOs, line buffers and tables, from plain numbers."""

import pytest

from knapprune.hardware.beside import Beside, fifo, line_buffer, summary, table, table_halves

ALVEO, ZYNQ = "xcu250-figd2104-2L-e", "xc7z020-clg400-1"


@pytest.mark.parametrize(
    ("depth", "channels", "bits", "halves"),
    [
        (16, 1, 32, 0),  # 512 bits: shift registers
        (36, 1, 32, 2),
        (64, 1, 8, 0),
        (64, 1, 32, 2),
        (100, 1, 8, 1),  # 128 places are 1024 bits
        (1156, 1, 32, 4),  # deeper than a half
    ],
)
def test_fifos_of_vivado_hls_are_those_of_its_reports(depth, channels, bits, halves):
    assert fifo("layer", depth, channels, bits, "Vivado").bram18 == halves
    assert fifo("layer", depth, 5 * channels, bits, "Vivado").bram18 == 5 * halves


@pytest.mark.parametrize(
    ("depth", "width", "halves"),
    [(1, 544, 0), (576, 132, 8), (576, 48, 3), (144, 48, 3), (64, 400, 23), (64, 128, 8), (16, 128, 8), (130, 144, 8)],
)
def test_fifos_of_vitis_hls_are_those_of_its_reports(depth, width, halves):
    assert fifo("layer", depth, 1, width, "Vitis").bram18 == fifo("layer", depth, width, 1, "Vitis").bram18 == halves


def test_small_fifos_are_shift_registers_of_32_places():
    assert fifo("layer", 33, 1, 15, "Vivado") == Beside("layer", "fifo", lut=30)
    assert fifo("layer", 1, 8, 16, "Vitis") == Beside("layer", "fifo", lut=0)


def test_a_line_buffer_holds_a_row_for_each_row_but_one_of_the_window():
    assert line_buffer("conv", 2, 34, 8, 16) == Beside("conv", "line buffer", lut=2 * 8 * 16 * 2)


def test_two_values_share_a_copy_of_a_table():
    assert [table_halves(1024, 10, readers, "Vivado", ALVEO) for readers in (1, 2, 3, 40)] == [1, 1, 2, 20]
    assert table_halves(4096, 18, 1, "Vivado", ALVEO) == 4


def test_wide_tables_take_two_halves_in_vitis_on_large_parts():
    assert table_halves(1024, 18, 1, "Vitis", ALVEO) == 2
    assert table_halves(1024, 18, 1, "Vitis", ZYNQ) == table_halves(1024, 18, 1, "Vivado", ALVEO) == 1
    assert table_halves(1024, 11, 1, "Vitis", ALVEO) == 1


def test_small_tables_are_logic():
    assert table("act", "tanh", 64, 10, 3, "Vitis", ZYNQ) == Beside("act", "tanh table", lut=30)
    assert table("act", "tanh", 1024, 10, 3, "Vitis", ZYNQ) == Beside("act", "tanh table", bram18=2)


def test_the_summary_is_a_table_apart_with_what_is_known_of_its_error():
    lines = summary((Beside("sm", "softmax", 5, 5, 700), Beside("c", "fifo", bram18=8))).splitlines()
    assert lines[0] == "beside the weights, estimated:"
    assert lines[-2].split() == ["total", "5", "13"]
    assert lines[-1].startswith("published reports of 5 designs have 254, 58, 29, 3, 8 halves there")
