from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.resources import Resources
from knapprune.selection.budget import BudgetError, BudgetWarning, Cap, parse_budget, with_part

TODAY = Resources({"fc1": {"dsp": 192, "bram18": 30}, "fc2": {"dsp": 8, "bram18": 5}}, ())


def limits(budget):
    return [(cap.layer, cap.resource, cap.limit) for cap in parse_budget(budget, TODAY)]


def test_a_float_up_to_one_is_a_fraction_of_todays_use_and_an_int_a_count():
    assert limits({"dsp": 0.25, "bram18": 30}) == [(None, "dsp", 50), (None, "bram18", 30)]


@pytest.mark.parametrize(
    ("amount", "limit"), [(1, 1), (1.0, 200), (0, 0), (0.0, 0), (40.0, 40), (np.int64(7), 7), (np.float32(0.5), 100)]
)
def test_one_as_int_is_a_count_and_one_as_float_is_everything(amount, limit):
    assert limits({"dsp": amount}) == [(None, "dsp", limit)]


def test_a_layer_as_key_caps_that_layer_alone():
    assert limits({"dsp": 0.5, "fc2": {"dsp": 0.5, "bram18": 1}}) == [
        (None, "dsp", 100),
        ("fc2", "dsp", 4),
        ("fc2", "bram18", 1),
    ]


def test_a_budget_of_whole_blocks_is_twice_as_many_halves():
    """35 halves are 18 blocks, and 5 of one layer alone are 3."""
    found = parse_budget({"bram": 0.5, "fc2": {"bram": 1.0, "bram18": 4}, "fc1": {"bram": 7}}, TODAY)
    assert [(cap.layer, cap.resource, cap.limit) for cap in found] == [
        (None, "bram", 9), ("fc2", "bram", 3), ("fc2", "bram18", 4), ("fc1", "bram", 7)
    ]  # fmt: skip
    assert [(cap.counted, cap.capacity) for cap in found] == [
        ("bram18", 18), ("bram18", 6), ("bram18", 4), ("bram18", 14)
    ]  # fmt: skip
    assert [(cap.use(TODAY), cap.counted_use(TODAY)) for cap in found] == [(18, 35), (3, 5), (5, 5), (15, 30)]
    assert str(found[0]) == "budget['bram'] = 9 (0.5 of 18)"


@given(st.integers(0, 9), st.integers(0, 19))
def test_so_many_blocks_are_kept_where_twice_as_many_halves_are(limit, halves):
    used = Resources({"fc": {"bram18": halves}}, ())
    cap, same = Cap("bram", limit), Cap("bram18", 2 * limit)
    assert (cap.use(used) <= cap.limit) == (same.use(used) <= same.limit) == (halves <= cap.capacity)
    assert cap.of_counted(halves) == cap.use(used)


def test_blocks_that_are_counted_as_such_stay_what_they_are():
    today = Resources({"fc": {"bram": 9}}, ())
    (cap,) = parse_budget({"bram": 4}, today)
    assert (cap.counted, cap.capacity, cap.use(today)) == ("bram", 4, 9)
    assert parse_budget((Cap("bram", 4),), today) == (cap,)
    (chip,) = parse_budget({"part": "xc7z020"}, today)
    assert (chip.resource, chip.capacity) == ("bram", 140)
    with pytest.raises(BudgetError, match=r"unknown resource 'bram18', expected one of \['bram'\]"):
        parse_budget({"bram18": 4}, today)


@given(st.integers(0, 100))
def test_a_fraction_written_in_decimals_is_not_lost_to_rounding(percent):
    today = Resources({"fc": {"dsp": 100}}, ())
    assert parse_budget({"dsp": percent / 100.0}, today)[0].limit == percent


@pytest.mark.parametrize("amount", [-1, -0.5, 1.5, float("nan"), float("inf"), True, "half", None])
def test_any_other_amount_is_refused_by_name(amount):
    with pytest.raises(BudgetError, match=r"budget\['dsp'\]: got .*expected a fraction"):
        parse_budget({"dsp": amount}, TODAY)


def test_an_unknown_resource_lists_those_there_are():
    with pytest.raises(BudgetError, match=r"unknown resource 'lut', expected one of \['dsp', 'bram18', 'bram'\]"):
        parse_budget({"lut": 0.5}, TODAY)
    with pytest.raises(BudgetError, match=r"budget\['fc1'\]: unknown resource 'ff'"):
        parse_budget({"fc1": {"ff": 0.5}}, TODAY)


def test_a_layer_with_a_number_is_told_how_to_write_it():
    with pytest.raises(BudgetError, match=r"for a layer, give a mapping such as \{'fc1': \{'dsp': 8\}\}"):
        parse_budget({"fc1": 8}, TODAY)


def test_an_unknown_layer_lists_those_there_are_and_the_nearest():
    with pytest.raises(BudgetError, match=r"no layer 'fc3'.*\['fc1', 'fc2'\]; did you mean 'fc"):
        parse_budget({"fc3": {"dsp": 8}}, TODAY)


@pytest.mark.parametrize("budget", [{}, 0.5, None, {"fc1": {}}])
def test_an_empty_budget_is_refused(budget):
    with pytest.raises(BudgetError, match="expected"):
        parse_budget(budget, TODAY)


def test_a_cap_counts_what_it_covers():
    assert Cap("dsp", 4).use(TODAY) == 200
    assert Cap("dsp", 4, "fc2").use(TODAY) == 8
    assert str(Cap("dsp", 4, "fc2")) == "budget['fc2']['dsp'] = 4 (a count)"


