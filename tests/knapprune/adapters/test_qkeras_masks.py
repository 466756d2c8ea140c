"""Masks on models of tf_keras and QKeras: they hold in any training, are copied with all else, saved and taken off."""

import numpy as np
import pytest

import knapprune as kp
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.tf_keras.adapter import TfKerasAdapter
from knapprune.adapters.training_adapter import TrainingAdapter
from knapprune.network.batches import Batch
from shared.networks import random_masks
from shared.qkeras_networks import bits, compiled, convolutional, dense, digits, qkeras, tf_keras

pytestmark = pytest.mark.needs("tf_keras")
ADAPTER = TfKerasAdapter()


def plain():
    """A network of tf_keras alone."""
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    return compiled(
        tf_keras.Sequential(
            [
                tf_keras.Input((64,)),
                layers.Dense(12, "tanh", name="fc1", kernel_constraint="max_norm"),
                layers.BatchNormalization(name="norm"),
                layers.Dropout(0.2, name="drop"),
                layers.Dense(10, name="out"),
            ]
        )
    )


def of(kind):
    return {"dense": dense, "convolutional": convolutional, "plain": plain}[kind]()


def data(model):
    return digits(*model.input_shape[1:])[0]


def zeros(model, masks):
    """Whether what optimisers move, and what layers multiply by, is zero where it is masked."""
    kernels = ADAPTER.kernels(model)
    return all((kernels[name][~mask] == 0).all() for name, mask in masks.items() if mask.size)


def test_the_adapter_of_a_model_is_found_and_keeps_the_seams():
    assert type(find_adapter(dense())) is TfKerasAdapter
    assert isinstance(ADAPTER, TrainingAdapter)


@pytest.mark.parametrize("kind", ["dense", "convolutional", "plain"])
def test_masks_hold_in_the_models_own_fit_and_the_given_model_is_untouched(kind):
    model = of(kind)
    before = model.get_weights()
    masks = {name: mask for name, mask in random_masks(ADAPTER, model, 0.3).items() if mask.size}
    pruned = ADAPTER.apply(model, masks)
    pruned.fit(*data(model), epochs=1, batch_size=100, verbose=0)
    assert zeros(pruned, masks)
    assert all((ADAPTER.masks(pruned)[name] == mask).all() for name, mask in masks.items())
    assert all(np.array_equal(own, other) for own, other in zip(model.get_weights(), before, strict=True))
    moved = {name: kernel[masks[name]] for name, kernel in ADAPTER.kernels(pruned).items() if name in masks}
    assert not any(np.array_equal(own, ADAPTER.kernels(model)[name][masks[name]]) for name, own in moved.items())


def test_a_copy_computes_trains_and_is_described_as_its_model():
    model = dense()
    train = data(model)
    model.fit(*train, epochs=1, verbose=0)  # the optimiser has a state
    copy = ADAPTER.apply(model, {})
    assert np.array_equal(model.predict_on_batch(train[0]), copy.predict_on_batch(train[0]))
    assert ADAPTER.describe(copy) == ADAPTER.describe(model)
    losses = [ADAPTER.fit(one, train, batch_size=50, seed=3) for one in (model, copy)]
    assert losses[0] == losses[1]
    assert all(np.array_equal(own, ADAPTER.state(copy)[name]) for name, own in ADAPTER.state(model).items())


def test_random_layers_draw_the_same_for_the_same_seed_and_state():
    model = plain()
    train, before = data(model), ADAPTER.state(model)
    losses = []
    for seed in (1, 1, 2):
        ADAPTER.restore(model, before)
        losses.append(ADAPTER.fit(model, train, batch_size=50, seed=seed))
    assert losses[0] == losses[1] != losses[2]


def test_prepared_data_train_as_the_arrays_do():
    losses = []
    for prepare in (lambda train: train, ADAPTER.prepared):
        model = dense()
        losses.append(ADAPTER.fit(model, prepare(data(model)), batch_size=50, seed=3))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_another_mask_takes_the_place_of_the_first_and_the_optimiser_forgets_what_dies():
    model = dense()
    train = data(model)
    first, second = (random_masks(ADAPTER, model, 0.5, seed) for seed in (1, 2))
    pruned = ADAPTER.apply(model, first)
    pruned.fit(*train, epochs=1, verbose=0)
    step = pruned.train_function
    ADAPTER.remask(pruned, second)
    assert pruned.train_function is step  # changed in place: nothing is traced again
    assert zeros(pruned, second)
    moments = [own for own in pruned.optimizer.variables if "m/fc1/kernel" in own.name]
    assert len(moments) == 1
    assert (np.array(moments[0])[~second["fc1"]] == 0).all()
    pruned.fit(*train, epochs=1, verbose=0)
    assert zeros(pruned, second)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.filterwarnings(r"ignore:The `keras\.constraints\.serialize:UserWarning")  # QKeras' own, in any save
@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_a_saved_model_is_loaded_with_its_masks_and_goes_on_keeping_them(name, tmp_path):
    model = dense()
    masks = random_masks(ADAPTER, model, 0.4)
    pruned = ADAPTER.apply(model, masks)
    pruned.save(tmp_path / name)
    loaded = kp.load(tmp_path / name)
    assert all((ADAPTER.masks(loaded)[own] == masks[own]).all() for own in ("fc1", "out"))
    loaded.fit(*data(model), epochs=1, verbose=0)
    assert zeros(loaded, masks)


