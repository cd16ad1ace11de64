# Start with `make demo` and `make test`; `make help` lists everything.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that is new enough; `make PYTHON=/path/to/python demo` overrides.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Compiled modules are reused by the many child processes, even if the shell turns that off.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# Two workers more than processors, because many tests wait for child processes.
PARALLEL := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2) --dist worksteal
# Only these files are collected for the tests that run alone.
SERIAL = -m "serial and not nightly" $(shell grep -rl --include='*.py' 'mark\.serial' tests)

.PHONY: help demo engines test test-deep check check-workflows docs format bench clients peers samples soak mutants fuzz lambda-zip lock lowest clean

help: ## Show this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

demo: .venv/demo ## Ingest real embeddings, search, check conformance, run a load test, write a report
	@$(BIN)/vecgate demo

# Tests that measure come first, alone. One coverage report covers both runs.
test: .venv/dev ## Run the tests with branch coverage, some ten minutes on two cores
	@$(PYTEST) $(SERIAL) --cov --cov-report= --cov-fail-under=0
	@$(PYTEST) $(PARALLEL) -m "not serial and not nightly" --cov --cov-append --cov-report=term

test-deep: .venv/dev ## Run also the tests that take minutes, and properties with many random examples
	@$(BIN)/python tests/clients/setup_clients.py --compiled
	@$(BIN)/python -m pip install --quiet --group types
	@$(PYTEST) $(PARALLEL) -m "not serial" --hypothesis-profile=deep --timeout=0 -o faulthandler_timeout=0

check: .venv/dev ## Check format, lint, types and import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# actionlint is a Go program; without Go, only zizmor runs.
check-workflows: .venv/dev ## Check the workflows, those on pages of docs, and the action with zizmor and actionlint
	@$(BIN)/python -m pip install --quiet --group workflows
	@rm -rf .workflows && $(BIN)/python .ci/extract_workflows.py .workflows
	@$(BIN)/zizmor --offline --quiet .github action.yml .workflows
	@if command -v go >/dev/null; then \
		go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 .github/workflows/*.yml .workflows/.github/workflows/*.yml; \
	else echo "skipped: actionlint needs Go"; fi

docs: .venv/dev ## Build the documentation as a site in .site, and check all its links
	@$(BIN)/python -m pip install --quiet --group docs
	@$(BIN)/python .ci/build_docs.py

lambda-zip: .venv/bin/python ## Build dist/vecgate-lambda.zip, a Lambda function for the version of Python in .venv
	@$(BIN)/python .ci/lambda_zip.py

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

# Exact versions with hashes, for every Python and platform: for the action, the container, CI and a release.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: .venv/dev ## Pin all dependencies in .ci/requirements/, with hashes
	@$(BIN)/python -m pip install --quiet uv
	@pin() { name=$$1 package=$$2; shift 2; printf '%s\n' hatch-fancy-pypi-readme hatchling $$package \
		| $(BIN)/$(LOCK) --no-emit-package vecgate $$(printf ' --extra %s' fast serve "$$@") pyproject.toml - \
		-o .ci/requirements/$$name.txt; }; \
	pin conform pytest-xdist conformance report && pin moto pytest-xdist conformance moto report \
		&& pin ramp "" load report && pin serve ""
	@echo "-e ." | $(BIN)/$(LOCK) --no-emit-package vecgate --group dev - -o .ci/requirements/ci.txt
	@printf '%s\n' 'build>=1.2' 'cyclonedx-bom>=7' hatch-fancy-pypi-readme 'hatchling>=1.27' | $(BIN)/$(LOCK) - -o .ci/requirements/release.txt

engines: .venv/engines ## Install Ray and Spark, so that their tests are not skipped (Spark needs Java 17)

lowest: .venv/dev ## Run the main parts with the lowest versions of all dependencies that pyproject.toml allows
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/resolution lowest 3.11

clients: .venv/dev ## Install the other clients that the tests drive, each in its own environment
	@$(BIN)/python tests/clients/setup_clients.py

peers: clients ## Measure vecgate beside other clients on the same work, some minutes
	@PYTHONPATH=tests/clients $(BIN)/python -m loadtests.peers

samples: clients ## Make the results in reports/ and docs/runs and their pages, some twenty minutes
	@PYTHONPATH=tests/clients $(BIN)/python -m loadtests.samples

clean: ## Remove everything that these commands create
	rm -rf .venv .resolution .clients .docs .site .workflows .fuzz .benchmarks .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "vecgate needs Python 3.11 or newer; name one: make PYTHON=/path/to/python demo"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "could not make .venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

.venv/demo: .venv/bin/python pyproject.toml
	@echo "installing vecgate into .venv …"
	@$(BIN)/python -m pip install --quiet --editable '.[conformance,fast,files,load,report,serve]'
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	@echo "installing vecgate and its development tools into .venv …"
	@# Dependency groups need pip 25.1.
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ .venv/demo

.venv/engines: .venv/dev
	@echo "installing Ray and Spark into .venv …"
	@$(BIN)/python -m pip install --quiet --editable '.[ray,spark]'
	@touch $@
