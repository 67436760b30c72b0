# Needs Python 3.11 or newer and make; the rest comes from requirements.lock into .venv.
PYTHON ?= python3
ARGS ?=
# Test files run side by side: most of them wait for servers. WORKERS=0 runs them one after the other.
WORKERS ?= 2
BIN := .venv/bin
READY := .venv/.ready
AIRFLOW := .cache/airflow/.ready

.PHONY: help demo test lint bench bench-quality bench-flights test-pipelines torture picture lock clean

help:
	@echo 'make demo     a drifting model in your browser; ARGS="--help" lists the options'
	@echo 'make test     the tests;  ARGS="tests/unit -x" runs some of them'
	@echo 'make lint     ruff, mypy, import layers'
	@echo 'make bench    speed and memory'
	@echo 'make bench-quality  false alarms and delays beside others: half an hour'
	@echo 'make bench-flights  a year of flights: what would have been paged; ten minutes'
	@echo 'make test-pipelines  retraining against a real Airflow, which it installs; two minutes'
	@echo 'make torture  hours of kills and restarts'
	@echo 'make picture  the pictures of the README, by Chromium; one minute'
	@echo 'make lock     pin what pyproject.toml asks for in requirements.lock'
	@echo 'make clean    remove all that these targets made'

demo: $(READY)
	@$(BIN)/drift demo $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --durations=15 --durations-min=1 $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

bench: $(READY)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-quality: $(READY)
	@$(BIN)/python -m benchmarks.quality $(ARGS)

bench-flights: $(READY)
	@$(BIN)/python -m benchmarks.flights $(ARGS)

test-pipelines: $(READY) $(AIRFLOW)
	@$(BIN)/python -m pytest -q -m pipelines --durations=10 --durations-min=1 tests/pipelines $(ARGS)

torture: $(READY)
	@$(BIN)/python -m pytest -q -m torture --timeout=0 $(ARGS)

picture: $(READY)
	@$(BIN)/python -m tests.rig.picture

lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --group dev \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		tests/pipelines/airflow.in -o tests/pipelines/airflow.lock

clean:
	rm -rf .venv .cache build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment for every target: with uv the whole lock installs about as fast as the demo's part of it.
# uv itself is installed from its own pinned and hashed entry in the lock.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Driftsum needs Python 3.11 or newer; name one: make PYTHON=python3.12' >&2; exit 1; }
	@echo 'Installing requirements.lock into .venv ...'
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv \
		&& awk '/^[^ ]/ {mine = /^uv==/} mine' requirements.lock > .venv/uv.lock \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.lock; }
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Airflow pins what we do not: it lives in an environment of its own.
$(AIRFLOW): tests/pipelines/airflow.lock | $(READY)
	@echo 'Installing tests/pipelines/airflow.lock into .cache/airflow ...'
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .cache/airflow
	@$(BIN)/uv pip sync --quiet --python .cache/airflow/bin/python --require-hashes tests/pipelines/airflow.lock
	@touch $@
