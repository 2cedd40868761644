# Everything a contributor needs: Python 3.11 or newer, and make. `make` alone lists the commands.

SHELL = /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

BIN := .venv/bin
PY := $(BIN)/python
# Stamps: written after everything is installed, never before, so that an interrupted install is repeated.
RUN_READY := .venv/.ready-to-run
DEV_READY := .venv/.ready-to-develop

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1
# Empty, it is not set: tests start a hundred processes, each of which would compile all of the code for itself.
export PYTHONDONTWRITEBYTECODE =

# A virtual environment knows its own absolute path: after the checkout was moved or copied, make it again.
ifneq ($(shell cat .venv/.made-in 2>/dev/null || pwd),$(shell pwd))
MOVED := moved
endif

# Wheels only, each with the hash that was locked; then this project itself, built with the locked setuptools.
install = "$(PY)" -m pip install --quiet --require-hashes --only-binary=:all: -r $(1) && \
	"$(PY)" -m pip install --quiet --no-deps --no-build-isolation -e .

.PHONY: help run test lint format soak bench docs lock clean moved

help: ## list these commands
	@echo "Partita: the open ledger server."
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo "The first run makes .venv with packages for it. PYTHON=… chooses the interpreter."

# The server runs in the background of this shell, which passes Ctrl-C and `kill` on to it as SIGTERM
# and then calls the stop a success: make has nothing to complain about.
run: $(RUN_READY) ## start Partita with its own PostgreSQL and Valkey, and demo data
	@stopped=; trap 'stopped=yes; kill -TERM $$server 2>/dev/null' INT TERM HUP; \
	"$(PY)" "$(BIN)/partita" serve --demo <&0 & server=$$!; \
	wait $$server 2>/dev/null; code=$$?; \
	while kill -0 $$server 2>/dev/null; do wait $$server 2>/dev/null; code=$$?; done; \
	[ -z "$$stopped" ] || exit 0; exit $$code

test: $(DEV_READY) ## check style, types and layers, then run all tests with coverage
	@failed=; \
	check() { \
	  title=$$1; shift; printf '\n===== %s =====\n' "$$title"; \
	  "$(PY)" "$$@" || { [ $$? -lt 128 ] || exit 130; failed="$$failed$${failed:+, }$$title"; }; \
	}; \
	check 'lint (ruff check)' -m ruff check . ; \
	check 'format (ruff format --check)' -m ruff format --check . ; \
	check 'types (mypy --strict)' -m mypy; \
	check 'layers (import-linter)' $(BIN)/lint-imports; \
	check 'tests (pytest)' -m tests.measured -n 2 --dist worksteal $(ARGS); \
	if [ -n "$$failed" ]; then printf '\n===== FAILED: %s =====\n' "$$failed"; exit 1; fi; \
	printf '\n===== all checks passed =====\n'

lint: $(DEV_READY) ## check style, types and layers
	"$(PY)" -m ruff check .
	"$(PY)" -m ruff format --check .
	"$(PY)" -m mypy
	"$(PY)" $(BIN)/lint-imports

format: $(DEV_READY) ## format the code, and fix what ruff can fix
	"$(PY)" -m ruff check --fix .
	"$(PY)" -m ruff format .

soak: $(DEV_READY) ## run the soak tests in their long form (minutes)
	PARTITA_SOAK=long "$(PY)" -m pytest -m soak --timeout=0 $(ARGS)

bench: $(DEV_READY) ## measure throughput and latency on this machine
	"$(PY)" -m tests.bench $(ARGS)

docs: $(DEV_READY) ## build the site of the documentation in build/site
	"$(PY)" -m tests.docs.site

lock: $(DEV_READY) ## write requirements*.txt anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@"$(PY)" -m uv --version >/dev/null 2>&1 || "$(PY)" -m pip install --quiet --only-binary=:all: uv
	@set -e; export UV_CUSTOM_COMPILE_COMMAND='make lock'; \
	lock() { \
	  out=$$1; shift; echo "Locking $$out"; \
	  "$(PY)" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-build --output-file "$$out" "$$@" pyproject.toml $(ARGS); \
	}; \
	lock requirements.txt --group build; \
	lock requirements-dev.txt --group build --group dev -c requirements.txt

clean: ## remove caches and build products (keeps .venv, and your data in .partita)
	rm -rf build dist *.egg-info
	rm -rf .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.partita/*' -prune -exec rm -rf {} +

$(RUN_READY): requirements.txt pyproject.toml $(MOVED)
	@rm -f $(RUN_READY) $(DEV_READY)
	@$(make_venv)
	@echo "Installing Partita's packages into .venv (once; about half a minute)"
	@$(call install,requirements.txt)
	@touch $@

$(DEV_READY): requirements-dev.txt $(RUN_READY)
	@rm -f $@
	@echo "Installing the development tools into .venv (once; about half a minute)"
	@$(call install,requirements-dev.txt)
	@touch $@

moved:

# Takes $PYTHON, or the first interpreter that runs (a pyenv shim may not), is new enough and can make environments.
define make_venv
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
[ -z "$(MOVED)" ] && [ -x $(PY) ] && $(PY) -c "$$new_enough" 2>/dev/null && $(PY) -m pip --version >/dev/null 2>&1 && exit 0; \
found=; without_venv=; wrong='none of python3.13, python3.12, python3.11, python3 is one'; \
[ -z "$$PYTHON" ] || wrong="PYTHON=$$PYTHON is not one"; \
for candidate in $${PYTHON:-python3.13 python3.12 python3.11 python3}; do \
  "$$candidate" -c "$$new_enough" 2>/dev/null || continue; \
  "$$candidate" -c 'import ensurepip, venv' 2>/dev/null || { without_venv="$${without_venv:-$$candidate}"; continue; }; \
  found=$$candidate; break; \
done; \
if [ -z "$$found" ] && [ -n "$$without_venv" ]; then \
  echo "$$without_venv has no venv module. Install it (Debian, Ubuntu: apt install python3-venv), or set PYTHON=/path/to/python." >&2; \
  exit 1; \
fi; \
if [ -z "$$found" ]; then \
  echo "Partita needs Python 3.11 or newer, and $$wrong. Install it, or set PYTHON=/path/to/python." >&2; \
  exit 1; \
fi; \
echo "Making .venv with $$("$$found" --version)"; \
"$$found" -m venv --clear .venv && pwd >.venv/.made-in
endef
