# Everything sets up its own virtual environment first. Needs Python 3.11 to 3.13, make, and g++ for the demo and tests.
#   make demo | test | lint | bench | docs | test-qkeras | test-without     make test PYTHON=python3.12 VENV=.venv-312     make test JOBS=8

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# PyTorch is large, and only tests and users of its models and of Brevitas' need it.
TORCH := $(VENV)/.torch
# QKeras stands on Keras 2, and HGQ2 brings a package of the same name: what QKeras needs is installed in an environment
# of its own, which finds all else in the first one.
QKERAS := $(VENV)-qkeras

# Real networks and instances are optional: tests that need them are skipped where they are absent.
KNAPPRUNE_DATA ?= $(abspath $(wildcard ../shared/data))
export KNAPPRUNE_DATA

PYTEST := $(BIN)/python -m pytest -q

.PHONY: demo docs test lint test-fast test-slow test-nojit test-qkeras test-without bench clean

demo: $(READY)
	$(BIN)/knapprune demo --out demo-out --force

# One after the other whatever -j says: each uses all cores.
test: $(TORCH)
	$(MAKE) lint
	$(MAKE) test-fast
	$(MAKE) test-nojit
	$(MAKE) test-qkeras
	$(MAKE) test-slow

lint: $(TORCH)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

test-fast: $(TORCH)
	$(PYTEST) -n $(JOBS) --dist loadfile -m "not slow"

test-slow: $(TORCH)
	$(PYTEST) -n $(JOBS) --dist worksteal -m slow

# The kernels as plain Python: a mistake that compiled code hides (an index past the end) is an error here.
# Tests marked as compiled are left out: as plain Python their searches would take millions of slow steps.
# Hashes multiply unsigned integers that wrap around on purpose.
test-nojit: $(TORCH)
	NUMBA_DISABLE_JIT=1 $(PYTEST) -n $(JOBS) -m "not slow and not compiled" --ignore tests/knapsolve/backends \
	  -W "ignore:overflow encountered in scalar multiply:RuntimeWarning" tests/knapsolve

# What models of QKeras and tf_keras need, slow tests too: elsewhere they are skipped.
test-qkeras: export TF_USE_LEGACY_KERAS := 1
test-qkeras: $(QKERAS)/.ready
	$(QKERAS)/bin/python -m pytest -q -n $(JOBS) --dist worksteal -k qkeras tests/knapprune tests/end_to_end tests/docs

# As on a machine where these packages and commands are not installed: what needs them is skipped and says so. The fast
# tests of commands and of verification, which go through all rooms that speak to frameworks and tools; the tests of public
# names import every module.
WITHOUT ?= yosys torch hgq ortools
test-without: export PYTHONPATH := $(abspath tests/without)
test-without: export KNAPPRUNE_WITHOUT := $(WITHOUT)
test-without: $(TORCH)
	$(PYTEST) -n $(JOBS) --dist loadfile -m "not slow" \
	  tests/knapprune/cli tests/knapprune/verification tests/knapprune/test_*.py tests/test_docstrings.py tests/test_without.py

# The site, in build/site; a warning is an error. Its examples run as tests.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/site

bench: $(READY)
	$(BIN)/python -m bench few-types one-dimension several-dimensions choice \
	  --severity smoke --repeat 3 --limit 1 --out build/benchmarks

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "knapprune needs Python 3.11 to 3.13; set PYTHON=, for example make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[all,dev]"
	touch $(READY)

$(VENV)/.docs: $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[docs]"
	touch $@

$(TORCH): $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[brevitas]"
	touch $(TORCH)

$(QKERAS)/.ready: $(READY)
	$(PYTHON) -m venv $(QKERAS)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$($(QKERAS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/behind.pth"
	$(QKERAS)/bin/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[qkeras]"
	$(QKERAS)/bin/python -m pip install --quiet -c constraints.txt --no-deps QKeras tensorflow-model-optimization
	touch $(QKERAS)/.ready

clean:
	rm -rf $(VENV) $(QKERAS) demo-out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
