"""Kill -9 in the middle of a run on the grid: it goes on to the same values, and to what lies behind them."""

import os

import numpy as np
import pytest

from shared.hls import hls_settings
from shared.kills import whole_and_killed

KILLS = int(os.environ.get("KNAPPRUNE_KILLS", "3"))
CONFIG = hls_settings("latency", 1) | {"InputShape": [16]}

KERAS = """
import keras
keras.utils.set_random_seed(0)
dense = keras.layers.Dense
model = keras.Sequential([keras.Input((16,)), dense(16, "relu"), keras.layers.Dropout(0.2), dense(4)])
model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, y, epochs=5, verbose=0)
"""
PYTORCH = """
import torch
from knapprune.adapters.finding import find_adapter
torch.set_num_threads(1)
torch.manual_seed(0)
linear = torch.nn.Linear
module = torch.nn.Sequential(linear(16, 16), torch.nn.ReLU(), torch.nn.Dropout(0.2), linear(16, 4))
model = kp.TorchModel(module, optimizer=lambda parameters: torch.optim.Adam(parameters, 3e-3))
for epoch in range(5):
    find_adapter(model).fit(model, (x, y), batch_size=32, seed=epoch)
"""
CHILD = """
import sys
import numpy as np, knapprune as kp
from knapprune.adapters.finding import find_adapter
from knapprune.pruning.snapshot import Snapshot
data, folder, answer = sys.argv[1:]
x, y, xv, yv = np.load(data).values()
{model}
out = kp.prune(
    model, {config!r}, train=(x, y), validation=(xv, yv), budget={{"dsp": 0.1, "lut": 0.8}},
    choose={{"digits": 2, "data_bits": [4, 6]}}, saliency="fisher", normalise="none",
    steps=3, epochs=3, tolerance=0.2, seed=7, progress=False, checkpoint=folder,
)
end = Snapshot.of(find_adapter(out.model), out.model)
arrays = {{f"state {{name}}": array for name, array in end.state.items()}}
arrays |= {{f"mask {{name}}": mask for name, mask in out.masks.items()}}
for name, grid in end.grids.items():
    arrays |= {{f"digits {{name}}": grid.digits, f"type {{name}}": np.array([grid.step, grid.low, grid.high])}}
arrays |= {{f"value {{name}}": kernel for name, kernel in find_adapter(out.model).kernels(out.model).items()}}
assert end.data_types
arrays |= {{f"data {{name}}": np.array([kind.width, kind.integer]) for name, kind in end.data_types.items()}}
np.savez(answer, metrics=[[step.metric_before, *step.metrics] for step in out.history], **arrays)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is for POSIX")
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(KERAS, id="keras", marks=pytest.mark.needs("keras")),
        pytest.param(PYTORCH, id="pytorch", marks=pytest.mark.needs("torch", "hls4ml")),
    ],
)
def test_kill_9_on_the_grid_changes_no_value(model, blobs, tmp_path):
    (x, y), (xv, yv) = blobs
    np.savez(tmp_path / "data.npz", x=x, y=y, xv=xv, yv=yv)
    child = CHILD.format(model=model, config=CONFIG)
    whole, killed, stages = whole_and_killed(child, tmp_path, tmp_path / "data.npz", kills=KILLS)
    assert stages[-1] > 0
    assert any(grid.any() for name, grid in whole.items() if name.startswith("digits "))
    assert whole["metrics"].shape[1] == 4
    assert set(whole) == set(killed)
    differing = [name for name in whole if not np.array_equal(whole[name], killed[name])]
    assert not differing, f"killed at the saves {stages}"
