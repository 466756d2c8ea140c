"""What is beside the weights, read in graphs of hls4ml and held against published designs."""

import json

import pytest

from knapprune.adapters.hls4ml.beside import beside_the_weights
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.hardware.beside import MEASURED, Beside
from knapprune.network.hls_config_file import read_hls_config
from shared.frameworks import keras, layers
from shared.networks import jet_network

pytestmark = pytest.mark.needs("keras")

ALVEO = "xcu250-figd2104-2L-e"


def things(model, io_type="io_parallel", backend="Vitis", part=ALVEO, precision="fixed<16,6>", names=None, factor=1):
    """Convert a model as hls4ml would, and list what is beside its weights."""
    settings = {"Model": {"Precision": precision, "ReuseFactor": factor}, "LayerName": names or {}}
    config = read_hls_config(settings, io_type=io_type, backend=backend, part=part)
    return beside_the_weights(KerasAdapter().convert(model, config, "unwritten"))


def halves(found, *what):
    return sum(thing.bram18 for thing in found if not what or thing.what in what)


def sequential(*stack):
    return keras.Sequential(list(stack))


def test_io_parallel_has_no_fifos_and_no_line_buffers():
    model = sequential(keras.Input((8, 8, 2)), layers.Conv2D(4, 3, activation="relu", name="c"))
    assert things(model) == (Beside("c_relu", "rectifier", lut=2 * 6 * 6 * 4 * 16),)


def test_streams_have_a_fifo_behind_each_layer_but_the_last_and_a_line_buffer_for_each_window():
    model = sequential(
        keras.Input((40, 40, 2)),
        layers.Conv2D(4, 3, name="c", padding="same"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Flatten(name="f"),
        layers.Dense(3, name="d"),
    )
    assert things(model, "io_stream", "Vivado") == (
        Beside("zp2d_c", "fifo", bram18=2 * 2),  # 42 x 42 places
        Beside("c", "line buffer", lut=2 * 2 * 16 * 2),
        Beside("c", "fifo", bram18=4 * 2),
        Beside("pool", "line buffer", lut=1 * 4 * 16 * 2),
        Beside("pool", "fifo", bram18=4),
    )


def test_a_softmax_multiplies_every_output_in_io_parallel_and_takes_turns_in_io_stream():
    model = sequential(keras.Input((8,)), layers.Dense(5, name="d"), layers.Softmax(name="sm"))
    (parallel,) = things(model)
    (streamed,) = [thing for thing in things(model, "io_stream", factor=4) if thing.what == "softmax"]
    assert (parallel.dsp, streamed.dsp) == (5, 2)
    # Three copies of exponentials below 1, and two halves for the inverses of 18 bits.
    assert parallel.bram18 == streamed.bram18 == 3 + 2


def test_a_softmax_of_several_rows_is_built_for_each():
    model = sequential(keras.Input((3, 8)), layers.Dense(5, name="d"), layers.Softmax(name="sm"))
    (found,) = things(model)
    assert (found.dsp, found.bram18) == (15, 15)


def test_recurrent_layers_look_up_their_gates_and_their_state():
    """A published GRU of 20 units has 30 halves beside its weights."""
    model = sequential(keras.Input((10, 6)), layers.GRU(20, name="gru"))
    assert things(model, backend="Vivado") == (
        Beside("gru", "sigmoid table", bram18=20),
        Beside("gru", "tanh table", bram18=10),
    )
    model = sequential(keras.Input((10, 6)), layers.LSTM(20, name="lstm"))
    assert halves(things(model, backend="Vivado")) == 30 + 10


def test_data_by_data_are_products():
    inputs = keras.Input((8,))
    first, second = (layers.Dense(6, name=name)(inputs) for name in ("a", "b"))
    model = keras.Model(inputs, layers.Multiply(name="gate")([first, second]))
    assert things(model) == (Beside("gate", "products", dsp=6),)


def autoencoder():
    """The published one in io_stream: 32 x 32, 32 bits."""

    def convolution(filters, name):
        return layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)

    stack = [keras.Input((32, 32, 1))]
    for filters in (8, 4, 4):
        stack += [convolution(filters, f"c{len(stack)}"), layers.MaxPooling2D(2, name=f"p{len(stack)}")]
    for filters in (4, 4, 8):
        stack += [convolution(filters, f"c{len(stack)}"), layers.UpSampling2D(2, name=f"u{len(stack)}")]
    return sequential(*stack, convolution(1, "out"))


