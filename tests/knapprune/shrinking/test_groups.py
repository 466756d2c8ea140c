"""Which channels go together in a network of channels, written out by hand; no framework is asked."""

import numpy as np

from knapprune.network.channels import (
    ChannelConcatenation,
    ChannelGraph,
    ChannelJoin,
    ChannelMix,
    ChannelSpread,
    ChannelWeights,
    UnknownChannels,
    product,
    unchanged,
)
from knapprune.shrinking.groups import channel_groups
from knapprune.shrinking.sizes import Anatomy


def mix(layer, before, after, inputs, outputs, weights=None):
    kernel = np.ones((inputs, outputs)) if weights is None else np.array(weights, float)
    return ChannelMix(layer, before, after, kernel != 0, kernel, np.zeros(outputs), True)


def graph(widths, *operations):
    return ChannelGraph((UnknownChannels((), ("in",)), *operations, UnknownChannels(("out",), ())), widths)


def together(groups, *channels):
    """Whether channels, as pairs of tensor and number, are of one group."""
    return len({int(groups.of[tensor][number]) for tensor, number in channels}) == 1


def test_a_sum_ties_channel_by_channel_and_so_through_all_that_follows():
    own = graph(
        {"in": 2, "a": 3, "b": 3, "sum": 3, "flat": 6, "out": 1},
        mix("a", "in", "a", 2, 3),
        mix("b", "in", "b", 2, 3),
        ChannelJoin(("a", "b"), "sum", product),
        ChannelSpread(None, "sum", "flat", np.tile(np.arange(3), 2), unchanged),
        mix("out", "flat", "out", 6, 1),
    )
    groups = channel_groups(own)
    assert together(groups, ("a", 1), ("b", 1), ("sum", 1), ("flat", 1), ("flat", 4))
    assert not together(groups, ("a", 0), ("a", 1))
    assert groups.free.sum() == 3
    assert len(set(groups.family[groups.free])) == 1


def test_concatenated_channels_keep_to_their_own_side():
    own = graph(
        {"in": 1, "a": 2, "b": 3, "both": 5, "out": 1},
        mix("a", "in", "a", 1, 2),
        mix("b", "in", "b", 1, 3),
        ChannelConcatenation(("a", "b"), "both"),
        mix("out", "both", "out", 5, 1),
    )
    groups = channel_groups(own)
    assert together(groups, ("b", 0), ("both", 2))
    assert groups.free.sum() == 5
    assert len(set(groups.family[groups.free])) == 2


def test_inputs_outputs_what_is_not_known_and_whole_layers_hold_their_channels():
    own = graph(
        {"in": 2, "a": 3, "b": 4, "c": 4, "d": 5, "out": 2},
        mix("a", "in", "a", 2, 3),
        mix("b", "a", "b", 3, 4),
        UnknownChannels(("b",), ("c",), "strange"),
        mix("d", "c", "d", 4, 5),
        mix("out", "d", "out", 5, 2),
    )
    groups = channel_groups(own)
    free = {tensor: bool(groups.free[number].all()) for tensor, number in groups.of.items()}
    assert free == {"in": False, "a": True, "b": False, "c": False, "d": True, "out": False}
    held = channel_groups(own, {"out"})
    assert not held.free[held.of["d"]].any()
    assert held.free[held.of["a"]].all()


def test_what_is_dead_already_cannot_go_again():
    own = graph(
        {"in": 1, "a": 2, "out": 1},
        mix("a", "in", "a", 1, 2),
        mix("out", "a", "out", 2, 1, [[1], [0]]),
    )
    groups = channel_groups(own)
    assert groups.alive[groups.of["a"]].tolist() == [True, False]
    assert groups.free[groups.of["a"]].tolist() == [True, False]


def test_sizes_go_by_what_is_left_of_inputs_and_outputs():
    own = graph({"in": 2, "a": 4, "out": 3}, mix("a", "in", "a", 2, 4), mix("out", "a", "out", 4, 3))
    anatomy = Anatomy(
        own,
        (
            ChannelWeights("a", (5, 2, 4), -2, -1, "a", 7),
            ChannelWeights("a", (4,), None, 0),
            ChannelWeights("out", (4, 3), -2, -1, "out", 1),
            ChannelWeights("elsewhere", (11,)),
        ),
    )
    assert anatomy.sizes() == {
        "a": {"parameters": 44, "macs": 280},
        "out": {"parameters": 12, "macs": 12},
        "elsewhere": {"parameters": 11, "macs": 0},
    }
    removed = {"in": np.zeros(2, bool), "a": np.array([True, False, True, True]), "out": np.zeros(3, bool)}
    assert anatomy.without(removed).sizes() == {
        "a": {"parameters": 11, "macs": 70},
        "out": {"parameters": 3, "macs": 3},
        "elsewhere": {"parameters": 11, "macs": 0},
    }


def test_multiplications_are_left_out_where_it_is_not_known_how_many():
    own = graph({"in": 2, "out": 3}, mix("out", "in", "out", 2, 3))
    anatomy = Anatomy(own, (ChannelWeights("out", (2, 3), -2, -1, "out", None),))
    assert anatomy.sizes() == {"out": {"parameters": 6}}
    assert anatomy.not_multiplied() == ["out"]
