"""The state dict of a masked module, loaded into a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knapprune.tools import require


def load_masked(module: Any, state: Mapping[str, Any]) -> Any:
    """Load the state dict of a masked module into one that has no masks yet.

    ``module.load_state_dict`` refuses it for its masks; where there are masks already, that will do.

    Parameters
    ----------
    module
        A ``torch.nn.Module`` of the same architecture; it is masked in place.
    state
        What ``state_dict()`` of the masked module returned.

    Returns
    -------
    torch.nn.Module
        The module.

    Raises
    ------
    MissingToolError
        If PyTorch is not installed.
    """
    require("torch", extra="torch")
    from knapprune.adapters.pytorch.mask import SUFFIX, put_mask

    parameters = dict(module.named_parameters())
    for key, mask in state.items():
        name = key.removesuffix(SUFFIX)
        if name != key and name in parameters:
            path, _, parameter = name.rpartition(".")
            put_mask(module.get_submodule(path), parameter, mask)
    module.load_state_dict(state)
    return module
