# Every target works on a fresh clone: uv comes by pip, everything else comes through uv.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.8
VENV   := .venv
BIN    := $(VENV)/bin
PACKAGES := schemas $(wildcard libs/*) $(wildcard services/*)
MANIFESTS := pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES))
NODES ?= 1
SEED  ?= 1
PYTEST := $(BIN)/python -m pytest
# Where the environment forbids bytecode, each of the hundreds of processes of a test run compiles all it imports anew:
# a service then takes two and a half times the processor time to start.
export PYTHONDONTWRITEBYTECODE :=
# One file is one worker's, which starts its servers once; and files begin in the order of conftest.py.
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: help install lock demo test check bench chaos screenshots sim stack stack-down fmt schemas tools

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{sub(/:.*/, "", $$1); printf "  make %-12s %s\n", $$1, $$2}'

demo: install  ## A bad release, a drift, a page and a rollback in a minute; make demo KEEP=1 stays up to look around
	$(BIN)/flyball demo $(if $(KEEP),--keep)

test: install tools check  ## Everything: static checks, unit, simulation, wire, end-to-end and chaos tests on real servers
	FLYBALL_SIM_SEEDS=500 $(PYTEST) -m seeds -n 2
	$(PYTEST) -m "stack and not chaos" -n 3 $(BY_FILE)
	$(PYTEST) -m chaos -n 2 $(BY_FILE)

check: install  ## Static checks and every test that needs no server; under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy $(addsuffix /src,$(PACKAGES))
	$(BIN)/python -m flyball.schemas check
	$(PYTEST) -m "not stack and not chaos and not seeds" -n 2

screenshots: install tools  ## Draw every page of the console, seeded, into services/console/docs
	$(BIN)/python -m tests.web.screenshots

sim: install  ## One seed of the simulation, told step by step: make sim SEED=7
	$(BIN)/python -m tests.sim --seed $(SEED)

chaos: install tools  ## Kill everything at random for minutes and recount: make chaos SEED=7
	$(BIN)/python -m tests.chaos counting --seed $(SEED)
	$(BIN)/python -m tests.chaos loop --seed $(SEED)

bench: install tools  ## Measure on this machine, in about 25 minutes; figures go to BENCHMARKS.md
	$(BIN)/python -m tests.bench

stack: install tools  ## Kafka, Postgres and Redis on loopback in the background: make stack NODES=3
	$(BIN)/python -m flyball.stack up --nodes $(NODES)

stack-down: install  ## Stop what `make stack` started
	$(BIN)/python -m flyball.stack down

fmt: install  ## Format and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

schemas: install  ## Generate JSON Schemas, AsyncAPI, the topic list and the README's map from the code
	$(BIN)/python -m flyball.schemas generate

install: $(VENV)/.installed  ## Create .venv with everything pinned in requirements.lock

tools:  ## As root on Debian: kcat and redis, which the tests with real servers use
	@infra/install-tools

$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: requirements.lock $(MANIFESTS) | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

lock: | $(VENV)/bin/uv  ## Resolve requirements.lock again from the packages' pyproject files
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  $(foreach p,$(PACKAGES),--no-emit-package $(shell sed -n 's/^name = "\(.*\)"/\1/p' $(p)/pyproject.toml)) \
	  --group dev $(addsuffix /pyproject.toml,$(PACKAGES)) -o requirements.lock
