"""Layers and configurations as hls4ml has them."""

from typing import Any

from knapprune.network.layers import Layer


def layer_of(
    shape: tuple[int, ...],
    strategy: str = "resource_unrolled",
    reuse_factor: int = 4,
    bits: int = 16,
    data_bits: int = 16,
    **fields: Any,
) -> Layer:
    """Return a Dense or convolutional layer, by the axes of its kernel, whose settings are in effect as asked for."""
    kind = {2: "dense", 3: "conv1d", 4: "conv2d"}[len(shape)]
    name = fields.pop("name", "fc")
    return Layer(name, kind, shape, strategy, strategy, reuse_factor, reuse_factor, bits, data_bits, **fields)


def hls_settings(
    strategy: str = "resource_unrolled", reuse_factor: int = 4, bits: int = 16, **layers: Any
) -> dict[str, Any]:
    """Return hls4ml's configuration of a whole model, and what differs in layers by their names."""
    model = {"Precision": f"fixed<{bits},6>", "ReuseFactor": reuse_factor, "Strategy": strategy}
    return {"Model": model, "LayerName": layers} if layers else {"Model": model}
