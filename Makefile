# Everything a newcomer needs: `make run` and `make test` do their own set-up.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PEOPLE ?= 200
ROUNDS ?= 5
JOBS   ?= 3

# Every process starts in half the time from compiled modules, also where the surroundings forbid to keep them.
export PYTHONDONTWRITEBYTECODE =
COMPILE = import deploy.alongside, deploy.check.findings, deploy.demo, deploy.stores, scipy.optimize, \
          services.matching.app, services.notifications.app, services.referrals.app, services.scheduling.app

.DEFAULT_GOAL := help
.PHONY: help run test bench storms check lint types contracts clean

help:  ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## Install, run everything, play twelve weeks with 200 people, and stay live
	@$(BIN)/alongside demo --people $(PEOPLE)

test: $(VENV)/.installed-test  ## Install what tests need, and run them all
	@$(BIN)/pytest --numprocesses $(JOBS) --no-loadscope-reorder

check: test lint types contracts  ## What CI runs: tests, style, types, import contracts

lint: $(VENV)/.installed-test  ## Style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.installed-test  ## Types, strictly
	@$(BIN)/mypy

contracts: $(VENV)/.installed-test  ## Who may import whom
	@$(BIN)/lint-imports

bench: $(VENV)/.installed-bench  ## Measure everything beside the raw floor, DBOS and Celery; QUICK=1 ROUNDS=1 to try it
	@$(BIN)/python -m tests.bench $(PART) --rounds $(ROUNDS) $(if $(QUICK),--quick)

storms: $(VENV)/.installed-test  ## Run every storm at length: hundreds of people, kills, lost disks, 20,000 simulated days
	@$(BIN)/python -m tests.storms $(STORM)

clean:  ## Remove the environment and what the demo left
	rm -rf $(VENV) data/demo build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml $(VENV)/bin/python
	@echo "Installing Alongside into $(VENV) (once)"
	@# The pip that comes with Python 3.11 takes half as long again; the newer one tells of its builds at length.
	@$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --upgrade pip
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -e .
	@$(BIN)/python -c '$(COMPILE)' && touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -e '.[test]' && touch $@

$(VENV)/.installed-bench: pyproject.toml $(VENV)/.installed-test
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -e '.[bench]' && touch $@