def on(part, **use):
    return Resources({"fc": use}, (), part=part)


def test_a_part_caps_what_is_counted_by_what_the_chip_has():
    found = parse_budget({"part": "xcku115-flvb2104-2-i"}, on("xcvu13p", dsp=9000, bram18=100))
    assert found == (Cap("dsp", 5520, part="xcku115"), Cap("bram18", 4320, part="xcku115"))
    assert [cap.asks(on(None, dsp=9000, bram18=100)) for cap in found] == [True, False]
    assert str(found[0]) == "budget['xcku115']['dsp'] = 5520 (all of the 5520 of xcku115)"


def test_a_share_is_of_the_part_named_or_of_the_configurations():
    assert [cap.limit for cap in parse_budget({"part": "xc7z020", "share": 0.8}, on(None, dsp=1, bram18=1))] == [
        176,
        224,
    ]
    assert [cap.limit for cap in parse_budget({"share": 0.5}, on("xc7z020clg400-1", dsp=1))] == [110]


def test_a_part_and_other_caps_hold_together():
    found = parse_budget({"part": "xc7z020", "dsp": 0.5, "fc": {"dsp": 8}}, on(None, dsp=40))
    assert [(cap.layer, cap.limit, cap.part) for cap in found] == [
        (None, 220, "xc7z020"),
        (None, 20, None),
        ("fc", 8, None),
    ]


def test_layers_may_be_called_part_and_share():
    today = Resources({"part": {"dsp": 8}, "share": {"dsp": 4}}, ())
    found = parse_budget({"part": {"dsp": 2}, "share": {"dsp": 1}}, today)
    assert [(cap.layer, cap.limit) for cap in found] == [("part", 2), ("share", 1)]


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"part": "xcku116-flvb2104-2-i"}, "'xcku116-flvb2104-2-i' is not in the catalogue(?s:.*)did you mean"),
        ({"part": 7}, "expected a part number"),
        ({"share": 0.5}, "expected a part number"),
        ({"part": "xc7z020", "share": 0}, r"budget\['share'\]: got 0, expected a share"),
        ({"part": "xc7z020", "share": 1.5}, "expected a share"),
        ({"part": "xc7z020", "share": True}, "expected a share"),
    ],
)
def test_a_part_that_is_not_known_and_a_share_that_is_none_are_refused(budget, message):
    with pytest.raises(BudgetError, match=message):
        parse_budget(budget, on(None, dsp=40))


def test_a_part_has_nothing_to_cap_for_hardware_that_counts_something_else():
    with pytest.raises(BudgetError, match="'xc7z020' has no cycles or weight_words to cap"):
        parse_budget({"part": "xc7z020"}, on(None, cycles=40, weight_words=3))


def test_caps_are_taken_as_they_are():
    caps = (Cap("dsp", 3), Cap("bram", 2, "fc1"))
    assert parse_budget(caps, TODAY) == caps


def test_the_part_of_a_budget_is_the_one_that_is_counted_for():
    assert with_part({"io_type": "io_stream"}, {"part": "xc7z020"}) == {"io_type": "io_stream", "part": "xc7z020"}
    assert with_part({"part": "xc7z020"}, {"dsp": 3}) == {"part": "xc7z020"}
    assert with_part({}, None) == {}
    with pytest.raises(BudgetError, match="'xc7z045' as keyword"):
        with_part({"part": "xc7z045"}, {"part": "xc7z020"})


def test_a_cap_says_what_the_budget_was_understood_to_be():
    today = Resources({"fc1": {"dsp": 1616}}, ())
    assert [parse_budget({"dsp": amount}, today)[0].understood for amount in (0.25, 404, 404.0, 1.0, 0)] == [
        "dsp 404 (0.25 of 1616)",
        "dsp 404 (a count)",
        "dsp 404 (a count)",
        "dsp 1616 (all of 1616)",
        "dsp 0 (a count)",
    ]
    (own,) = parse_budget({"fc1": {"dsp": 1 / 3}}, today)
    assert own.understood == "fc1.dsp 538 (0.333333 of 1616)"
    chip = parse_budget({"part": "xc7z020", "share": 0.8}, on(None, dsp=1))
    assert [cap.understood for cap in chip] == ["dsp 176 (0.8 of the 220 of xc7z020)"]


def test_a_cap_that_was_moved_is_no_fraction_any_more():
    (cap,) = parse_budget({"dsp": 0.25}, TODAY)
    assert replace(cap, limit=51).understood == "dsp 51 (a count)"
    assert replace(cap, layer="fc1").understood == "fc1.dsp 50 (0.25 of 200)"
    assert parse_budget((cap,), TODAY)[0].understood == "dsp 50 (0.25 of 200)"
    assert cap == Cap("dsp", 50)


@pytest.mark.parametrize(("used", "amount"), [(1000, 1), (35377, np.int64(1))])
def test_one_unit_where_thousands_are_used_is_warned_of(used, amount):
    expected = rf"budget\['dsp'\]: got the whole number 1, a count, where {used} are in use; expected 1\.0 for all"
    with pytest.warns(BudgetWarning, match=expected):
        (cap,) = parse_budget({"dsp": amount}, on(None, dsp=used))
    assert cap.limit == 1


@pytest.mark.parametrize(("used", "amount"), [(999, 1), (5000, 1.0), (5000, 2), (5000, 0)])
def test_other_amounts_are_taken_without_a_word(used, amount):
    assert parse_budget({"dsp": amount}, on(None, dsp=used))[0].limit == (
        used if amount == 1.0 and used > 999 else amount
    )
