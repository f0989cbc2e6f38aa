# `make` lists the targets; `make benchmark` and `make test` create the virtual environment on first use.

# Python 3.11 to 3.14; the first of these that is installed.
PYTHON ?= $(firstword $(foreach version,11 12 13 14,$(shell command -v python3.$(version))) python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The build of torch: auto (without CUDA on Linux without an NVIDIA GPU, where an index has that), cpu, or cuda (as the
# package index has it). For another build, remove .venv first.
TORCH ?= auto
# Installs the packages, if it is there; empty: pip.
UV ?= uv

# Without the notice of mkdocs-material about its successor.
MKDOCS = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir $(abspath $(SITE))

.DEFAULT_GOAL := help
.PHONY: help benchmark verify metrics-diff plots summary comment test test-all faults compat check docs demo setup dist pins audit gc clean

# What the metrics are compared with. Recipes take these from their environment ("$$BASE"), so that a branch's name is
# never read as shell.
export BASE ?= main
export PULL_REQUEST ?=
DIFFERENCE := build/difference.md
DIST := build/dist
SITE := build/site
# A release is built from a tag, which names its version; empty: from no tag.
export TAG ?=

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

benchmark: $(READY) ## Regenerate the performance table: set-up, dvc repro, the table
	@$(BIN)/kosbert benchmark

verify: $(READY) ## Check every byte of what the pipeline has made, here and in DVC's cache
	@$(BIN)/kosbert verify

metrics-diff: $(READY) ## Compare the metrics with those at BASE=main; fails if one has dropped too far
	@$(BIN)/kosbert difference --out $(DIFFERENCE) -- "$$BASE"

plots: $(READY) ## Draw the training curves over those at BASE=main, in build/plots
	@mkdir -p build
	@$(BIN)/dvc plots diff --out build/plots -- "$$BASE"

summary: ## Add what metrics-diff found to a CI job's summary
	@cat $(DIFFERENCE) >> "$${GITHUB_STEP_SUMMARY:-/dev/stdout}"

comment: ## Write what metrics-diff found as our one comment on PULL_REQUEST=number (needs gh)
	@gh pr comment "$$PULL_REQUEST" --edit-last --create-if-none --body-file $(DIFFERENCE)

demo: $(READY) ## Serve the web demo of models/best, which `make benchmark` makes, on this machine
	@$(BIN)/kosbert demo

# One core a process: two that both want all cores wait for each other.
PARALLEL := --numprocesses logical --maxprocesses 4

test: check ## Run the tests, after lint and types
	@OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL) --dist loadfile --no-loadscope-reorder

# The seed has the same examples drawn each time.
test-all: $(READY) ## Run what `make test` runs a part of: every fault, strings and examples by the thousand
	@OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL) --dist worksteal -m exhaustive
	@KOSBERT_EXAMPLES=400 OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL) tests/properties --hypothesis-seed 1

faults: $(READY) ## Run each stage under each fault, and write the table of docs/faults.md
	@OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL) --dist worksteal tests/faults -m '' --fault-table

compat: $(READY) ## Load a model and its exports in other programs, in new environments (gigabytes of packages)
	@OMP_NUM_THREADS=1 $(BIN)/python tests/compat --table docs/compatibility.md
	@KOSBERT_COMPAT=1 OMP_NUM_THREADS=1 $(BIN)/pytest tests/test_packaging.py

check: $(READY) ## Lint and types, and the documentation's site: no broken link
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MKDOCS)

docs: $(READY) ## Build the site of the documentation in build/site
	@$(MKDOCS)
	@echo "The site is in $(SITE): open $(SITE)/index.html"

setup: $(READY) ## Create the virtual environment .venv with everything pinned (torch's build: TORCH=auto, cpu or cuda)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %s; give another: make PYTHON=…" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) tests/support/environment.py $(VENV) --torch '$(TORCH)' --uv '$(UV)'

# The wheel is made of what the source distribution has, so that both are complete.
dist: $(READY) ## Build the wheel and the source distribution in build/dist, and check them
	@rm -rf $(DIST)
	@$(BIN)/python -c 'import os, sys, tomllib; version = tomllib.load(open("pyproject.toml", "rb"))["project"]["version"]; tag = os.environ["TAG"]; sys.exit(f"the tag {tag} is not that of version {version} in pyproject.toml, v{version}" if tag and tag != f"v{version}" else 0)'
	@$(BIN)/python -m build --no-isolation --outdir $(DIST)
	@$(BIN)/python -m twine check --strict $(DIST)/*

pins: ## Renew every pinned version, in constraints.txt and pyproject.toml (needs the network)
	@$(PYTHON) -m venv --clear build/pins
	@build/pins/bin/python -m pip install -qq --disable-pip-version-check '.[dev,fuzz,gguf]'
	@build/pins/bin/python tests/support/pins.py build/pins/bin/python

# In an environment of its own: what it needs is not what we need.
audit: ## Check the pinned versions for known vulnerabilities (needs the network)
	@$(PYTHON) -m venv build/audit
	@build/audit/bin/python -m pip install -qq --disable-pip-version-check pip-audit==2.10.1
	@build/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

gc: $(READY) ## Drop from DVC's cache what the workspace does not use (models of experiments, too)
	@$(BIN)/dvc gc --workspace --force

# Twice -f, for experiments leave repositories in DVC's folder. What a user has put here stays: a licensed base, DVC's own
# settings (with passwords, perhaps). Where git does not have the project, as after its download as a zip, an empty
# repository stands in: one around it may ignore the whole project, and git would remove it.
clean: ## Remove what was made here: environment, data, models, caches (DVC's cache too)
	@{ git ls-files --error-unmatch Makefile > /dev/null 2>&1 || { export GIT_DIR=build/empty GIT_WORK_TREE=. && \
	  git init --quiet && git config core.excludesFile /dev/null; }; } && \
	  git clean -ffdXq --exclude='!/003_bert_eojeol_pytorch' --exclude='!/.dvc/config.local' -- .
