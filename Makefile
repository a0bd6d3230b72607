# `make run` opens the console on a lab, `make test` runs the tests; each first installs what is
# missing. `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REWRITTEN := $(VENV)/.rewritten
LOCKS := locks/build.txt locks/all.txt
CODE := netconsole tests bench
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PYTHON = $(shell tools/find-python)

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

.PHONY: help
help: ## List what can be made.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: setup ## Open the console on a lab, without a terminal print its status (ARGS=--agent).
	@if [ -t 0 ] && [ -t 1 ]; then exec $(BIN)/netconsole lab $(ARGS); \
	else exec $(BIN)/netconsole lab run $(ARGS) -- netconsole status; fi

.PHONY: test
test: compiled ## Run every test this machine can run, and name the others (ARGS=… for pytest).
	@$(BIN)/pytest $(ARGS)

.PHONY: test-fast
test-fast: compiled ## Run the tests that are pure or of the command line alone (ARGS=… for pytest).
	@$(BIN)/pytest -n logical tests/unit $(ARGS)

# What the tests start, emulated machines too, would compile every module anew where it may write no
# bytecode.
.PHONY: compiled
compiled: setup $(REWRITTEN)
	@$(BIN)/python -m compileall -q $(CODE)

# pytest rewrites the assertions of each module that it loads, which takes twice as long as all else
# until the first test begins: once here, not once in each worker.
$(REWRITTEN): | $(READY)
	@for half in tests/unit "tests/kernel tests/terminal tests/vm"; do \
		env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n 0 --collect-only -qq $$half > /dev/null & \
	done; wait
	@touch $@

.PHONY: lint
lint: setup ## Check the style, the types and who imports whom.
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: setup ## Lay out the code, and mend what ruff can mend.
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

.PHONY: bench
bench: setup ## Run every benchmark; each prints a ratio.
	@for script in bench/*.py; do echo "$$script"; $(BIN)/python "$$script" || exit 1; done

.PHONY: man
man: setup ## Write the manual page to build/netconsole.1.
	@mkdir -p build
	@$(BIN)/python -m netconsole.cli.manual > build/netconsole.1

.PHONY: screenshot
screenshot: setup ## Export docs/console.svg from the console on a lab.
	@rm -f docs/console.svg
	@$(BIN)/netconsole lab run --writable docs -- netconsole console --keys 3 \
		--screenshot "$(CURDIR)/docs/console.svg"

.PHONY: lock
lock: ## Pin every dependency anew for pyproject.toml (UPGRADE=--upgrade for newer ones).
	@test -x build/lock/bin/uv || { $(PYTHON) -m venv build/lock && build/lock/bin/pip -q install uv; }
	build/lock/bin/uv pip compile $(UPGRADE) --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --group build --output-file locks/build.txt
	build/lock/bin/uv pip compile $(UPGRADE) --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --group dev --output-file locks/all.txt pyproject.toml

.PHONY: setup
setup: packages $(READY) ## Install what is missing and do nothing else.

.PHONY: packages
packages:
	@tools/install-packages debian-packages.txt

# Nothing is isolated while building, so that what builds is pinned as well. Without bytecode the
# console takes three times as long to open, and a user who is not the owner could never write it.
$(READY): $(LOCKS) pyproject.toml | packages
	@echo "setting up $(VENV)" >&2
	@test -n "$(PYTHON)" && { test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); }
	@$(PIP) install --require-hashes --no-deps -r locks/build.txt
	@$(PIP) install --require-hashes --no-deps --no-build-isolation -r locks/all.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib netconsole || true
	@touch $@

.PHONY: clean
clean: ## Remove the virtual environment and everything that was built.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
