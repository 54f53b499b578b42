# Everything a newcomer or a build machine needs. `make help` prints the targets.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPEED ?= 60
BENCH ?= all
SEEDS ?= 100
ROUNDS ?= 500
SEED ?=
ONLY ?=
ARGS ?=
TARGET ?= apk
CONSTRAINTS = $(if $(filter apk aab ipa ios-simulator,$(TARGET)),constraints-mobile.txt,constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit postgres simulation faults browser bench prove device shots migrations clean

help: ## Print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Baton needs Python 3.11 or newer: make PYTHON=python3.12 setup"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[web,server,demo,dev]'
	@touch $@

setup: $(BIN)/.ready ## Install everything into .venv

demo: setup ## Run the demo: real baskets as orders, a store app to work with (SPEED=60, ARGS=--help)
	$(BIN)/baton demo --speed $(SPEED) $(ARGS)

check: setup ## Format, lint, strict types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check unit postgres simulation faults browser ## Everything: check, unit, PostgreSQL, simulation, faults, browser

unit: setup
	$(BIN)/pytest -n 2 tests/unit tests/test_architecture.py

postgres: setup
	$(BIN)/pytest -n 2 tests/postgres tests/api

simulation: setup
	$(BIN)/pytest -n 2 tests/simulation

faults: setup
	$(BIN)/pytest -n 2 tests/faults

browser: setup
	$(BIN)/python -m tests.browser.chromium
	$(if $(SIZES),BATON_EVERY_SIZE=1 )$(BIN)/pytest tests/browser

bench: setup ## Measure against floors, one JSON line each (BENCH=name for one, ARGS for its arguments)
	$(BIN)/python -m tests.benchmarks $(BENCH) $(ARGS)

prove: setup ## The long proofs: histories, fleets, requests, races, kills (SEEDS=100 ROUNDS=500, SEED=7 to see one, ONLY=kills)
ifneq ($(ONLY),kills)
	$(BIN)/python -m tests.simulation.prove $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(if $(ONLY),--only $(ONLY))
endif
ifneq ($(filter $(or $(ONLY),kills),kills),)
	$(if $(SEED),,$(BIN)/python -m tests.faults.prove --rounds $(ROUNDS))
endif

device: setup ## Package the store app (TARGET=apk aab ipa macos windows linux); fetches Flutter: docs/devices.md
	$(BIN)/python -m device.stage
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build]'
	PIP_CONSTRAINT="$(CURDIR)/$(CONSTRAINTS)" $(BIN)/flet build $(TARGET)

shots: setup ## Take the screenshots of the docs
	$(BIN)/python -m tests.browser.shots

migrations: setup ## Write the first migration anew from the tables
	$(BIN)/python -m server.migrations.foundation

clean: ## Remove what was built (not the data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
