# One command for each habit. Each does its own set-up: Python 3.11 or newer and make are all that it needs.
#
#   make PYTHON=/path/to/python3.12 test     another interpreter
#   make test ARGS="tests/cli -k resume"     some of the tests
#   make test JOBS=0                         in one process, as a debugger wants it

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
JOBS ?= auto
SECONDS ?= 1200
KILLS ?= 200

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := src tests examples benchmarks deploy

.DEFAULT_GOAL := help
.PHONY: help demo test conformance soak bench check fix clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP)  ## Run an order to its receipt, then kill it half-way and resume
	@$(BIN)/python examples/order_processing/demo.py

test: $(STAMP)  ## Run the tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

conformance: .venv-conformance/.installed  ## Run the public conformance tests (ARGS="--suite step wait")
	@cd conformance && ../.venv-conformance/bin/python -m harness $(ARGS)

soak: $(STAMP)  ## Kill, crash, refuse, cut the power, load a server: SECONDS=1200 KILLS=200 take 45 minutes
	@PYTHONPATH=tests $(BIN)/python -m reliability.soak --seconds $$(($(SECONDS) / 2)) $(ARGS)
	@echo "and a server under load:"
	@PYTHONPATH=tests $(BIN)/python -m reliability.served_soak --kills $(KILLS) --seconds $(SECONDS) $(ARGS)
	@echo "and the simulated disk:"
	@PYTHONPATH=tests $(BIN)/python -m disk.soak --seconds $$(($(SECONDS) / 4)) $(ARGS)

bench: $(STAMP)  ## Measure beside the peers (ARGS="--quick", ARGS=--help)
	@$(BIN)/python -m benchmarks $(ARGS)

check: $(STAMP)  ## Lint, formatting, types, layers
	@BIN="$(BIN)" sh tools/check.sh $(SOURCES)

fix: $(STAMP)  ## Format, and mend what the linter can mend
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .venv-* .node-official .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# Made again only when pyproject.toml has changed.
$(STAMP): pyproject.toml
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/setup.sh
	@touch $@

.venv-conformance/.installed: pyproject.toml tools/setup_conformance.sh
	@PYTHON="$(PYTHON)" sh tools/setup_conformance.sh
	@touch $@
