"""What is dead in a network of channels, written out by hand; no framework is asked."""

from functools import partial

import numpy as np

from knapprune.network.channels import (
    ChannelConcatenation,
    ChannelGraph,
    ChannelJoin,
    ChannelMix,
    ChannelSpread,
    UnknownChannels,
    one_value,
    product,
    scaled,
    through,
    unchanged,
    zero_alone,
)
from knapprune.shrinking.constants import constants_of
from knapprune.shrinking.cuts import cuts_of
from knapprune.shrinking.living import kept_channels

NAN = float("nan")


def mix(layer, before, after, weights, bias=0.0, exact=True):
    weights = np.array(weights, float)
    return ChannelMix(layer, before, after, weights != 0, weights, np.zeros(weights.shape[1]) + bias, exact)


def graph(widths, *operations, leaving=("out",)):
    return ChannelGraph((UnknownChannels((), ("in",)), *operations, UnknownChannels(leaving, ())), widths)


def kept(own):
    return {tensor: flags.tolist() for tensor, flags in kept_channels(own, constants_of(own)).items()}


def test_what_only_a_dead_unit_fed_and_what_only_fed_it_goes_through_any_number_of_layers():
    own = graph(
        {"in": 1, "a": 3, "b": 3, "c": 2, "out": 1},
        mix("a", "in", "a", [[1, 1, 0]]),  # its last unit is a constant
        mix("b", "a", "b", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        mix("c", "b", "c", [[1, 0], [0, 1], [1, 0]]),
        mix("out", "c", "out", [[1], [0]]),  # nobody reads the last of c, so nobody its sources
    )
    assert kept(own) == {
        "in": [True],
        "a": [True, False, False],
        "b": [True, False, False],
        "c": [True, False],
        "out": [True],
    }


def test_a_constant_is_folded_through_all_that_follows_it():
    own = graph(
        {"in": 1, "a": 2, "b": 2, "out": 2},
        mix("a", "in", "a", [[1, 0]], bias=[5, -3]),
        ChannelSpread(None, "a", "b", np.arange(2), through(np.abs)),
        mix("out", "b", "out", [[1, 1], [2, 10]]),
    )
    assert constants_of(own)["b"].tolist()[1] == 3
    assert cuts_of(own)["out"].bias.tolist() == [6, 30]
    assert cuts_of(own)["out"].inputs.tolist() == [True, False]


def test_behind_padding_a_constant_goes_only_if_it_is_zero():
    def own(bias):
        return graph(
            {"in": 1, "a": 2, "out": 1},
            mix("a", "in", "a", [[1, 0]], bias=[0, bias]),
            mix("out", "a", "out", [[1], [1]], exact=False),
        )

    assert kept(own(0.5))["a"] == [True, True]
    assert kept(own(0.0))["a"] == [True, False]
    assert cuts_of(own(0.5)) == {}


def test_a_sum_keeps_in_all_what_one_of_its_users_needs_and_lets_the_value_go():
    widths = {"in": 1, "a": 2, "b": 1, "c": 2, "sum": 2, "out": 1, "other": 1}
    layers = [
        mix("a", "in", "a", [[1, 1]]),
        mix("b", "in", "b", [[1]]),
        mix("c", "b", "c", [[1, 1]]),
        ChannelJoin(("a", "c"), "sum", partial(np.sum, axis=0)),
        mix("out", "sum", "out", [[1], [0]]),
    ]
    assert kept(graph(widths, *layers, mix("other", "a", "other", [[1], [0]]), leaving=("out", "other")))["c"] == [
        True,
        False,
    ]
    # Another layer reads the second channel of one summand, so that it stays in the other and in the sum.
    tied = kept(graph(widths, *layers, mix("other", "a", "other", [[0], [1]]), leaving=("out", "other")))
    assert tied["a"] == tied["c"] == tied["sum"] == [True, True]


def test_of_a_channel_that_stays_only_because_it_is_tied_what_made_it_goes():
    own = graph(
        {"in": 2, "a": 2, "b": 2, "sum": 2, "out": 2},
        mix("a", "in", "a", [[1, 0], [0, 1]]),
        mix("b", "a", "b", [[1, 0], [0, 1]]),  # its second channel is in no result
        ChannelJoin(("b", "in"), "sum", partial(np.sum, axis=0)),
        mix("out", "sum", "out", [[1, 1], [0, 0]]),
    )
    assert kept(own) == {
        "in": [True, True],
        "a": [True, False],
        "b": [True, True],
        "sum": [True, True],
        "out": [True, True],
    }


def test_a_flattened_channel_goes_with_all_its_positions_or_not_at_all():
    def own(weights):
        return graph(
            {"in": 1, "a": 2, "flat": 4, "out": 1},
            mix("a", "in", "a", [[1, 1]]),
            ChannelSpread(None, "a", "flat", np.array([0, 1, 0, 1]), unchanged),
            mix("out", "flat", "out", weights),
        )

    assert kept(own([[1], [0], [0], [0]]))["flat"] == [True, False, True, False]
    assert kept(own([[0], [0], [1], [1]]))["flat"] == [True] * 4


def test_a_concatenation_is_cut_where_its_parts_are():
    own = graph(
        {"in": 1, "a": 2, "both": 3, "out": 1},
        mix("a", "in", "a", [[1, 1]]),
        ChannelConcatenation(("a", "in"), "both"),
        mix("out", "both", "out", [[0], [1], [0]]),
    )
    assert kept(own)["both"] == [False, True, True]  # the network's input stays


def test_what_an_unknown_operation_reads_and_makes_stays_and_is_no_constant():
    own = graph(
        {"in": 1, "a": 2, "b": 2, "out": 1, "other": 1},
        mix("a", "in", "a", [[1, 0]], bias=[0, 2]),
        UnknownChannels(("a",), ("b",)),
        mix("out", "b", "out", [[1], [0]]),
        mix("other", "a", "other", [[1], [1]]),
        leaving=("out", "other"),
    )
    assert np.isnan(constants_of(own)["a"]).all()
    assert cuts_of(own) == {}


def test_a_layer_of_which_nothing_is_left_keeps_one_unit():
    own = graph(
        {"in": 1, "a": 3, "out": 2},
        mix("a", "in", "a", [[0, 0, 0]], bias=[1, 2, 3]),
        mix("out", "a", "out", [[1, 0], [1, 0], [1, 10]]),
    )
    cuts = cuts_of(own)
    assert cuts["a"].outputs.tolist() == [True, False, False]
    assert cuts["out"].bias.tolist() == [5, 30]  # the first still reaches it through its weight


def test_a_channel_scaled_by_zero_is_a_constant_and_its_source_goes():
    factor, shift = np.array([2.0, 0.0]), np.array([0.0, 7.0])
    own = graph(
        {"in": 1, "a": 2, "b": 2, "out": 1},
        mix("a", "in", "a", [[1, 1]]),
        ChannelSpread("b", "a", "b", np.arange(2), scaled(factor != 0, factor, shift), factor != 0),
        mix("out", "b", "out", [[1], [3]]),
    )
    assert kept(own)["a"] == [True, False]
    assert cuts_of(own)["out"].bias.tolist() == [21]


def test_constants_of_operations():
    assert np.array_equal(zero_alone(np.array([0, 1, NAN])), [0, NAN, NAN], equal_nan=True)
    assert np.array_equal(through(np.log)(np.array([1, 0.0 + 1e-300, NAN]))[[0, 2]], [0, NAN], equal_nan=True)
    assert np.isnan(through(lambda own: own * np.inf)(np.ones(1)))[0]  # not what a bias can hold
    one, other = np.array([1, 2, NAN, 0]), np.array([1, 3, 0, NAN])
    assert np.array_equal(one_value([one, other]), [1, NAN, NAN, NAN], equal_nan=True)
    assert np.array_equal(product([one, other]), [1, 6, 0, 0])
    padded = scaled(np.array([True, True, False]), np.full(3, 2.0), np.full(3, 1.0), exact=False)
    assert np.array_equal(padded(np.array([0, 4, NAN])), [1, NAN, 1], equal_nan=True)
