"""prune: the budget tightens, the accuracy is watched, the best state is kept, masks hold."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import knapprune as kp
from knapprune.hardware import hardware_model
from knapprune.hardware.hls4ml import Hls4mlHardware
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")


@pytest.fixture(scope="module")
def network(blobs):
    """A trained dense network and its configuration: RF 4, 16 bits, unrolled."""
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((16,)), dense(32, "relu", name="fc1"), dense(16, "relu", name="fc2"), dense(4, name="out")]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss=loss)
    model.fit(*blobs[0], epochs=15, verbose=0)
    config = hls_settings()
    return model, config


def pruned(network, blobs, model=None, **options):
    """Prune the network (or another of its shape) on the blobs, without a progress bar."""
    whole, config = network
    arguments = {"train": blobs[0], "validation": blobs[1], "progress": False} | options
    return kp.prune(model or whole, config, **arguments)


@pytest.mark.parametrize("memory", ["bram18", "bram"])
def test_the_budget_is_met_step_by_step_and_the_given_model_stays_whole(network, blobs, memory):
    """Every step keeps its own cap, the last one the budget; masks are exactly the zeros."""
    model, config = network
    weights = [array.copy() for array in model.get_weights()]
    budget = {"dsp": 0.3, memory: 0.4}
    seen = pruned(network, blobs, budget=budget, tolerance=0.2, steps=3, epochs=3)
    assert seen.met
    assert seen.resources["dsp"] <= 0.3 * seen.before["dsp"]
    assert seen.resources[memory] <= 0.4 * seen.before[memory]
    for step in seen.history:
        assert all(cap.use(step.selection.resources) <= cap.limit for cap in step.budget)
        assert step.selection.solution.status == "OPTIMAL"
    used = [step.selection.resources["dsp"] for step in seen.history]
    assert used == sorted(used, reverse=True)
    for name, mask in seen.masks.items():
        kernel = keras.ops.convert_to_numpy(seen.model.get_layer(name).kernel)
        assert (kernel[~mask] == 0).all()
        assert (kernel[mask] != 0).any()
    assert all((now == then).all() for now, then in zip(model.get_weights(), weights, strict=True))
    assert kp.estimate(seen.model, config).total == seen.resources.total


def test_at_reuse_factor_one_training_moves_costs_and_the_budget_is_kept_all_the_same(network, blobs, monkeypatch):
    """Weights of few bits: what was a shift becomes a product, and equal constants drift apart."""
    from knapprune.pruning.task import Task

    cuts, cut = [], Task.select_within
    monkeypatch.setattr(Task, "select_within", lambda task, *given: (cuts.append(given), cut(task, *given))[1])
    config = {
        "Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1, "Strategy": "latency"},
        "LayerName": {name: {"Precision": {"weight": "fixed<9,4>"}} for name in ("fc1", "fc2", "out")},
    }
    seen = pruned((network[0], config), blobs, budget={"dsp": 0.3}, tolerance=0.4, steps=2, epochs=4)
    assert cuts
    assert seen.met
    for step in seen.history:
        assert step.selection.resources["dsp"] <= step.budget[0].limit
    check = kp.verify(seen.model, config)
    assert check.counted == check.predicted == seen.resources.total
    assert 0 < check.counted["dsp"] <= int(0.3 * seen.before["dsp"])
    assert seen.history[-1].selection.structures == {"fc1": "constant", "fc2": "constant", "out": "constant"}


def test_masks_hold_when_the_user_goes_on_training(network, blobs):
    """Ordinary fit with the user's own optimiser keeps every dead weight dead."""
    _, config = network
    seen = pruned(network, blobs, budget={"dsp": 0.5}, tolerance=1.0, steps=1, epochs=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    seen.model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss=loss)
    seen.model.fit(*blobs[0], epochs=2, verbose=0)
    assert kp.estimate(seen.model, config)["dsp"] <= seen.resources["dsp"]


