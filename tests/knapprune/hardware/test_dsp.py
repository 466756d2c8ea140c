import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.dsp import DSP48E1, DSP48E2, DSP58, MultiplierTable, of_vivado_hls, table_of_part

WIDTHS = st.integers(1, 64)


@pytest.mark.parametrize(
    ("bits", "blocks"), [(4, 0), (8, 0), (9, 1), (16, 1), (18, 1), (20, 2), (27, 2), (28, 4), (32, 4)]
)
def test_square_products_take_what_yosys_reports(bits, blocks):
    assert DSP48E2.blocks(bits, bits) == blocks


def test_a_narrow_operand_does_not_hide_a_wide_one():
    assert DSP48E2.blocks(8, 16) == 1
    assert DSP48E2.blocks(4, 37) == 0
    assert DSP48E2.blocks(16, 37) == 2


@given(WIDTHS, WIDTHS)
def test_the_order_of_operands_is_of_no_matter(first, second):
    assert DSP48E2.blocks(first, second) == DSP48E2.blocks(second, first)


@given(WIDTHS, WIDTHS)
def test_a_wider_operand_never_takes_fewer_blocks(first, second):
    assert DSP48E1.blocks(first, second) <= DSP48E1.blocks(first + 1, second)


def test_products_that_reports_of_vitis_hls_have_in_logic_and_in_blocks():
    in_logic = [(10, 8), (8, 10), (9, 8), (7, 7), (16, 4)]
    in_blocks = [(11, 7), (12, 6), (13, 6), (16, 5), (12, 10), (18, 17)]
    assert [DSP48E2.blocks(*pair) for pair in in_logic] == [0] * len(in_logic)
    assert [DSP48E2.blocks(*pair) for pair in in_blocks] == [1] * len(in_blocks)
    assert of_vivado_hls(DSP48E2).blocks(10, 8) == 1
    assert table_of_part("xcu250", "Vivado") == of_vivado_hls(DSP48E2)


def test_the_part_decides_the_block():
    assert table_of_part("xc7z020clg400-1") is DSP48E1
    assert table_of_part("xcvu13p-flga2577-2-e") is DSP48E2
    assert table_of_part("XCVC1902-vsva2197-2MP-e-S") is DSP58
    assert DSP48E1.blocks(16, 26) == 2
    assert DSP48E2.blocks(16, 26) == 1
    assert DSP58.blocks(24, 26) == 1


def test_a_table_of_ones_own_takes_over():
    assert MultiplierTable(27, 18, in_logic=((10, 16),)).blocks(10, 16) == 0


def test_ports_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="wide_port, narrow_port: got 18, 27"):
        MultiplierTable(18, 27)
