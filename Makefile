# Every target works on a fresh clone: uv comes by pip, everything else comes through uv.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.8
VENV   := .venv
BIN    := $(VENV)/bin
PACKAGES := schemas $(wildcard libs/*) $(wildcard services/*)
MANIFESTS := pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES))

.PHONY: help install lock

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(VENV)/.installed  ## Create .venv with everything pinned in requirements.lock

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
