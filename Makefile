# Everything sets itself up in .venv; nothing is installed outside of this folder but caches in ~/.cache.
.DEFAULT_GOAL := help
.PHONY: help rehearse plan test test-fast lint types schema flags bench bench-web preview up down cluster cluster-down
.SILENT:

VENV := .venv
PY := $(VENV)/bin/python
RUN := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
NAMED := $(STACK)
# In the order of the files, so that the longest begin early.
PYTEST = $(PY) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
STACK ?= prod
CLI := .pulumi-cli/bin/pulumi
PULUMI := $(or $(shell command -v pulumi),$(CLI))
SUPPORTED = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && { echo $$p; break; }; done)

help: ## Show this list
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15
	echo; echo "STACK=<name> chooses the stack (default: prod); ARGS='...' adds arguments to plan and rehearse."

rehearse: $(RUN) ## Deploy STACK to a real control plane with simulated nodes on this machine, then destroy it
	$(PY) -m hearth rehearse -s $(STACK) $(ARGS)

plan: $(RUN) ## Show what STACK deploys, without engine, cluster or cloud
	$(PY) -m hearth plan -s $(STACK) $(ARGS)

test: $(DEV) ## Run all tests, on every core
	$(PYTEST)

test-fast: $(DEV) ## Run the tests that start nothing and need no network
	$(PYTEST) -m "not cluster and not docker and not live and not packages and not programs"

lint: $(DEV) ## Check the style
	$(PY) -m ruff check --no-cache .

types: $(DEV) ## Check the types
	$(PY) -m pyright

schema: $(RUN) ## Write the JSON Schema of stack files and docs/settings.md anew
	$(PY) -m hearth.settings.schema > hearth/settings/schema.json
	$(PY) -m hearth.settings.reference > docs/settings.md

flags: $(RUN) ## Write the tables of the engines' flags anew from their published packages (about 2 GB)
	for engine in vllm sglang; do \
		$(PY) -m hearth.engines.extraction $$engine --output hearth/engines/tables/$$engine.json || exit 1; \
	done

bench: $(RUN) ## Measure the plan; ARGS=--write updates docs/benchmarks.md
	$(PY) -m bench.plan $(ARGS)

bench-web: $(DEV) ## Measure the web tier with 1, 2 and 4 workers; ARGS=--write updates docs/benchmarks.md
	$(PY) -m bench.web_tier $(ARGS)

ifneq ($(NAMED),)
preview up down: $(RUN) $(if $(filter $(CLI),$(PULUMI)),$(CLI))
	$(PULUMI) $(@:down=destroy) -s $(STACK) $(ARGS)
else
up down: $(RUN)
	$(PY) -m hearth $@ $(ARGS)

preview:
	echo "Name the stack: make preview STACK=prod; make plan STACK=dev shows what a stack of your own deploys." >&2; exit 2
endif

preview: ## Show what `make up` would change in STACK
up: ## Deploy STACK by plain Pulumi; without STACK, a stack of your own from Pulumi.dev.yaml
down: ## Destroy STACK, or that stack of your own; data that its settings keep stays

cluster: $(RUN) ## Start a control plane with the nodes of STACK and leave it running
	$(PY) -m hearth cluster up -s $(STACK) $(ARGS)

cluster-down: $(RUN) ## End it
	$(PY) -m hearth cluster down $(ARGS)

$(VENV)/bin/python:
	test -n "$(PYTHON)" || { echo "Hearth needs Python 3.11 or newer; name it with: make PYTHON=/path/to/python3" >&2; exit 1; }
	echo "Setting up $(VENV) ..."
	$(PYTHON) -m venv $(VENV)

$(RUN): requirements.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(DEV): requirements-dev.txt $(RUN)
	$(PY) -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(CLI): | $(RUN)
	echo "Fetching the Pulumi CLI into .pulumi-cli ..."
	$(PY) -m hearth.pulumi_cli .pulumi-cli
