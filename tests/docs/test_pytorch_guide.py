"""The examples of the guide on PyTorch run as they stand there, one after the other."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("hls4ml")

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "pytorch.md"


@pytest.mark.slow
def test_the_guides_examples_run(capsys):
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(examples) == 5
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(GUIDE), "exec"), names)
    assert "bit-accurate accuracy" in capsys.readouterr().out
    assert (names["again"][0].weight_mask == names["masked"][0].weight_mask).all()