def lenet():
    return sequential(
        keras.Input((28, 28, 1)),
        layers.Conv2D(6, 5, activation="relu", name="c1"),
        layers.AveragePooling2D(2, name="p1"),
        layers.Conv2D(16, 5, activation="relu", name="c2"),
        layers.AveragePooling2D(2, name="p2"),
        layers.Flatten(name="f"),
        layers.Dense(16, activation="relu", name="d1"),
        layers.Dense(16, activation="relu", name="d2"),
        layers.Dense(10, name="d3"),
        layers.Softmax(name="sm"),
    )


def sensors():
    return sequential(
        keras.Input((128, 9)),
        layers.Conv1D(16, 3, padding="same", activation="relu", name="c"),
        layers.GlobalAveragePooling1D(name="p"),
        layers.Dense(6, name="d"),
        layers.Softmax(name="sm"),
    )


def published(data_folder, name):
    designs = json.loads((data_folder / "vendor" / "designs.json").read_text())
    rows = json.loads((data_folder / "vendor" / "calibration.json").read_text())
    design = next(design for design in designs if design["design"] == name)
    own = [row for row in rows if row["source"] == design["source"] and row["set"] == "project-layer"]
    return int(2 * design["csynth"]["bram36"] - sum(row["bram18"] for row in own))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_published_designs_in_io_stream_are_met_as_is_said(data_folder):
    """The autoencoder and LeNet have types of their own: 32 bits, and 8 behind activations of 22 and 25."""
    eight = {f"{name}_relu": {"Precision": {"result": "fixed<8,1>"}} for name in ("c1", "c2", "d1", "d2")}
    wide = {"c1": {"Precision": {"result": "fixed<22,14>"}}, "c2": {"Precision": {"result": "fixed<25,14>"}}}
    pools = {name: {"Precision": {"result": "fixed<8,1>"}} for name in ("p1", "p2")}
    zynq = "xczu9eg-ffvb1156-2-e"
    found = (
        halves(things(autoencoder(), "io_stream", "Vivado", "xc7z020-clg400-1", "fixed<32,16>")),
        halves(things(lenet(), "io_stream", "Vitis", zynq, "fixed<8,4>", eight | wide | pools)),
        halves(things(sensors(), "io_stream")),
    )
    said = [(reported, estimated) for _, reported, estimated in MEASURED[:3]]
    names = ("AutoEncoder_hls4ml", "lenet5_quantifié_8_4")
    assert [published(data_folder, name) for name in names] == [reported for reported, _ in said[:2]]
    assert published_sensors(data_folder) == said[2][0]
    assert list(found) == [estimated for _, estimated in said]


def published_sensors(data_folder):
    designs = json.loads((data_folder / "vendor" / "designs.json").read_text())
    return int(2 * next(design for design in designs if design["source"] == "S7")["csynth"]["bram36"])


@pytest.mark.parametrize(("name", "part", "place"), [("iris", "xc7z020-clg400-1", 3), ("tutorial", ALVEO, 4)])
def test_published_softmaxes_are_met_as_is_said(data_folder, name, part, place):
    report = (data_folder / "vendor" / "reports" / name / "myproject_csynth.xml").read_text()
    _, reported, estimated = MEASURED[place]
    assert f"<BRAM_18K>{reported}</BRAM_18K>" in report
    (softmax,) = [thing for thing in things(small(name), part=part) if thing.what == "softmax"]
    assert softmax.bram18 == estimated
    # Their reports have a DSP for each output beside those of the layers.
    assert softmax.dsp == {"iris": 3, "tutorial": 5}[name]


def small(name):
    sizes = {"iris": (4, 8, 8, 3), "tutorial": (16, 64, 32, 32, 5)}[name]
    stack = [keras.Input((sizes[0],))]
    stack += [layers.Dense(size, name=f"d{place}") for place, size in enumerate(sizes[1:])]
    return sequential(*stack, layers.Softmax(name="sm"))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_networks_have_surroundings(data_folder):
    model = jet_network(data_folder, "KERAS_conv1d_small")
    found = things(model, "io_stream")
    assert halves(found, "fifo") > 0
    assert {thing.what for thing in found} >= {"fifo", "rectifier"}
