"""Multipliers of layers that scale: no structure can prune them, but they are on the chip.

Follows ``nnet_utils/nnet_batchnorm*.h`` and ``prelu`` in ``nnet_utils/nnet_activation*.h`` of hls4ml 1.3.
"""

from __future__ import annotations

from math import prod

from knapprune.hls_config import HlsConfig
from knapprune.layers import Layer, Products


def resolve_scale(
    config: HlsConfig, name: str, hls_type: str, shape: tuple[int, ...], scale_bits: int, data_bits: int
) -> Layer:
    """Find how many multipliers a layer has that multiplies each value by a parameter.

    In io_parallel all values are multiplied at once, in io_stream those that come together: the channels. A reuse
    factor caps the multipliers of a normalisation (``multiplier_limit``) and does nothing to those of a PReLU.

    Parameters
    ----------
    config
        The configuration.
    name
        The layer's name.
    hls_type
        ``"BatchNormalization"`` or ``"PReLU"``.
    shape
        The input's shape, without the batch axis.
    scale_bits, data_bits
        Widths of a parameter and of an input word.

    Returns
    -------
    Layer
        Of kind ``"scale"``: without weights, its multipliers in ``products``.
    """
    factor = config.reuse_factor(name, hls_type)
    at_once = shape[-1] if config.io_type == "io_stream" else prod(shape)
    multipliers = min(at_once, -(-prod(shape) // factor)) if hls_type == "BatchNormalization" else at_once
    return Layer(
        name=name,
        kind="scale",
        kernel_shape=(0,),
        strategy="fixed",
        requested_strategy="fixed",
        reuse_factor=factor,
        requested_reuse_factor=factor,
        weight_bits=scale_bits,
        data_bits=data_bits,
        pixels=prod(shape[:-1]) if config.io_type == "io_stream" else 1,
        products=(Products(multipliers, scale_bits, data_bits),),
        own_settings=False,
    )
