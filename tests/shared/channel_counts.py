"""What models are counted by where whole channels go, each layer by itself; importing this loads no framework."""

from math import prod
from typing import Any

from shared.frameworks import keras, layers, torch


def multiplications(model: Any) -> int:
    """Count the multiplications of one sample in a Keras model: each kernel at each position of its result."""
    kinds = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D)
    count = 0
    for layer in model.layers:
        if isinstance(layer, layers.SeparableConv2D):
            kernels = [layer.depthwise_kernel, layer.pointwise_kernel]
        elif isinstance(layer, kinds):
            kernels = [layer.kernel]
        else:
            continue
        count += prod(layer.output.shape[1:-1]) * sum(prod(kernel.shape) for kernel in kernels)
    return count


def multiplications_of_module(module: Any, shape: tuple[int, ...]) -> int:
    """Count them in a PyTorch module, as it computes zeros."""
    counts = []

    def counted(part: Any, _: Any, output: Any) -> None:
        counts.append(part.weight.numel() * prod(output.shape[2:]))

    hooks = [
        part.register_forward_hook(counted)
        for part in module.modules()
        if isinstance(part, torch.nn.Linear | torch.nn.Conv2d)
    ]
    with torch.no_grad():
        module(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return sum(counts)


def residual(seed: int = 0) -> Any:
    """Return a compiled network with a block around which data go as they are, flattened in front of its outputs."""
    keras.utils.set_random_seed(seed)
    entrance = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(entrance)
    y = layers.Conv2D(6, 3, padding="same", use_bias=False, name="inner")(x)
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="normalised")(y))
    y = layers.Conv2D(8, 3, padding="same", name="outer")(y)
    x = layers.ReLU(name="summed")(layers.Add(name="sum")([x, y]))
    x = layers.Flatten(name="flat")(layers.MaxPooling2D(2, name="pool")(x))
    model = keras.Model(entrance, layers.Dense(3, name="out")(x))
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model
