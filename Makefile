# `make run` shows the product on a simulated world, `make test` runs every check. Each sets up what it needs; after the first time no network is needed.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed-$(shell cat requirements.lock pyproject.toml | cksum | tr ' ' '-')
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test install clean clean-all
.DEFAULT_GOAL := run

run: install
	@$(BIN)/python -m flows.demo

# All checks run, so that one visit shows all that is wrong; pytest comes last and prints the number of tests.
test: install
	@failed=; \
	for check in "ruff check ." "ruff format --check ." mypy lint-imports "pytest --numprocesses=auto --dist=loadfile"; do \
		echo "== $$check"; \
		$(BIN)/$$check || failed="$$failed [$$check]"; \
	done; \
	if [ -n "$$failed" ]; then echo "make test: failed:$$failed" >&2; exit 1; fi

install: $(INSTALLED)

# The stamp's name is the content that was installed, so a checkout that only touches files installs nothing.
$(INSTALLED):
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "make: no Python 3.11 or newer that can make virtual environments was found." >&2; \
		echo "make: On Debian: apt-get install python3 python3-venv. Elsewhere name one: make PYTHON=/path/to/python" >&2; exit 2; \
	fi; \
	echo "Setting up $(VENV) with $$($$found --version); the first time this takes a minute or two"; \
	test -x $(BIN)/python || $$found -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/installed-* && touch $@

clean:
	rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find flows src tests -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean
	rm -rf $(VENV)
