import itertools

import numpy as np
import pytest

from knapprune.network.batches import batches
from shared.frameworks import keras

pytestmark = pytest.mark.needs("keras")

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = np.arange(10)
W = np.linspace(0.1, 1, 10)


def blocks(*parts):
    """A PyDataset of batches of four."""

    class Blocks(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return tuple(part[4 * index : 4 * index + 4] for part in parts)

    return Blocks()


def endless():
    """A PyDataset without an end."""

    class Endless(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return X, Y

    return Endless()


def tf_dataset(*parts):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(parts).batch(4)


def loader(*parts):
    torch = pytest.importorskip("torch")
    tensors = [torch.from_numpy(part) for part in parts]
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*tensors), batch_size=4)


def tensors(*parts):
    torch = pytest.importorskip("torch")
    return tuple(torch.from_numpy(part.copy()).requires_grad_(part.dtype.kind == "f") for part in parts)


KINDS = {
    "arrays": lambda *parts: parts,
    "tf.data": tf_dataset,
    "PyDataset": blocks,
    "DataLoader": loader,
    "tensors": tensors,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parts", [(X, Y), (X, Y, W)])
def test_every_kind_of_data_gives_the_same_batches_each_time(kind, parts):
    data = KINDS[kind](*parts)
    for _ in range(2):
        found = list(batches(data, 4))
        assert [batch.size for batch in found] == [4, 4, 2]
        for batch, start in zip(found, (0, 4, 8), strict=True):
            given = [batch.inputs, batch.targets, *([] if batch.sample_weight is None else [batch.sample_weight])]
            assert len(given) == len(parts)
            for own, part in zip(given, parts, strict=True):
                assert isinstance(own, np.ndarray)
                assert np.array_equal(own, part[start : start + 4])


def test_inputs_and_targets_may_be_lists_and_dicts_of_arrays():
    batch, *_ = batches(([X, 2 * X], {"a": Y, "b": [W, W]}), 4)
    assert np.array_equal(batch.inputs[1], 2 * X[:4])
    assert np.array_equal(batch.targets["a"], Y[:4])
    assert np.array_equal(batch.targets["b"][1], W[:4])


def test_a_list_of_numbers_is_one_array():
    batch, *_ = batches(([[0.0, 1.0]] * 3, [1, 0, 1]), 4)
    assert batch.inputs.shape == (3, 2)
    assert batch.targets.tolist() == [1, 0, 1]


def test_only_one_batch_is_read_from_a_memory_map_at_a_time(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")

    class Watched:
        shape = mapped.shape

        def __getitem__(self, rows):
            read.append((rows.start, rows.stop))
            return mapped[rows]

    read = []
    walk = batches((Watched(), Y), 4)
    next(walk)
    assert read == [(0, 4)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (X, r"train: got ndarray, expected \(inputs, targets\)"),
        (None, "train: got NoneType, expected"),
        ({"x": X}, "train: got dict, expected"),
        ((X, Y[:5]), r"train: inputs and targets have \[5, 10\] samples"),
        ((X[:0], Y[:0]), r"train: inputs and targets have \[0\] samples"),
        ((X, 3), "train: got a single number, expected arrays with the samples on the first axis"),
        (iter([(X, Y)]), "train: got a list_iterator, which can be read only once"),
        ([X], "train: batch 0 is a ndarray, expected"),
        ([], "train: got a list without any batch"),
        (endless, "train: got a Endless that never ends"),
    ],
)
def test_data_that_cannot_be_used_is_refused(data, message):
    data = data() if data is endless else data
    with pytest.raises(ValueError, match=message):
        list(itertools.islice(batches(data, 4, "train"), 5))


def test_an_endless_tensorflow_dataset_is_refused():
    with pytest.raises(ValueError, match="that never ends, expected a finite one"):
        next(batches(tf_dataset(X, Y).repeat(), 4))


def test_a_dataset_without_batches_says_that_there_is_a_single_number():
    import tensorflow as tf

    with pytest.raises(ValueError, match="data: batch 0: got a single number"):
        next(batches(tf.data.Dataset.from_tensor_slices((Y, Y)), 4))


def test_an_impossible_batch_size_is_refused():
    with pytest.raises(ValueError, match="batch_size: got 0"):
        next(batches((X, Y), 0))
