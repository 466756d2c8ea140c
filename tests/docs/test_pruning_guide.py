"""The examples of the guide on pruning run as they stand there, and go on from what they keep."""

import re
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from knapprune.cli import app

pytest.importorskip("keras")
pytest.importorskip("sklearn")

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "pruning.md"


@pytest.mark.slow
def test_the_guides_examples_meet_their_budget_and_go_on_from_what_they_keep(tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    example, tuning = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, str(GUIDE), "exec"), names)
    first = names["out"]
    assert first.met
    assert first.metric > first.baseline - 0.02
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "history.png").is_file()
    exec(compile(example[example.index("out = ") :], str(GUIDE), "exec"), names)
    again = names["out"]  # found whole in its checkpoint
    assert (again.metric, again.resources.total) == (first.metric, first.resources.total)
    assert all(np.array_equal(mask, first.masks[name]) for name, mask in again.masks.items())
    exec(compile(tuning, str(GUIDE), "exec"), names)
    found, tuned = names["found"], names["tuned"]
    assert len(found.trials) == 3
    assert tuned.history[-1].metric == found.metric


def test_the_guides_commands_are_commands():
    """Every option in the guide is one of its command."""
    commands = get_command(app).commands
    shown = [
        line for block in re.findall(r"```\n(knapprune .*?)```", GUIDE.read_text(), re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
    ]  # fmt: skip
    assert len(shown) == 4
    for line in shown:
        _, command, *words = line.split()
        options = {option for parameter in commands[command].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options