def test_an_exported_model_has_the_weights_and_no_masks():
    model = dense()
    pruned = ADAPTER.apply(model, random_masks(ADAPTER, model, 0.4))
    plain = kp.export(pruned)
    assert ADAPTER.masks(plain) == {}
    assert not any("KernelMask" in str(layer.kernel_constraint) for layer in plain.layers if layer.weights)
    assert all(np.array_equal(own, other) for own, other in zip(plain.get_weights(), pruned.get_weights(), strict=True))


@pytest.mark.parametrize("kind", ["dense", "convolutional"])
def test_gradients_go_straight_through_the_quantisers(kind):
    model = of(kind)
    batch = batch_of(model)
    slopes = ADAPTER.gradient(model, batch)
    assert all(slope.shape == ADAPTER.kernels(model)[name].shape and slope.any() for name, slope in slopes.items())
    from knapprune.adapters.tf_keras.kernels import find_kernels

    # Only what is multiplied by counts, not what stands behind it.
    on_grid = {name: np.array(kernel.quantised) for name, kernel in find_kernels(model).items()}
    assert any((own != ADAPTER.kernels(model)[name]).any() for name, own in on_grid.items())
    ADAPTER.assign(model, on_grid)
    assert all(np.allclose(own, slopes[name]) for name, own in ADAPTER.gradient(model, batch).items())


def test_a_product_with_the_hessian_is_how_the_gradient_changes():
    model = plain()
    batch, kernels = batch_of(model), ADAPTER.kernels(model)
    way = ADAPTER.gradient(model, batch)
    slopes = []
    for sign in (1, -1):
        ADAPTER.assign(model, {name: kernels[name] + sign * 1e-2 * own for name, own in way.items()})
        slopes.append(ADAPTER.gradient(model, batch))
    ADAPTER.assign(model, kernels)
    for name, curved in ADAPTER.hessian_product(model, batch, way).items():
        expected = (slopes[0][name] - slopes[1][name]) / 2e-2
        assert np.linalg.norm(curved - expected) < 0.02 * np.linalg.norm(expected)


def batch_of(model):
    x, y = (own[:64] for own in data(model))
    return Batch(x, y, None, 64)


def test_binary_weights_are_refused_a_mask_and_left_whole_in_pruning():
    start = tf_keras.initializers.HeNormal(seed=0)
    binary = qkeras.QDense(8, kernel_quantizer=qkeras.binary(alpha=1), kernel_initializer=start, name="fc0")
    out = qkeras.QDense(10, kernel_quantizer=bits(8), name="out")
    model = compiled(tf_keras.Sequential([tf_keras.Input((64,)), binary, out]))
    assert ADAPTER.frozen(model) == {"fc0"}
    mask = np.ones((64, 8), bool)
    assert ADAPTER.apply(model, {"fc0": mask}) is not model
    mask[0, 0] = False
    with pytest.raises(ValueError, match="the weights of layer 'fc0' are -1 and 1, and none of them can be zero"):
        ADAPTER.apply(model, {"fc0": mask})


def test_frozen_layers_are_named():
    model = dense()
    model.get_layer("fc1").trainable = False
    assert ADAPTER.frozen(model) == {"fc1"}
    assert ADAPTER.frozen(ADAPTER.apply(model, {})) == {"fc1"}


def test_what_keeps_no_mask_is_refused():
    model = dense()
    model.compile(tf_keras.optimizers.Adam(use_ema=True), "mse")
    with pytest.raises(ValueError, match="is compiled with use_ema=True: at the end of fit, tf_keras overwrites"):
        ADAPTER.apply(model, {})
    model.compile(tf_keras.optimizers.legacy.Adam(), "mse")
    with pytest.raises(ValueError, match=r"legacy\.adam\.Adam, expected an optimiser of tf_keras\.optimizers"):
        ADAPTER.apply(model, {})


def test_a_model_that_is_not_built_is_refused():
    with pytest.raises(ValueError, match="has no weights yet: give it an Input layer, or call it once"):
        ADAPTER.kernels(tf_keras.Sequential([qkeras.QDense(4)]))


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"masks: that of layer 'fc1' is bool of shape \(2,\), expected bool of shape"):
        ADAPTER.apply(dense(), {"fc1": np.ones(2, bool)})


@pytest.mark.parametrize(("name", "worst"), [(None, 0), ("auc", 0), ("mse", None), ("precision", None)])
def test_metrics_have_names(name, worst):
    model = tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    y = np.array([0, 1, 1, 0])
    metric = ADAPTER.metric(model, name)
    right, wrong = metric(y, y[:, None] * 0.8 + 0.1), metric(y, 0.9 - y[:, None] * 0.8)
    assert right > wrong
    assert worst is None or wrong == worst


def test_a_metric_that_nobody_knows_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="got 'presicion', expected a metric's name such as 'precision'"):
        ADAPTER.metric(dense(), "presicion")
