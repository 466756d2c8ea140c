"""From a PyTorch module to an hls4ml graph, in the one setting of axes in which hls4ml computes the same."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.conversion import not_converted, project_settings
from knapprune.network.hls_config import HlsConfig, HlsConfigError, as_dict
from knapprune.tools import require_hls4ml

_LAYOUT = "ChannelsLastConversion"


def convert(module: Any, config: HlsConfig, output_dir: str) -> Any:
    """Convert a module with hls4ml. Nothing is written yet."""
    settings = for_hls4ml(config)
    hls4ml = require_hls4ml()
    try:
        return hls4ml.converters.convert_from_pytorch_model(
            deepcopy(module).cpu().double().eval(),
            output_dir=output_dir,
            hls_config=settings,
            **project_settings(config),
        )
    except Exception as error:
        raise not_converted(
            f"model: hls4ml does not convert {type(module).__name__}", error, _suspects(module, error)
        ) from error


def _suspects(module: Any, error: Exception) -> str:
    """Name the parts of the class that hls4ml speaks of; it names none itself."""
    words = set(str(error).split())
    named = [f"{name!r} ({type(own).__name__})" for name, own in module.named_modules() if type(own).__name__ in words]
    return f" (that is {', '.join(named)}: put in its place what hls4ml knows)" if named else ""


def for_hls4ml(config: HlsConfig) -> dict[str, Any]:
    """Write the configuration in the form in which hls4ml takes that of a PyTorch model."""
    check_input_shapes(config)
    if _layout(config) not in ("full", "internal"):
        raise HlsConfigError(
            f"hls_config: {_LAYOUT} of the model is {_layout(config)!r}, expected 'full' or 'internal': otherwise "
            "hls4ml takes the weights of a Linear layer for those of its transpose"
        )
    written = as_dict(config)
    return {**written, "Model": {_LAYOUT: "full", "TransposeOutputs": False, **written["Model"]}}


def check_input_shapes(config: HlsConfig) -> None:
    """Check that a configuration says what a module does not know."""
    if not config.input_shapes:
        raise HlsConfigError(
            "hls_config: there is no InputShape, and a PyTorch module does not know the shape of its inputs. Take "
            "what hls4ml.utils.config_from_pytorch_model(module, input_shape) returns, or add a key such as "
            "'InputShape': [3, 32, 32]"
        )


def to_hls4ml(inputs: Any, config: HlsConfig) -> list[npt.NDArray[Any]]:
    """Bring inputs to the axes that the converted module takes."""
    arrays = [_array(part) for part in (inputs if isinstance(inputs, list | tuple) else [inputs])]
    return [np.moveaxis(array, 1, -1) for array in arrays] if _layout(config) == "internal" else arrays


def from_hls4ml(output: npt.NDArray[Any], config: HlsConfig) -> npt.NDArray[Any]:
    """Bring an output of the converted module back to PyTorch's axes."""
    if config.model.get("TransposeOutputs") or output.ndim < 3:
        return output
    samples, channels, *positions = output.shape
    return np.moveaxis(output.reshape(samples, *positions, channels), -1, 1)


def _array(part: Any) -> npt.NDArray[Any]:
    return np.asarray(part.detach().cpu() if hasattr(part, "detach") else part)


def _layout(config: HlsConfig) -> str:
    """Say who brings channels to the last axis: hls4ml (``"full"``), or the caller at the input (``"internal"``)."""
    return str(config.model.get(_LAYOUT, "full"))
