"""Multipliers of layers that scale: no structure can prune them, but they are on the chip.

Follows ``nnet_utils/nnet_batchnorm*.h`` and ``prelu`` in ``nnet_utils/nnet_activation*.h`` of hls4ml 1.3.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.network.digits import DIGITS_OF_A_PRODUCT, signed_bits, signed_digits
from knapprune.network.hls_config import HlsConfig
from knapprune.network.layers import Layer, Products
from knapprune.network.rounding import Rounding


def resolve_scale(
    config: HlsConfig,
    name: str,
    hls_type: str,
    shape: tuple[int, ...],
    parameters: npt.NDArray[np.floating[Any]],
    kind: Rounding,
    data_bits: int,
) -> Layer:
    """Find how many multipliers a layer has that multiplies each value by a parameter."""
    factor, streams = config.reuse_factor(name, hls_type), config.io_type == "io_stream"
    scales = hls_type == "BatchNormalization"
    return Layer(
        name=name,
        kind="scale",
        kernel_shape=(0,),
        strategy="fixed",
        requested_strategy="fixed",
        reuse_factor=factor,
        requested_reuse_factor=factor,
        weight_bits=kind.type.width,
        data_bits=data_bits,
        pixels=prod(shape[:-1]) if streams else 1,
        products=scale_products(shape, parameters, kind, data_bits, factor, streams, scales),
        own_settings=False,
    )


def scale_products(
    shape: tuple[int, ...],
    parameters: npt.NDArray[np.floating[Any]],
    kind: Rounding,
    data_bits: int,
    factor: int,
    streams: bool,
    normalises: bool,
) -> tuple[Products, ...]:
    """Count the multipliers of parameters.

    In io_parallel all values are multiplied at once, in io_stream those that come together: the channels. A reuse
    factor caps the multipliers of a normalisation (``multiplier_limit``) and does nothing to those of a PReLU. Where a
    multiplier has one parameter only, that is a constant, and needs none if it has few signed digits
    (:mod:`knapprune.network.digits`); in io_stream parameters by position are read one after the other.
    """
    at_once = shape[-1] if streams else prod(shape)
    whole = kind.integers(parameters.ravel())[0]
    limit = -(-prod(shape) // factor) if normalises else at_once
    if len(whole) > at_once:
        return (Products(min(at_once, limit), kind.type.width, data_bits),)
    product = whole[signed_digits(whole) >= DIGITS_OF_A_PRODUCT]
    widths, counts = np.unique(signed_bits(product), return_counts=True)
    counts *= at_once // max(len(whole), 1)
    if counts.sum() > limit:  # shared ones are as wide as the widest
        widths, counts = widths[-1:], np.array([limit])
    return tuple(Products(int(count), int(width), data_bits) for width, count in zip(widths, counts, strict=True))
