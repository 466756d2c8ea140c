"""The examples of the guide on pruning run as they stand there, and go on from what they keep."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from knapprune.cli import app

pytest.importorskip("keras")
pytest.importorskip("sklearn")

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "pruning.md"


def blocks(kind):
    """Return the guide's examples in a language, or with "" its commands."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return [text for language, text in fenced if language == kind]


def run(text, names):
    exec(compile(text, str(GUIDE), "exec"), names)


@pytest.mark.slow
def test_the_guides_examples_meet_their_budget_and_go_on_from_what_they_keep(tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    example, tuning = blocks("python")[:2]
    names: dict[str, object] = {}
    run(example, names)
    first = names["out"]
    assert first.met
    assert first.metric > first.baseline - 0.02
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "history.png").is_file()
    run(example[example.index("out = ") :], names)
    again = names["out"]  # found whole in its checkpoint
    assert (again.metric, again.resources.total) == (first.metric, first.resources.total)
    assert all(np.array_equal(mask, first.masks[name]) for name, mask in again.masks.items())
    run(tuning, names)
    found, tuned = names["found"], names["tuned"]
    assert len(found.trials) == 3
    assert tuned.history[-1].metric == found.metric


@pytest.mark.slow
def test_the_guides_file_of_settings_is_the_same_run_in_python_and_as_a_command(tmp_path, monkeypatch):
    """And so is the file that the command writes; with other options it is another."""
    pytest.importorskip("jinja2")
    monkeypatch.chdir(tmp_path)
    (settings,) = blocks("toml")
    (tmp_path / "run.toml").write_text(settings)
    first, _, reading, saving = blocks("python")
    names: dict[str, object] = {}
    for text in (first[: first.index("out = ")], reading, saving):
        run(text, names)
    (commands,) = (block for block in blocks("") if "--params" in block)
    for line in commands.splitlines():
        result = CliRunner().invoke(app, line.split()[1:])
        assert result.exit_code == 0, result.output
    metrics = {
        name: json.loads((tmp_path / name / "report.json").read_text())["history"][-1]["metrics"]
        for name in ("pruned", "again", "other")
    }
    assert names["from_file"].met
    assert tuple(metrics["pruned"]) == names["from_file"].history[-1].metrics
    assert metrics["again"] == metrics["pruned"]
    assert metrics["other"] != metrics["pruned"]


def test_the_guides_commands_are_commands():
    """Every option in the guide is one of its command."""
    commands = get_command(app).commands
    shown = [
        line for block in blocks("") if block.startswith("knapprune ")
        for line in block.replace("\\\n", " ").splitlines()
    ]  # fmt: skip
    assert len(shown) == 7
    for line in shown:
        _, command, *words = line.split()
        options = {option for parameter in commands[command].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options