def test_layers_that_are_cut_in_later_steps_need_no_new_training_step(network, blobs, monkeypatch):
    """The first selection cuts nothing and the second does; Keras traces one training step for both."""
    made = []
    own = keras.Model.compute_loss

    def counted(self, *arguments, **named):
        made.append(self)
        return own(self, *arguments, **named)

    def late(step, steps):
        return 1.0 if step == steps else 0.001

    def cut(step, before):
        now = step.selection.resources.by_layer
        return {name for name, use in before.by_layer.items() if now[name]["dsp"] < use["dsp"]}

    monkeypatch.setattr(keras.Model, "compute_loss", counted)
    counts = []
    for steps in (1, 2):
        made.clear()
        seen = pruned(
            network, blobs, budget={"dsp": 0.3}, tolerance=1.0, steps=steps, epochs=1, schedule=late, saliency="l1"
        )
        counts.append(len(made))
    first, last = (cut(step, seen.before) for step in seen.history)
    assert not first
    assert last
    assert counts[0] == counts[1]


@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_without_tolerance_the_unpruned_model_is_returned(network, blobs):
    """A budget that ruins the network is not met, and says so; nothing worse than allowed is returned."""
    model, _ = network
    seen = pruned(
        network, blobs, budget={"dsp": 0.02}, tolerance=0.0, patience=1, steps=2, epochs=0, schedule="constant"
    )
    assert not seen.met
    assert seen.model is model
    assert seen.masks == {}
    assert seen.metric == seen.baseline
    assert len(seen.history) == 1
    assert seen.report.content["selection"] is None


def test_the_best_epoch_of_a_step_is_kept(network, blobs):
    """A metric that only falls leaves the weights from before the training."""
    model, _ = network
    scores = iter([1.0, 0.9, 0.5, 0.4])
    seen = pruned(
        network,
        blobs,
        budget={"dsp": 0.5},
        tolerance=1.0,
        steps=1,
        epochs=2,
        metric=lambda true, predicted: next(scores),
    )
    assert seen.metric == 0.9
    kernel = keras.ops.convert_to_numpy(seen.model.get_layer("fc1").kernel)
    before = keras.ops.convert_to_numpy(model.get_layer("fc1").kernel)
    assert (kernel == before * seen.masks["fc1"]).all()


