# Everything builds .venv by itself; only Python 3.11+, make and git are needed.
PYTHON ?= python3
# Files of tests run in so many processes at once; each has a database, servers and accounts of its own.
TEST_PROCESSES ?= 2
# Tests start hundreds of servers: without compiled files each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(dir $(wildcard plugins/*/pyproject.toml)))
MANIFESTS := pyproject.toml constraints.txt requirements-dev.txt core/pyproject.toml $(addsuffix pyproject.toml,$(PLUGINS))

.PHONY: serve cluster test check bench coverage format clean

serve: $(VENV)/installed
	$(BIN)/rallypoint serve

cluster: $(VENV)/installed
	$(BIN)/python tools/cluster.py

test: $(VENV)/installed
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile

coverage: $(VENV)/installed
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --ignore-errors --fail-under=95

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core/src $(addsuffix src,$(PLUGINS))
	$(BIN)/lint-imports
	$(BIN)/python tools/check_migrations.py
	$(BIN)/pytest -q tests/docs

bench: $(VENV)/installed
	$(BIN)/python benchmarks/run.py

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV)

# The stamp is newer than every file that says what to install.
$(VENV)/installed: $(MANIFESTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt \
		-e "core[scale,testing]" $(addprefix -e ,$(PLUGINS))
	touch $@

$(VENV): $(VENV)/installed
