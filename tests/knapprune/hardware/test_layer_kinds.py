"""Layers beyond Dense and convolutions: what hls4ml makes of their settings, and what it cannot build."""

import numpy as np
import pytest

from knapprune import HardwareWarning
from knapprune.hardware.accelerator import Accelerator
from knapprune.hardware.fetch_groups import FetchGroup
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.hardware.latency import interval
from knapprune.hardware.structures import STRUCTURES, labels
from knapprune.network.hls_config import HlsConfigError
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.layers import Products
from knapprune.network.rounding import Rounding
from knapprune.network.rules.depthwise import resolve_depthwise
from knapprune.network.rules.einsum import resolve_einsum_dense
from knapprune.network.rules.recurrent import gate_products, resolve_recurrent
from knapprune.network.rules.scale import resolve_scale
from knapprune.network.rules.separable import separable_config
from shared.hls import hls_settings

HARDWARE = Hls4mlHardware()
WIDE = Rounding.parse("fixed<16,6>")


def config(strategy="latency", reuse_factor=1, io_type="io_parallel", **names):
    return read_hls_config(hls_settings(strategy, reuse_factor, **names), io_type=io_type)


def depthwise(strategy, reuse_factor=1, io_type="io_stream", shape=(3, 3, 4, 1)):
    settings = config(strategy, reuse_factor, io_type)
    return resolve_depthwise(settings, "dw", shape, pixels=12, positions=30, data_bits=16)


def lstm(strategy, reuse_factor, n_in=6, units=4, hls_type="LSTM"):
    return resolve_recurrent(config(strategy, reuse_factor), "rnn", hls_type, n_in, units, 5, 16)