def test_a_loss_that_is_no_number_ends_with_a_sentence(network, blobs):
    """Training that diverges ends with a remedy and the best there was, not with a ruined model."""
    model, _ = network
    wild = keras.models.clone_model(model)
    wild.set_weights(model.get_weights())
    wild.compile(keras.optimizers.SGD(1e30), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.warns(kp.PruningWarning, match=r"step 2: train: the loss is (nan|inf) in epoch \d; lower the learning"):
        seen = pruned(
            network, blobs, wild, budget={"dsp": 0.3}, tolerance=1.0, steps=3, epochs=3, learning_rate=calm_at_first()
        )
    assert "lower the learning rate" in seen.stopped
    assert seen.report.content["stopped"] == seen.stopped
    assert len(seen.history) == 2
    assert np.isfinite(seen.model.get_weights()[0]).all()
    assert 0 < seen.resources["dsp"] < seen.before["dsp"]


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")
def test_weights_that_are_no_numbers_end_a_run_though_the_loss_looks_sound(network, blobs):
    """A relu answers zero for what is no number, and hides from the loss that a layer is ruined.

    Arrays are looked at before; what yields batches is not.
    """
    import tensorflow

    (inputs, labels), _ = blobs
    spoiled = inputs.copy()
    spoiled[7, 3] = np.nan
    with pytest.warns(kp.PruningWarning, match=r"train: (weights of fc1 are no numbers|the loss is nan)"):
        seen = pruned(
            network, blobs, train=tensorflow.data.Dataset.from_tensor_slices((spoiled, labels)).batch(32),
            budget={"dsp": 0.5}, tolerance=1.0, steps=1, epochs=2, saliency="l1",
        )  # fmt: skip
    assert all(np.isfinite(array).all() for array in seen.model.get_weights())


def test_gradients_that_are_no_numbers_are_refused_at_once_and_end_a_run_that_has_something(network, blobs):
    (inputs, labels), _ = blobs
    spoiled = inputs.copy()
    spoiled[7, 3] = np.nan

    class Spoiled:
        """Sound data the first few times that they are walked through."""

        def __init__(self, sound):
            self.sound = sound

        def __iter__(self):
            self.sound -= 1
            for start in range(0, len(labels), 64):
                part = slice(start, start + 64)
                yield (inputs if self.sound >= 0 else spoiled)[part], labels[part]

    with pytest.raises(ValueError, match="gradient of layer 'fc1' is NaN or infinite"):
        pruned(network, blobs, budget={"dsp": 0.5}, steps=1, saliency_data=Spoiled(0))
    with pytest.warns(kp.PruningWarning, match="gradient of layer 'fc1' is NaN or infinite"):
        seen = pruned(network, blobs, budget={"dsp": 0.5}, tolerance=1.0, steps=2, epochs=0, saliency_data=Spoiled(1))
    assert len(seen.history) == 1
    assert "gradient of layer 'fc1'" in seen.stopped


def test_by_default_values_are_fisher_information_or_magnitudes_where_weights_may_come_back(network, blobs):
    model, config = network
    budget = {"dsp": 0.4}
    options = {"budget": budget, "steps": 1, "epochs": 0}

    def worth(seen):
        return float(seen.history[0].selection.solution.value)

    by_fisher = kp.select(model, config, budget, saliency="fisher", normalise="none", data=blobs[0])
    assert worth(pruned(network, blobs, **options)) == pytest.approx(float(by_fisher.solution.value))
    by_default = kp.select(model, config, budget, data=blobs[0])
    assert float(by_default.solution.value) == pytest.approx(float(by_fisher.solution.value))
    by_size = kp.select(model, config, budget, saliency="l1", normalise="lamp")
    assert worth(pruned(network, blobs, regrow=0.1, **options)) == pytest.approx(float(by_size.solution.value))
    assert float(kp.select(model, config, budget).solution.value) == pytest.approx(float(by_size.solution.value))


def calm_at_first():
    """A learning rate that is as good as none for three epochs, then the optimiser's own."""
    epochs = iter([1e-33] * 3)
    return lambda epoch, of: next(epochs, 1.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, r"steps: got 0, expected a whole number, 1 or more"),
        ({"epochs": -1}, r"epochs: got -1, expected a whole number, 0 or more"),
        ({"tolerance": -0.1}, r"tolerance: got -0.1, expected a number, 0 or more"),
        ({"schedule": "sudden"}, r"schedule: got 'sudden'"),
        ({"validation": np.zeros(3)}, r"validation: got ndarray, expected \(inputs, targets\)"),
        ({"budget": {"luts": 0.5}}, r"unknown resource 'luts', expected one of \['dsp', 'bram18', 'bram'\]"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(network, blobs, wrong, message):
    """Every error names the argument, what came and what was expected."""
    arguments = {"budget": {"dsp": 0.5}} | wrong
    with pytest.raises(ValueError, match=message):
        pruned(network, blobs, **arguments)


@pytest.mark.needs("jinja2")
def test_the_report_saves_itself_as_json_and_as_a_page(network, blobs, tmp_path):
    """JSON holds the numbers, the page shows them; another ending is refused."""
    seen = pruned(network, blobs, budget={"dsp": 0.5}, tolerance=1.0, steps=2, epochs=1)
    seen.report.save(tmp_path / "report.json")
    seen.report.save(tmp_path / "report.html")
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["budget"] == {"dsp": seen.budget[0].limit}
    assert content["pruned"]["resources"] == seen.resources.total
    assert content["selection"]["status"] == "OPTIMAL"
    assert len(content["history"]) == 2
    page = (tmp_path / "report.html").read_text()
    before, after = seen.before.by_layer["fc1"]["bram18"], seen.resources.by_layer["fc1"]["bram18"]
    assert f"<td>{before} → {after}</td>" in page
    assert "bram18 are halves of block RAMs of 36 Kb" in page
    assert page.count('alt="validation metric against') == 2  # dsp and bram18: memory once
    assert "data:image/png;base64," in page
    assert f"<td>{seen.resources['dsp']}</td>" in page
    with pytest.raises(ValueError, match=r"expected a name that ends in \.json or \.html"):
        seen.report.save(tmp_path / "report.pdf")


def test_a_chip_is_a_budget_step_by_step(network, blobs):
    """What the chip has too little of is saved in steps; what it has enough of asks for nothing."""
    seen = pruned(network, blobs, budget={"part": "xc7z020clg400-1"}, tolerance=1.0, steps=2, epochs=0)
    assert seen.met
    assert [(cap.resource, cap.limit, cap.use(seen.before)) for cap in seen.budget] == [
        ("dsp", 220, 272),
        ("bram18", 280, 122),
    ]
    assert [step.selection.resources["dsp"] for step in seen.history] == [226, 220]
    assert seen.resources.shares["dsp"] == 1.0


def test_many_steps_of_one_epoch_and_a_long_end_move_on_with_every_epoch(network, blobs):
    """Misses in the middle stop nothing, each step goes on from the last epoch, the learning rate has one course."""
    asked = []

    def rate(epoch, epochs):
        asked.append((epoch, epochs))
        return 1.0

    scores, outputs = iter([1.0, *[0.3, 0.2] * 4, 0.3, 0.4, 0.5, 0.1]), []

    def metric(true, predicted):
        outputs.append(predicted)
        return next(scores)

    seen = pruned(
        network, blobs, budget={"dsp": 0.5}, tolerance=0.1, steps=5, epochs=1, final_epochs=3, learning_rate=rate,
        metric=metric,
    )  # fmt: skip
    assert [len(step.metrics) for step in seen.history] == [1, 1, 1, 1, 3]
    assert [step.metric for step in seen.history] == [0.3, 0.3, 0.3, 0.3, 0.5]
    # The budget hardly tightens any more: masking changes less than going back would.
    last_of_third, first_of_fourth = outputs[6], outputs[7]
    assert np.abs(first_of_fourth - last_of_third).max() < np.abs(first_of_fourth - outputs[5]).max()
    assert asked == [(epoch, 7) for epoch in range(7)]
    assert not seen.met


@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_a_binary_search_returns_the_most_pruned_model_within_the_tolerance(network, blobs):
    """A budget that ruins the network is gone towards as far as possible, each time from the last good model."""
    seen = pruned(network, blobs, budget={"dsp": 0.02}, tolerance=0.05, steps=4, epochs=1, schedule="binary-search")
    tried = [(step.share, step.accepted) for step in seen.history]
    assert tried[0] == (1.0, False)
    assert any(accepted for _, accepted in tried)
    best = max(share for share, accepted in tried if accepted)
    assert all(share > best for share, accepted in tried if not accepted)
    assert seen.resources["dsp"] == next(step for step in seen.history if step.share == best).selection.resources["dsp"]
    assert seen.metric >= seen.baseline - 0.05
    assert not seen.met


def test_distillation_and_prices_train_the_working_copy_and_leave_no_trace(network, blobs):
    """Both at once; the model that is returned has its own loss, and can be saved and trained."""
    model, _ = network
    seen = pruned(
        network, blobs, budget={"dsp": 0.4, "bram18": 0.5}, tolerance=1.0, steps=2, epochs=2, distill=0.5,
        regularization=kp.Regularization(1e-3, "price"),
    )  # fmt: skip
    assert seen.met
    assert "compute_loss" not in vars(seen.model)
    assert "compute_loss" not in vars(model)
    plain = pruned(network, blobs, budget={"dsp": 0.4, "bram18": 0.5}, tolerance=1.0, steps=2, epochs=2)
    assert not np.array_equal(plain.model.get_weights()[0], seen.model.get_weights()[0])
    seen.model.fit(*blobs[0], epochs=1, verbose=0)


def test_gradients_are_measured_on_the_data_given_for_them(network, blobs):
    """The first selection is that of the same data; other data value other rows."""
    model, config = network
    (inputs, targets), budget = blobs[0], {"dsp": 0.4}
    part = (inputs[targets == 1], targets[targets == 1])
    with_part = pruned(network, blobs, budget=budget, steps=1, epochs=0, saliency="fisher", saliency_data=part)
    wanted = kp.select(model, config, budget, saliency="fisher", data=part)
    other = kp.select(model, config, budget, saliency="fisher", data=blobs[0])
    assert with_part.history[0].selection.solution.value == pytest.approx(float(wanted.solution.value))
    assert with_part.history[0].selection.solution.value != pytest.approx(float(other.solution.value))
    with pytest.raises(ValueError, match="saliency_data: got data, expected None for saliency 'l1'"):
        pruned(network, blobs, budget=budget, saliency="l1", saliency_data=part)


def test_a_weight_that_was_cut_can_come_back(network, blobs):
    """The second step keeps some of what the first one cut, at the same budget; without regrowth it does not."""
    kept = {}
    for regrow in (None, 0.3):
        masks = []
        for steps in (1, 2):
            seen = pruned(
                network, blobs, budget={"dsp": 0.5}, tolerance=1.0, steps=steps, epochs=1, schedule="constant",
                regrow=regrow,
            )  # fmt: skip
            masks.append(seen.masks)
        kept[regrow] = sum(np.count_nonzero(masks[1][name] & ~mask) for name, mask in masks[0].items())
    assert kept[None] == 0
    assert kept[0.3] > 0


def test_a_strong_penalty_shrinks_the_groups_that_are_left(network, blobs):
    """The same run with and without it."""
    norms = []
    for strength in (0.0, 0.05):
        seen = pruned(
            network, blobs, budget={"dsp": 0.6}, tolerance=1.0, steps=1, epochs=3,
            metric=lambda true, predicted: 1.0, regularization=strength,
        )  # fmt: skip
        norms.append(sum(float(np.abs(array).sum()) for array in seen.model.get_weights()))
    assert norms[1] < 0.9 * norms[0]


def test_the_metric_is_that_of_the_weights_the_chip_will_hold(network, blobs):
    """With kernels of halves the network is worse than in floating point; the model keeps its own weights."""
    model, _ = network
    narrow = hls_settings()
    narrow["LayerName"] = {name: {"Precision": {"weight": "fixed<10,9>"}} for name in ("fc1", "fc2", "out")}
    weights = [array.copy() for array in model.get_weights()]
    arguments = {"train": blobs[0], "validation": blobs[1], "progress": False, "tolerance": 1.0, "steps": 1}
    rounded = kp.prune(model, narrow, budget={"dsp": 0.9}, epochs=0, quantise=True, **arguments)
    plain = kp.prune(model, narrow, budget={"dsp": 0.9}, epochs=0, **arguments)
    assert rounded.baseline < plain.baseline
    kernel = keras.ops.convert_to_numpy(rounded.model.get_layer("fc1").kernel)
    assert not np.array_equal(kernel, np.round(2 * kernel) / 2)
    assert all((now == then).all() for now, then in zip(model.get_weights(), weights, strict=True))


def test_a_named_hardware_model_is_built_once_for_a_pruning(network, blobs, monkeypatch):
    """Of the part and the backend of the configuration, and it is the same object in every step and penalty."""
    built = []

    class Recording(Hls4mlHardware):
        def __init__(self, part):
            super().__init__(part)
            built.append(part)

    entry = EntryPoint("recording", "nowhere:Recording", "knapprune.hardware")
    monkeypatch.setattr(hardware_model, "find", lambda group: {"recording": entry})
    monkeypatch.setattr(hardware_model, "load", lambda entry: Recording)
    seen = pruned(
        network, blobs, hardware="recording", part="xcku115-flvb2104-2-i", budget={"dsp": 0.5}, regularization=1e-4,
        steps=2, epochs=1, tolerance=1.0,
    )  # fmt: skip
    assert built == ["xcku115-flvb2104-2-i"]
    assert seen.met


def test_penalties_are_on_the_groups_that_the_solver_is_given(network, blobs):
    """A solver without choices gets whole runs of rows in place of rows and words, and so does the penalty."""
    penalised = {}

    class Listening(kp.Regularization):
        def penalties(self, groups, caps, prices):
            penalised.update({group.layer.name: group.structure for group in groups if group.prunable})
            return super().penalties(groups, caps, prices)

    seen = pruned(
        network, blobs, budget={"dsp": 0.5, "bram18": 0.5}, solver="few-types", regularization=Listening(1e-4),
        steps=1, epochs=1, tolerance=1.0,
    )  # fmt: skip
    assert penalised == seen.history[0].selection.structures == dict.fromkeys(["fc1", "fc2", "out"], "bram-run")
