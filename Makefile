# Flowmend: `make demo` shows it, `make test` tests it, `make check` is what must pass before a commit.
# Each sets up what it needs: Python 3.11 with venv and pip is enough; the tests also bring some programs from Debian.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Compiled modules are kept, whatever the machine's default is: the tests start hundreds of commands.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test tools test-long chaos soak bench bench-quick check mutants lint types layers rules format lock clean

demo: $(READY)
	$(BIN)/flowmend demo

test: $(READY) tools
	$(BIN)/python -m pytest -n 3 --dist worksteal -q

# Where they cannot be installed it says what to do; the tests that need them fail, all others can be run.
tools:
	-@scripts/install-test-tools

# Every request in every way, and thousands of steps of the state machine: half an hour.
test-long: $(READY)
	FLOWMEND_LONG=1 $(BIN)/python -m pytest -n 3 --dist worksteal -q tests/integration/test_every_request_every_fault.py tests/integration/test_state_machine.py

# A daemon under faults, killed a hundred times: some minutes.
chaos: $(READY)
	$(BIN)/python bench/chaos.py

# The daemon for a minute under steady errors: nothing may grow. `python -m bench.soak` takes an hour.
soak: $(READY)
	$(BIN)/python -m bench.soak --seconds 60

# How fast it is, beside what is to be reached; BENCH="--only scan --errors 100000" measures less. A quarter of an hour.
bench: $(READY)
	$(BIN)/python -m bench.speed $(BENCH)

# The same over fewer errors, under two minutes.
bench-quick: $(READY)
	$(BIN)/python -m bench.speed --quick $(BENCH)

check: $(READY) tools lint types layers rules
	$(BIN)/python -m pytest -n 3 --dist worksteal -q --cov --cov-report=term --cov-report=json:build/coverage.json
	$(BIN)/python scripts/coverage_floor.py build/coverage.json

# Take out the guards of docs/promises.md one after another: each must turn a test red. A few minutes.
mutants: $(READY)
	$(BIN)/python bench/mutants.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports --no-cache

rules: $(READY)
	$(BIN)/flowmend check --strict rules

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# Pin all dependencies anew; the locks carry hashes and name no index.
lock: $(READY)
	$(BIN)/pip-compile $(LOCK) --output-file=requirements.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --extra=dev --constraint=requirements.lock --output-file=requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --only-build-deps --build-deps-for=wheel --constraint=requirements-dev.lock --output-file=requirements-build.lock pyproject.toml
LOCK := --quiet --upgrade --allow-unsafe --generate-hashes --strip-extras --no-header --no-emit-index-url \
	--no-emit-trusted-host --no-emit-find-links --no-emit-options

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The marker is written last: an interrupted set-up is done again.
$(READY): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Flowmend needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)
