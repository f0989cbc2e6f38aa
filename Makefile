# `make` lists what there is; `make benchmark` and `make test` do all set-up themselves.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help benchmark test check setup clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

benchmark: $(READY) ## Regenerate the performance table: set-up, dvc repro, the table
	@$(BIN)/kosbert benchmark

# One core a process: two that both want all cores wait for each other.
test: check ## Run all tests, after lint and types
	@OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile

check: $(READY) ## Lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

setup: $(READY) ## Make the virtual environment .venv with everything pinned

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %s; give another: make PYTHON=…" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean: ## Remove what was made here: environment, data, models, caches (DVC's cache too)
	@git clean -fdXq -- .
