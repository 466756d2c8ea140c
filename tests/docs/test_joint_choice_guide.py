"""The examples of the guide on the joint choice run as they stand there, one after the other."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "joint-choice.md"


@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_the_guides_examples_run(capsys):
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(examples) == 3
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(GUIDE), "exec"), names)
    assert "OPTIMAL" in capsys.readouterr().out
