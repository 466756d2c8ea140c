import pytest

from knapprune.hardware.dsp import DSP48E1, DSP48E2, DSP58, table_of_part
from knapprune.hardware.parts import FAMILIES, catalogue, family, find, unknown


@pytest.mark.parametrize(
    ("number", "name", "dsp", "bram"),
    [
        ("xcvu13p-flga2577-2-e", "xcvu13p", 12288, 2688),
        ("xcku115-flvb2104-2-i", "xcku115", 5520, 2160),
        ("XC7Z020CLG400-1", "xc7z020", 220, 140),
        ("xc7a35ticsg324-1L", "xc7a35t", 90, 50),
        ("xc7a100tcsg324-1", "xc7a100t", 240, 135),
        ("xczu3eg-sbva484-1-e", "xczu3eg", 360, 216),
        ("xcu50-fsvh2104-2-e", "xcu50", 5952, 1344),
        ("xcu250-figd2104-2L-e", "xcu250", 12288, 2688),
        ("xcvc1902-vsva2197-2MP-e-S", "xcvc1902", 1968, 967),
    ],
)
def test_package_and_grade_make_no_difference(number, name, dsp, bram):
    found = find(number)
    assert (found.name, found.dsp, found.bram, found.bram18) == (name, dsp, bram, 2 * bram)


def test_a_longer_number_is_another_chip():
    assert find("xcvu3p-ffvc1517-2-e").name == "xcvu3p"
    assert find("xcvu31p-fsvh1924-2-e").name == "xcvu31p"
    assert find("xcu500") is None


def test_an_unknown_part_is_told_with_those_of_a_name_like_it():
    assert find("xcku116-flvb2104-2-i") is None
    assert "did you mean" in unknown("xcku116-flvb2104-2-i")
    assert "'xcku115'" in unknown("xcku116-flvb2104-2-i")
    assert "did you mean" not in unknown("10AX115N2F45E1SG")


def test_every_part_has_a_family_and_the_flip_flops_of_its_slices():
    # A slice has two flip-flops to each look-up table in all of these families.
    for part in catalogue().values():
        assert family(part.name) is not None
        assert part.ff == 2 * part.lut
        assert min(part.dsp, part.bram) > 0 <= part.uram
    assert {family(name) for name in catalogue()} == set(FAMILIES)


def test_ultraram_is_only_where_there_is_ultrascale_plus_or_versal():
    assert all(part.uram == 0 for name, part in catalogue().items() if name.startswith("xc7"))
    assert find("xcku115").uram == 0
    assert find("xcku5p").uram == 64


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (("xc7z020clg400-1", "xq7k325t", "xa7a50t"), DSP48E1),
        (("xcvu9p", "xcku040", "xczu28dr", "xcu280", "xck26-sfvc784-2LV-c", "xcau25p", "another"), DSP48E2),
        (("xcvc1902", "xcve2802", "xc2ve3858"), DSP58),
    ],
)
def test_the_catalogue_says_which_dsp_block_a_part_has(names, table):
    for name in names:
        assert table_of_part(name) is table
