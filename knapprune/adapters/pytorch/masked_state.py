"""The state dict of a module with masks or grids, loaded into a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knapprune.tools import require


def load_masked(module: Any, state: Mapping[str, Any]) -> Any:
    """Load the state dict of a module with masks or grids into one that has none yet.

    ``module.load_state_dict`` refuses it for these; where they are there already, that will do.

    Parameters
    ----------
    module
        A ``torch.nn.Module`` of the same architecture; masks and grids are put on it in place.
    state
        What ``state_dict()`` of the other module returned.

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
    from knapprune.adapters.pytorch.saved_grids import put_saved

    parameters = dict(module.named_parameters())
    for key, mask in state.items():
        name = key.removesuffix(SUFFIX)
        if name != key and name in parameters:
            path, _, parameter = name.rpartition(".")
            put_mask(module.get_submodule(path), parameter, mask)
    put_saved(module, state)
    module.load_state_dict(state)
    return module
