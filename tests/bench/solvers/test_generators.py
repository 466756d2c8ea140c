"""Problems of the benchmark: the same for the same seed, and of the shape their family promises."""

import numpy as np
import pytest

from bench.solvers.generators import FAMILIES, generate, pisinger
from bench.solvers.registry import groups
from bench.solvers.spec import SEVERITIES

SPECS = [spec for group in groups().values() if group.measure is None for spec in group.specs if spec.family != "file"]
SMALL = sorted({(spec.family, spec.m, spec.options) for spec in SPECS})


@pytest.mark.parametrize(("family", "m", "options"), SMALL)
def test_one_seed_gives_one_problem_and_another_seed_another(family, m, options):
    first, again, other = (generate(family, 200, m, seed, **dict(options)) for seed in (1, 1, 2))
    assert (first.values == again.values).all()
    assert (first.weights == again.weights).all()
    assert (first.capacities == again.capacities).all()
    assert not ((first.values == other.values).all() and (first.weights == other.weights).all())
    assert first.m == m


@pytest.mark.parametrize("family", pisinger.FAMILIES)
def test_pisinger_families_have_positive_integers_and_half_the_capacity(family):
    problem = generate(f"pisinger-{family}", 1000, 1, 0)
    assert problem.values.dtype == problem.weights.dtype == np.int64
    assert problem.values.min() > 0
    assert problem.weights.min() > 0
    assert problem.capacities[0] == problem.weights.sum() // 2


def test_spanned_items_are_multiples_of_two():
    problem = generate("pisinger-spanner-strongly", 1000, 1, 0)
    assert len(np.unique(problem.values / problem.weights[0])) <= 2


def test_the_dense_form_is_the_typed_problem():
    typed, dense = generate("pruning", 500, 2, 3), generate("pruning-dense", 500, 2, 3)
    assert (typed.weights == dense.weights).all()
    assert (typed.values == dense.values).all()


@pytest.mark.parametrize("name", groups())
def test_names_in_a_group_are_unique_and_every_family_is_known(name):
    specs, own = groups()[name].specs, groups()[name].measure is not None
    assert len({spec.name for spec in specs}) == len(specs)
    assert own or {spec.family for spec in specs} <= FAMILIES.keys()
    assert {spec.severity for spec in specs} <= set(SEVERITIES)


def test_published_files_come_with_the_best_value_known(data_folder):
    specs = {spec for name in ("files", "choice", "several-dimensions") for spec in groups()[name].specs}
    published = [spec for spec in specs if spec.family == "file"]
    unknown = [spec.name for spec in published if spec.best_known() is None]
    assert len(published) >= 250
    assert all(name.startswith(("gk/", "mmkp/")) for name in unknown)


def test_or_library_states_the_optimum_of_each_of_its_small_problems(data_folder):
    specs = [spec for spec in groups()["several-dimensions"].specs if spec.set == "mknap1"]
    assert [spec.best_known() for spec in specs][:3] == [3800.0, 8706.1, 4015.0]


def test_shared_options_of_few_levels_have_so_many_whole_values():
    problem = generate("choice-few-option-types", 2000, 2, 0, levels=3)
    assert problem.integer_values
    assert set(problem.values.tolist()) == {1, 2, 3}
