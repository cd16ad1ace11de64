# Two commands are all that a stranger needs: `make demo` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that is new enough; `make PYTHON=/path/to/python demo` overrides.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help demo test check format bench clients peers samples soak sabotage clean

help: ## Show this
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: .venv/demo ## Ingest real embeddings, search, hold the endpoint to the specification, ramp load, write a report
	@$(BIN)/vecgate demo

test: .venv/dev ## Run the tests, with branch coverage
	@$(BIN)/python -m pytest --cov --cov-report=term

check: .venv/dev ## Formatter, linter, types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/dev ## Format, and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/dev ## Microbenchmarks beside their peers, and the table of ratios
	@mkdir -p .benchmarks
	@$(BIN)/vecgate bench -o .benchmarks/micro.jsonl

sabotage: .venv/dev ## Break the endpoint in many small ways and see that the suite catches each
	@$(BIN)/python tests/conformance/sabotage.py

soak: .venv/dev ## Send a million vectors through faults and kills, some four minutes
	@$(BIN)/python -m loadtests.soak.soak

clients: .venv/dev ## Give each foreign client that the tests drive an environment of its own
	@$(BIN)/python tests/clients/setup_clients.py

peers: clients ## What users would pick, side by side on the same work, some minutes
	@PYTHONPATH=tests/clients $(BIN)/python -m loadtests.peers.peers

samples: clients ## Real runs for reports/, their pages, and what docs show of them, some twenty minutes
	@PYTHONPATH=tests/clients $(BIN)/python -m loadtests.samples.samples
	@VECGATE_GOLDEN=write $(BIN)/python -m pytest -q tests/docs/test_measured.py

clean: ## Remove what these commands made
	rm -rf .venv .clients .benchmarks .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

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
