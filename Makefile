# Everything starts here; `make` alone lists the targets.
# A fresh machine needs Python 3.11 or newer and make. Each version of Python has an
# environment of its own, such as .venv-3.13; `.venv` leads to the first one made, which
# is used unless another Python is given: `make check PYTHON=/opt/python/bin/python3.13`.
ifeq ($(origin PYTHON) $(wildcard .venv/bin/pip),undefined )
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)
endif
VENV := .venv$(if $(PYTHON),-$(shell "$(PYTHON)" -c \
	'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
EMBEDDED := ORDERS_DATABASE__URL=embedded ORDERS_KAFKA__BOOTSTRAP_SERVERS=embedded
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

# Compiled modules and tests are kept, or each run of the tests compiles them anew.
unexport PYTHONDONTWRITEBYTECODE

ONLY :=
AGAINST :=
ROUNDS :=
ARGS :=
PYTHONS := 3.11 3.12 3.13
FAULT := F1
TRIALS := 20
SEED := 7

.DEFAULT_GOAL := help
.PHONY: help install run demo check unit static test more python chaos mutants bench lock clean
.NOTPARALLEL:

ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
$(info $(or $(shell "$(or $(wildcard $(BIN)/python),$(PYTHON))" --version 2>/dev/null),no Python) in $(VENV))
endif

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

install: $(VENV)/dev.stamp ## make .venv with everything in it, and start nothing

run: $(VENV)/embedded.stamp ## run the service with an embedded PostgreSQL and Kafka
	@$(EMBEDDED) exec $(BIN)/python run.py

demo: $(VENV)/embedded.stamp ## send 100 orders through the same stack and show them settle
	@$(EMBEDDED) exec $(BIN)/orders demo

check: static unit ## format, lint, types and unit tests: under a minute

unit: $(VENV)/dev.stamp
	$(BIN)/pytest --quiet --numprocesses 2 --hypothesis-profile quick tests/unit tests/test_layout.py

test: check ## everything a change must pass: check, integration and acceptance
	$(BIN)/pytest --quiet --numprocesses 2 -m hypothesis tests/unit
	$(BIN)/pytest --quiet --numprocesses 2 tests/simulation
	$(BIN)/pytest tests/integration tests/acceptance tests/chaos

more: $(VENV)/dev.stamp ## what needs more than packages: other Pythons, PgBouncer
	@set -e; for version in $(filter-out $(shell $(BIN)/python -c \
		'import sys; print("%d.%d" % sys.version_info[:2])'),$(PYTHONS)); do \
		found=; for python in python$$version ~/.pyenv/versions/$$version.*/bin/python; do \
			if "$$python" -c 'import ensurepip' 2>/dev/null; then found=$$python; break; fi; \
		done; \
		if [ -n "$$found" ]; then $(MAKE) --no-print-directory python PYTHON="$$found"; \
		else echo "left out: Python $$version is not on this machine"; fi; \
	done
	$(BIN)/pytest -m more tests/more

python: unit
	$(BIN)/pytest --quiet tests/acceptance/test_openapi.py

chaos: $(VENV)/dev.stamp ## break nodes and servers under load: FAULT=F1 TRIALS=20 SEED=7
	$(BIN)/python -m orders.chaos --fault $(FAULT) --trials $(TRIALS) --seed $(SEED)

mutants: $(VENV)/dev.stamp ## break one guard at a time in a copy; a test must notice
	$(BIN)/python -m orders.chaos.mutants

bench: $(VENV)/dev.stamp ## measure beside peers, or beside another commit: AGAINST=abc123
	$(BIN)/python -m benchmarks $(if $(AGAINST),--against $(AGAINST)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

lock: $(VENV)/dev.stamp ## pin the requirements again, each with its hashes: ARGS=--upgrade
	$(LOCK) $(ARGS) requirements/service.in --output-file requirements/service.txt
	$(LOCK) $(ARGS) requirements/embedded.in --output-file requirements/embedded.txt
	$(LOCK) $(ARGS) requirements/dev.in --output-file requirements/dev.txt

clean: ## remove environments, caches, builds and the data of make run
	rm -rf .venv .venv-* .data build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

static: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

$(VENV)/%.stamp: requirements/%.txt setup.py | $(BIN)/pip
	@echo "installing requirements/$*.txt into $(VENV) (about a minute the first time)"
	@$(PIP) install --require-hashes --requirement $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# ensurepip is what a Debian without python3-venv lacks; pip is made last.
$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found; name one: make PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is not Python 3.11 or newer" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' || { echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "making $(VENV)"
	@"$(PYTHON)" -m venv $(VENV)
	@test -x .venv/bin/pip || { rm -rf .venv && ln -s $(VENV) .venv; }
