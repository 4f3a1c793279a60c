# Two commands on a fresh machine with Python 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS ?= tests
# One more than there are cores: some wait for a browser, another program or a socket.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 1)')

.PHONY: demo test lint format fuzz fuzz-http attack chaos kill bench compatibility coverage screenshots build constraints \
	clean help

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' Makefile

demo: $(STAMP) ## Show the platform at work: sends, answers, prices, delivery reports over mutual TLS
	$(BIN)/cloudsms-simulator demo

test: $(STAMP) ## Run the test suite, on every core
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS)

lint: $(STAMP) ## Check format, lint, types, and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP) ## Format the code and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: $(STAMP) ## Throw arbitrary bodies at a live server for five minutes
	@end=$$(($$(date +%s) + 300)); while [ $$(date +%s) -lt $$end ]; do \
		HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -q -m fuzz --timeout 600 tests || exit 1; done

attack: $(STAMP) ## Attack a live server with the hostile corpus, and tell what did not hold (Linux, under a minute)
	$(BIN)/python tests/attack/attack.py $(ATTACK)

fuzz-http: $(STAMP) ## Feed 100,000 wrong requests to the listener, and 100,000 wrong answers to the client of pushes (Linux)
	$(BIN)/python tests/attack/fuzz_http.py $(FUZZ)

chaos: $(STAMP) ## Send 54,000 messages while everything goes wrong, and tell what does not add up (Linux)
	$(BIN)/python tests/attack/chaos.py $(CHAOS)

kill: $(STAMP) ## Kill a server with a store on disk 1,000 times, and tell what does not add up (Linux)
	$(BIN)/python tests/attack/kill.py $(KILL)

bench: $(STAMP) ## Measure the speed floors, as ratios in one run (needs wrk)
	$(BIN)/python tests/benchmarks/bench.py $(BENCH)

compatibility: $(STAMP) ## Run the tests with every other Python here, the oldest libraries, and older versions of pytest
	$(BIN)/python tests/compatibility/compatibility.py $(COMPATIBILITY)

coverage: $(STAMP) ## Run the tests with branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --show-missing

screenshots: $(STAMP) ## Take screenshots of the inbox into build/screenshots, and the README's picture
	$(BIN)/pytest -q -n auto tests/browser/inbox
	cp build/screenshots/inbox.webp simulator/inbox.webp

build: $(STAMP) ## Build the sdist and the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

constraints: $(STAMP) ## Pin every dependency anew, with hashes
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --extra dev \
		--python-version 3.11 --custom-compile-command "make constraints" -o constraints.txt pyproject.toml

clean: ## Remove what the other commands made
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find simulator tests -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@
