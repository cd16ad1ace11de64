# Start with `make demo` and `make test`; `make help` lists everything.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that is new enough; `make PYTHON=/path/to/python demo` overrides.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Compiled modules are reused by the many child processes, even if the shell turns that off.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# One worker more than processors, because many tests wait for child processes.
PARALLEL := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist worksteal
# Only these files are collected for the tests that run alone.
SERIAL = -m serial $(shell grep -rl --include='*.py' 'mark\.serial' tests)

.PHONY: help demo test test-deep check format bench clients peers samples soak mutants fuzz lock clean

help: ## Show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv/demo ## Ingest real embeddings, search, check conformance, run a load test, write a report
	@$(BIN)/vecgate demo

# Tests that measure come first, alone. One coverage report covers both runs.
test: .venv/dev ## Run the tests with branch coverage, some twelve minutes on two cores
	@$(PYTEST) $(SERIAL) --cov --cov-report= --cov-fail-under=0
	@$(PYTEST) $(PARALLEL) -m "not serial and not nightly" --cov --cov-append --cov-report=term

test-deep: .venv/dev ## Run also the tests that take minutes, and properties with many random examples
	@$(BIN)/python tests/clients/setup_clients.py --compiled
	@$(PYTEST) $(PARALLEL) -m "not serial" --hypothesis-profile=deep --timeout=0

check: .venv/dev ## Check format, lint, types and import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/dev ## Format the code, and fix what the linter can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/dev ## Run the microbenchmarks and print them beside their peers
	@mkdir -p .benchmarks
	@$(BIN)/python -m loadtests.bench -o .benchmarks/micro.jsonl

mutants: .venv/dev ## Check that the conformance suite catches every mutant of the endpoint
	@$(BIN)/python tests/conformance/mutants.py

soak: .venv/dev ## Write a million vectors through faults and kills, some four minutes
	@$(BIN)/python -m loadtests.soak.soak

fuzz: .venv/dev ## Fuzz the decoders and the signature check, guided by coverage, ten minutes each
	@$(BIN)/python -m pip install --quiet --group fuzz
	@for target in put-readers signature; do \
		$(BIN)/python tests/fuzz/fuzzing.py $$target --seconds 600 || exit 1; done

# Exact versions with hashes, for every Python and platform: for the action, CI and a release.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: .venv/dev ## Pin all dependencies in .ci/requirements/, with hashes
	@$(BIN)/python -m pip install --quiet uv
	@printf 'pytest-xdist>=3.7\nhatchling>=1.27\n' | $(BIN)/$(LOCK) --extra conformance --extra fast --extra load --extra moto \
		--extra report pyproject.toml - -o .ci/requirements/action.txt
	@echo "-e ." | $(BIN)/$(LOCK) --no-emit-package vecgate --group dev - -o .ci/requirements/ci.txt
	@printf 'build>=1.2\ncyclonedx-bom>=7\nhatchling>=1.27\n' | $(BIN)/$(LOCK) - -o .ci/requirements/release.txt

clients: .venv/dev ## Install the other clients that the tests drive, each in its own environment
	@$(BIN)/python tests/clients/setup_clients.py

peers: clients ## Measure vecgate beside other clients on the same work, some minutes
	@PYTHONPATH=tests/clients $(BIN)/python -m loadtests.peers

samples: clients ## Make the results in reports/ and docs/runs and their pages, some twenty minutes
	@PYTHONPATH=tests/clients $(BIN)/python -m loadtests.samples

clean: ## Remove everything that these commands create
	rm -rf .venv .clients .fuzz .benchmarks .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "vecgate needs Python 3.11 or newer; name one: make PYTHON=/path/to/python demo"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "could not make .venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/demo: .venv/bin/python pyproject.toml
	@echo "installing vecgate into .venv …"
	@$(BIN)/python -m pip install --quiet --editable '.[conformance,fast,load,report]'
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	@echo "installing vecgate and its development tools into .venv …"
	@# Dependency groups need pip 25.1.
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ .venv/demo
