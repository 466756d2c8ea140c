"""A copy of a model trains by the model's own objects: losses, metrics and schedules that Keras cannot make again."""

import warnings

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.keras.adapter import KerasAdapter
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")

ADAPTER = KerasAdapter()
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(64, 6)).astype("float32")
Y = RANDOM.integers(0, 3, 64)
MASKS = {"fc1": RANDOM.random((6, 8)) < 0.4, "fc2": RANDOM.random((8, 3)) < 0.4}


def own_loss(true, predicted):
    return keras.losses.sparse_categorical_crossentropy(true, predicted, from_logits=True)


def own_loss_class():
    class Weighted(keras.losses.Loss):
        def __init__(self, weight):
            super().__init__()
            self.weight = weight

        def call(self, true, predicted):
            return self.weight * own_loss(true, predicted)

    return Weighted(2.0)


def own_metric_class():
    class Seen(keras.metrics.Metric):
        def __init__(self, unit):
            super().__init__(name="seen")
            self.unit = unit
            self.total = self.add_weight(name="total", initializer="zeros")

        def update_state(self, true, predicted, sample_weight=None):
            self.total.assign_add(self.unit)

        def result(self):
            return self.total

    return Seen(3.0)


def own_schedule():
    class Flat(keras.optimizers.schedules.LearningRateSchedule):
        """It has no configuration."""

        def __call__(self, step):
            return 0.05

    return Flat()


def own_optimizer():
    class Mine(keras.optimizers.SGD):
        pass

    return Mine(0.05, momentum=0.9)


def network(*, loss=own_loss, optimizer="adam", middle=None, **compiled):
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    layers = [dense(8, "relu", name="fc1"), *([] if middle is None else [middle]), dense(3, name="fc2")]
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile(optimizer, loss=loss, **compiled)
    return model


def holds(model):
    return all(not ADAPTER.kernels(model)[name][~mask].any() for name, mask in MASKS.items())


@pytest.mark.parametrize(
    "compiled",
    [
        lambda: {"loss": own_loss_class()},
        lambda: {"loss": lambda true, predicted: own_loss(true, predicted)},
        lambda: {"metrics": [own_metric_class(), own_loss], "weighted_metrics": [lambda true, predicted: true]},
        lambda: {"optimizer": keras.optimizers.Adam(own_schedule())},
        lambda: {"optimizer": keras.optimizers.Adam(lambda: 0.01)},
        lambda: {"optimizer": own_optimizer()},
        lambda: {"optimizer": keras.optimizers.LossScaleOptimizer(own_optimizer())},
    ],
    ids=["loss-class", "lambda", "metrics", "schedule", "rate", "optimiser", "scaled-optimiser"],
)
def test_what_was_not_registered_trains_the_copy(compiled):
    """A step of the masked copy, masks aside, is a step of the model: same loss, same optimiser, same state."""
    model = network(**compiled())
    model.fit(X, Y, epochs=1, batch_size=16, verbose=0, shuffle=False)
    masked = ADAPTER.apply(model, MASKS)
    whole = ADAPTER.apply(model, {})
    assert ADAPTER.describe(whole) == ADAPTER.describe(model)
    masked.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    assert holds(masked)
    for own in (model, whole):
        own.fit(X, Y, epochs=1, batch_size=16, verbose=0, shuffle=False)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), whole.get_weights(), strict=True))


