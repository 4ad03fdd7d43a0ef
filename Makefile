# Each command sets up what it needs in .venv, once; the second time it starts at once.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help chat test check eval clean

help:
	@echo "make chat    open the chat window over the bundled articles"
	@echo "make test    pass the tests: unit, integration and, in a real Chromium, browser"
	@echo "make check   pass the checks: ruff, mypy, import arrows, README"
	@echo "make eval    ask the gold questions and report how well they were answered"
	@echo "make clean   delete .venv"

chat: .venv/ready
	$(BIN)/python -m ui

eval: .venv/ready
	$(BIN)/python -m eval

test: .venv/ready-dev .venv/browser
	$(BIN)/python -m pytest

check: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet tests/test_house.py tests/test_readme.py

clean:
	rm -rf .venv

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or later is needed')"
	@echo "Setting up .venv; the first time this takes a few minutes."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	@touch $@

.venv/ready-dev: .venv/ready
	$(PIP) --editable ".[dev]"
	@touch $@

# The browser tests use any Chromium or Chrome that is installed, else Playwright's own; without
# one they are skipped and say so.
.venv/browser: .venv/ready-dev
	command -v chromium || command -v chromium-browser || command -v google-chrome \
		|| $(BIN)/playwright install chromium || true
	@touch $@
