"""The example of the guide on pruning runs as it stands there, and goes on from its checkpoint."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("sklearn")

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "pruning.md"


@pytest.mark.slow
def test_the_guides_example_meets_its_budget_and_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, str(GUIDE), "exec"), names)
    first = names["out"]
    assert first.met
    assert first.metric > first.baseline - 0.02
    assert (tmp_path / "report.html").is_file()
    exec(compile(example[example.index("out = ") :], str(GUIDE), "exec"), names)
    again = names["out"]  # found whole in its checkpoint
    assert (again.metric, again.resources.total) == (first.metric, first.resources.total)
    assert all(np.array_equal(mask, first.masks[name]) for name, mask in again.masks.items())