def einsum(
    strategy="latency", reuse_factor=1, io_type="io_parallel", equation="abc,cd->abd", kernel=(4, 3), data=(5, 4)
):
    return resolve_einsum_dense(config(strategy, reuse_factor, io_type), "e", equation, kernel, data, 16)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: depthwise("resource", 2, "io_parallel"),
            "'dw' has strategy 'resource' in io_parallel, expected 'late",
        ),
        (lambda: depthwise("latency", shape=(3, 3, 4, 2)), "depth_multiplier 2, expected 1"),
        (lambda: depthwise("distributed_arithmetic", 2), "ReuseFactor 2, expected 1 for distributed_arithmetic"),
        (
            lambda: lstm("resource_unrolled", 2, units=3),
            r"2 for the inputs' kernel and 1 for .* both take: \[3, 6,",
        ),
        (
            lambda: lstm("resource", 5, n_in=6, units=5),
            "make 6 for the inputs' kernel and 5 for the state's, and mi",
        ),
        (lambda: lstm("resource_unrolled", 2, n_in=1, units=1, hls_type="GRU"), "and there is none: use another"),
        (lambda: einsum("resource"), "'e' has strategy 'resource', expected 'latency'"),
        (lambda: einsum(io_type="io_stream"), "EinsumDense in io_stream, expected io_parallel"),
        (
            lambda: einsum(reuse_factor=2, equation="abc,bcd->abd", kernel=(5, 4, 3)),
            "ReuseFactor 2, expected 1: data, kernel and output share an axis",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_what_hls4ml_cannot_build_is_refused_with_what_to_set(build, message):
    with pytest.raises(HlsConfigError, match=message):
        build()


@pytest.mark.parametrize("strategy", ["resource_unrolled", "distributed_arithmetic"])
def test_depthwise_convolutions_fall_back_to_latency(strategy):
    with pytest.warns(HardwareWarning, match=f"no strategy '{strategy}' for depthwise"):
        assert depthwise(strategy).strategy == "latency"


def test_a_depthwise_multiplier_owns_neighbouring_channels():
    layer = depthwise("resource", 6)
    rows = labels(layer, "dsp-row")
    assert rows[..., 0].ravel().tolist() == [w // 6 for w in range(36)]
    assert layer.n_in == 9
    assert labels(layer, "neuron")[1, 2, :, 0].tolist() == [0, 1, 2, 3]
    assert HARDWARE.use(layer, np.full(layer.kernel_shape, 0.3)) == {"dsp": 6, "bram18": 0}


def test_an_einsum_kernel_is_laid_out_in_place_contracted_own():
    layer = einsum(equation="abc,dcb->abd", kernel=(3, 4, 5))
    assert (layer.layout, layer.outputs, layer.copies) == ((2, 1, 0), (2, 0), 1)
    assert (layer.n_in, layer.n_out) == (4, 15)
    assert layer.flat(np.arange(60).reshape(3, 4, 5))[:4].tolist() == [0, 20, 40, 5]


def test_dots_stand_for_the_datas_own_axes():
    layer = einsum(equation="...c,dc->...d", kernel=(3, 4), data=(2, 5, 4))
    assert (layer.copies, layer.layout, layer.outputs) == (10, (1, 0), (0,))


@pytest.mark.parametrize("structure", list(STRUCTURES))
@pytest.mark.parametrize(
    "layer",
    [depthwise("latency"), depthwise("resource", 6), einsum(), *lstm("resource_unrolled", 2)],
    ids=lambda layer: f"{layer.kind}-{layer.strategy}-{layer.n_in}",
)
def test_fixed_and_the_costs_of_what_lives_add_up_to_the_use(layer, structure):
    rng = np.random.default_rng(1)
    kernel = np.where(rng.random(layer.kernel_shape) < 0.5, rng.normal(size=layer.kernel_shape), 0)
    own = labels(layer, structure, kernel)
    keep = rng.random(own.max() + 1) < 0.5
    kernel = kernel * keep[own]
    costs = HARDWARE.costs(layer, own, kernel)
    total = costs.type_costs[:, costs.label_type].sum(axis=1)
    use = HARDWARE.use(layer, kernel)
    assert [costs.fixed[name] + part for name, part in zip(HARDWARE.resources, total, strict=True)] == [*use.values()]


def test_gates_and_states_are_multiplied_three_times_a_unit():
    first, second = lstm("latency", 1)
    assert (first.name, second.name, first.kernel_shape, second.kernel_shape) == (
        "rnn",
        "rnn/recurrent",
        (6, 16),
        (4, 16),
    )
    nothing = np.zeros(first.kernel_shape)
    assert HARDWARE.use(first, nothing)["dsp"] == 12
    assert gate_products("GRU", 4, 12, 20) == (Products(4, 12, 12), Products(4, 12, 13), Products(4, 20, 12))


def test_the_two_kernels_of_a_recurrent_layer_may_have_two_reuse_factors():
    with pytest.warns(HardwareWarning, match="'rnn/recurrent': hls4ml replaces reuse factor 12 by 9"):
        first, second = lstm("resource_unrolled", 12, n_in=4, units=3, hls_type="GRU")
    assert (first.reuse_factor, second.reuse_factor) == (12, 9)


@pytest.mark.parametrize(("io_type", "factor", "multipliers"), [("io_parallel", 1, 20), ("io_stream", 1, 4)])
def test_a_normalisation_multiplies_all_values_or_those_that_come_together(io_type, factor, multipliers):
    settings = config("latency", factor, io_type)
    layer = resolve_scale(settings, "bn", "BatchNormalization", (5, 4), np.array([0.3, 0.7, 0.9, 1.3]), WIDE, 16)
    assert HARDWARE.use(layer, np.zeros(0)) == {"dsp": multipliers, "bram18": 0}
    assert HARDWARE.explain(layer, np.zeros(0)).legal_reuse_factors == {}


def test_a_reuse_factor_caps_a_normalisation_but_no_prelu():
    shared = config("latency", 3)
    values = np.full(20, 0.3)  # 307 of 1024: ten bits with a sign
    for hls_type, multipliers in (("BatchNormalization", 7), ("PReLU", 20)):
        assert resolve_scale(shared, "x", hls_type, (5, 4), values, WIDE, 16).products == (
            Products(multipliers, 10, 16),
        )


def test_scales_of_few_digits_are_shifts_and_need_no_multiplier():
    scales = np.array([1.0, 0.75, 0.3, -0.5])  # one, two, five and one digit
    (group,) = resolve_scale(config(), "bn", "BatchNormalization", (5, 4), scales, WIDE, 16).products
    assert group == Products(5, 10, 16)


def test_slopes_that_differ_by_position_are_read_one_after_the_other_in_a_stream():
    slopes = np.ones((5, 4))
    streamed = resolve_scale(config(io_type="io_stream"), "slopes", "PReLU", (5, 4), slopes, WIDE, 16)
    assert streamed.products == (Products(4, 16, 16),)
    assert resolve_scale(config(), "slopes", "PReLU", (5, 4), slopes, WIDE, 16).products == ()


def test_both_parts_of_a_separable_convolution_take_its_settings():
    precision = {
        "depthwise": "fixed<9,3>",
        "pointwise": "fixed<7,3>",
        "depthwise_result": "fixed<20,9>",
        "bias": "auto",
    }
    found = separable_config(config(sep={"ReuseFactor": 4, "Precision": precision}), "sep", "SeparableConv1D")
    assert found.layer_names["sep_depthwise"] == {
        "ReuseFactor": 4,
        "Precision": {"weight": "fixed<9,3>", "result": "fixed<20,9>", "bias": "auto"},
    }
    assert found.precision("weight", "sep_pointwise", "Conv1D").width == 7
    plain = config()
    assert separable_config(plain, "sep", "SeparableConv1D") is plain


def test_intervals_of_the_new_kinds():
    assert interval(depthwise("latency", 4)) == 120
    assert interval(depthwise("resource", 6)) == 30 * (6 + 9)
    assert interval(einsum(reuse_factor=2)) == 2
    assert [interval(layer) for layer in lstm("latency", 1)] == [25, 25]


def test_outputs_of_a_depthwise_convolution_share_no_fetch():
    layer = depthwise("latency")
    assert not Accelerator().covers(layer)
    with pytest.raises(ValueError, match=r"fetch-group:16 does not fit layer 'dw' .* expected axis 'width'"):
        FetchGroup().kernel_axis(layer)
    assert FetchGroup(3, axis="width").kernel_axis(layer) == -3
    with pytest.raises(ValueError, match="does not fit layer 'e' of kind 'einsum_dense'"):
        FetchGroup().kernel_axis(einsum())
