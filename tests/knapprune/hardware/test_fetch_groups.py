import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knapprune.hardware.fetch_groups import FetchGroup, fetch_group
from shared.hls import layer_of


def layer(shape):
    return layer_of(shape, "latency", 1)


LAYERS = st.integers(2, 4).flatmap(lambda axes: st.tuples(*[st.integers(1, 7)] * axes)).map(layer)
GROUPS = st.integers(1, 9).flatmap(
    lambda size: st.builds(
        FetchGroup, st.just(size), st.integers(0, size - 1), st.sampled_from(["in", "out", "width", "height"])
    )
)


def groups_of(a_layer, group):
    """Positions of the weights of each group, found one weight at a time."""
    names = ("height", "width", "in", "out")[-len(a_layer.kernel_shape) :]
    axis = names.index(group.axis if group.axis in names else "in")
    found = {}
    for position in np.ndindex(a_layer.kernel_shape):
        key = list(position)
        key[axis] //= group.size
        found.setdefault(tuple(key), []).append(position)
    return list(found.values())


@given(LAYERS, GROUPS, st.integers(0, 2**32 - 1))
def test_every_group_keeps_as_many_as_asked_and_a_ragged_one_what_it_has_up_to_that(a_layer, group, seed):
    values = np.random.default_rng(seed).random(a_layer.kernel_shape)
    mask = group.ranks(a_layer, values) < group.size - group.pruned
    for members in groups_of(a_layer, group):
        kept = [values[place] for place in members if mask[place]]
        assert len(kept) == min(len(members), group.size - group.pruned)
        assert sorted(kept) == sorted(values[place] for place in members)[len(members) - len(kept) :]


@given(LAYERS, GROUPS)
def test_equal_values_are_ranked_in_their_order_and_every_rank_is_taken_once(a_layer, group):
    ranks = group.ranks(a_layer, np.ones(a_layer.kernel_shape))
    for members in groups_of(a_layer, group):
        assert [ranks[place] for place in members] == list(range(len(members)))


@given(LAYERS, GROUPS)
def test_splitting_loses_no_weight(a_layer, group):
    split = group.split(a_layer, np.arange(a_layer.size).reshape(a_layer.kernel_shape), -1)
    assert sorted(split[split >= 0]) == list(range(a_layer.size))
    wanted = [
        sorted(np.ravel_multi_index(place, a_layer.kernel_shape) for place in g) for g in groups_of(a_layer, group)
    ]
    found = [sorted(row[row >= 0]) for row in split.reshape(-1, split.shape[-1])]
    assert sorted(map(list, wanted)) == sorted(map(list, found))


@given(GROUPS)
def test_a_name_is_read_back(group):
    assert fetch_group(str(group)) == group
    open_group = FetchGroup(group.size, None, group.axis)
    assert FetchGroup.parse(str(open_group)) == open_group


def test_other_structures_are_no_fetch_groups():
    assert fetch_group("neuron") is None
    assert fetch_group(lambda a_layer: np.zeros(a_layer.kernel_shape, dtype=int)) is None


@pytest.mark.parametrize(
    "name", ["fetch-group", "fetch-group:", "fetch-group:12-16", "fetch-group:16/", "fetch-group:0.5"]
)
def test_a_malformed_name_says_what_was_expected(name):
    with pytest.raises(ValueError, match="expected 'fetch-group:p/g' such as"):
        fetch_group(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size: got 0, expected a whole number, 1 or more"),
        ({"size": 2.5}, "size: got 2.5"),
        ({"size": True}, "size: got True"),
        ({"size": 16, "pruned": 16}, "pruned: got 16, expected None or a whole number from 0 to size - 1 = 15"),
        ({"pruned": -1}, "pruned: got -1"),
        ({"axis": "channels"}, "axis: got 'channels', expected one of"),
    ],
)
def test_what_makes_no_group_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FetchGroup(**arguments)


def test_a_share_of_the_way_prunes_a_share():
    assert [FetchGroup(16, 12).at(share).pruned for share in (0.0, 0.5, 1.0)] == [0, 6, 12]
    assert FetchGroup(16).at(0.5) == FetchGroup(16)
