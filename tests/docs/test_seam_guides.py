"""The examples of the guides for authors of solvers and adapters run as they stand there."""

import re
from pathlib import Path

import knapprune as kp

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def names_of(guide):
    """Run a guide's examples one after the other; return what they define."""
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL):
        exec(compile(example, guide, "exec"), names)
    return names


def test_the_solver_of_the_guide_passes_the_conformance_suite(capsys):
    names = names_of("solver.md")
    assert "9 [True, True, True, True, True] closure" in capsys.readouterr().out
    names["test_mine_conforms"]()


def test_the_adapter_of_the_guide_has_all_that_an_adapter_needs():
    mine = names_of("adapter.md")["adapter"]
    assert isinstance(mine, kp.Adapter)
    assert not mine.matches(object())


def test_what_the_guide_names_of_the_seam_are_public_names():
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", (GUIDES / "adapter.md").read_text()))
    assert {"ConfiguredAdapter", "FoldsNormalisations", "Objective", "TrainingAdapter"} <= named
    assert named <= set(kp.__all__)