def test_a_copy_of_a_model_without_names_is_made_without_a_warning():
    """Keras warns when it describes a function that has no name; nothing is described here."""
    model = network(loss=lambda true, predicted: own_loss(true, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ADAPTER.apply(model, MASKS)
        ADAPTER.describe(model)


def test_an_optimiser_that_cannot_be_made_again_is_refused_in_a_sentence():
    class Stubborn(keras.optimizers.SGD):
        def __init__(self, needed, **settings):
            super().__init__(0.1, **settings)

    with pytest.raises(ValueError, match=r"optimiser .*Stubborn cannot be copied .*expected one whose get_config\(\)"):
        ADAPTER.apply(network(optimizer=Stubborn(1)), MASKS)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # h5py takes variables of Keras
@pytest.mark.parametrize("load", [lambda path: keras.models.load_model(path), kp.load], ids=["keras", "knapprune"])
def test_a_model_of_an_h5_file_whose_optimiser_was_built_for_nothing_is_trained(tmp_path, load):
    """Keras builds it for the variables of a Sequential itself, which has none: two variables stand for ten."""
    model = network(loss=keras.losses.MeanSquaredError(), optimizer=keras.optimizers.Adam(0.007))
    target = np.ones((64, 3), "float32")
    model.fit(X, target, epochs=1, batch_size=16, verbose=0)
    model.save(tmp_path / "model.h5")
    loaded = load(tmp_path / "model.h5")
    assert len(loaded.optimizer.variables) < len(model.optimizer.variables)
    masked = ADAPTER.apply(loaded, MASKS)
    assert float(masked.optimizer.learning_rate) == pytest.approx(0.007)
    before = ADAPTER.kernels(masked)["fc1"]
    masked.fit(X, target, epochs=1, batch_size=16, verbose=0)
    assert holds(masked)
    assert not np.array_equal(before, ADAPTER.kernels(masked)["fc1"])


def test_an_optimiser_built_before_layers_were_frozen_keeps_the_moments_of_the_others():
    model = network(optimizer=keras.optimizers.Adam(0.01))
    model.fit(X, Y, epochs=1, batch_size=16, verbose=0)
    model.get_layer("fc1").trainable = False
    masked = ADAPTER.apply(model, {"fc2": np.ones((8, 3), bool)})
    moments = {variable.path.split("/")[-1]: variable.numpy() for variable in model.optimizer.variables}
    own = {variable.path.split("/")[-1]: variable.numpy() for variable in masked.optimizer.variables}
    assert len(own) == len(moments) - 4
    assert all(np.array_equal(value, moments[name]) for name, value in own.items())
    masked.fit(X, Y, epochs=1, batch_size=16, verbose=0)
    assert np.array_equal(ADAPTER.kernels(masked)["fc1"], ADAPTER.kernels(model)["fc1"])


@pytest.mark.parametrize("compiled", [{"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 2}])
def test_a_graph_that_was_compiled_before_holds_masks_that_are_put_on_it(compiled):
    """Its training function is there already, and knows of no constraint."""
    model = network(**compiled)
    model.fit(X, Y, epochs=1, batch_size=16, verbose=0)
    model.evaluate(X, Y, verbose=0)
    copy = ADAPTER.apply(model, MASKS)
    ADAPTER.remask(model, MASKS)
    for own in (model, copy):
        own.fit(X, Y, epochs=1, batch_size=16, verbose=0)
        assert holds(own)
        (name,) = compiled
        assert getattr(own, name) == compiled[name]


def test_lambda_layers_are_copied_as_they_are():
    model = network(middle=keras.layers.Lambda(lambda values, by: values * by, arguments={"by": 2.0}, name="twice"))
    masked = ADAPTER.apply(model, MASKS)
    assert np.array_equal(ADAPTER.apply(model, {}).predict(X, verbose=0), model.predict(X, verbose=0))
    masked.fit(X, Y, epochs=1, verbose=0)
    assert holds(masked)
    assert masked.get_layer("twice").function is model.get_layer("twice").function


def test_lambda_layers_of_models_in_a_model_are_copied_as_they_are():
    dense = keras.layers.Dense
    twice = keras.layers.Lambda(lambda values: values * 2.0, name="twice")
    inner = keras.Sequential([keras.Input((6,)), dense(8, name="fc1"), twice], name="inner")
    entry = keras.Input((6,))
    model = keras.Model(entry, dense(3, name="fc2")(inner(entry)))
    assert np.array_equal(ADAPTER.apply(model, {}).predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.needs("hls4ml")
def test_what_hls4ml_makes_of_a_lambda_layer_is_said():
    model = network(middle=keras.layers.Lambda(lambda values: values * 2.0, name="twice"))
    with pytest.raises(kp.ConversionError, match="twice"):
        kp.verify(model, hls_settings("latency", 1))


def test_a_layer_whose_activation_is_a_function_of_the_users_own_is_copied_with_it():
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((4,)), dense(3, lambda own: own**2, name="fc"), dense(2, name="out")])
    data = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    copy = KerasAdapter().apply(model, {"fc": np.ones((4, 3), bool)})
    assert np.array_equal(copy.predict(data, verbose=0), model.predict(data, verbose=0))
