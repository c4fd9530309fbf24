# AgriSeg: every target does the set-up that it needs. `make help` lists them.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
FIRMWARE_TOOLS := $(VENV)/.firmware-tools
FORMAT_TOOLS := $(VENV)/format-tools
RUN_SECONDS ?= 30
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow format-tools lint format bench screenshots clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Install system libraries, .venv and pinned packages; leaves .venv/bin/agriseg
	@echo "ready: $(VENV)/bin/agriseg"

$(READY): pyproject.toml constraints.txt tools/setup.sh agriseg/commands/system_libraries.txt
	@sh tools/setup.sh

$(FIRMWARE_TOOLS): firmware_bridge/firmware/debian-packages.txt tests/debian-packages.txt | $(READY)
	@sh tools/setup.sh firmware

run: $(READY) ## Open the window on the simulated field (without a display: a headless run)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname -s)" = Darwin ]; then \
		exec $(VENV)/bin/agriseg; \
	fi; \
	out="runs/demo-$$(date +%Y%m%d-%H%M%S)"; \
	echo "There is no display: $(RUN_SECONDS) s over the simulated field without the window, into $$out"; \
	$(VENV)/bin/agriseg run --world sim --seconds $(RUN_SECONDS) --headless --out "$$out"

test: lint $(FIRMWARE_TOOLS) ## Check style, types and layers, then run the tests
	@$(VENV)/bin/python -m pytest -q -m "not slow and not alone" -n auto --maxprocesses 4 --dist worksteal
	@$(VENV)/bin/python -m pytest -q -m "alone and not slow"

format-tools: $(FORMAT_TOOLS)/.ready ## Install the tools that label files are tested with (0.8 GB)

$(FORMAT_TOOLS)/.ready: tests/format-tools.txt | $(READY)
	@$(PYTHON) -m venv $(FORMAT_TOOLS)
	@$(FORMAT_TOOLS)/bin/pip install --quiet --no-deps --requirement tests/format-tools.txt
	@touch $@

test-slow: $(READY) $(FIRMWARE_TOOLS) $(FORMAT_TOOLS)/.ready ## Run the long tests
	@$(VENV)/bin/python -m pytest -q -m slow

lint: $(READY) ## Check style, types and layers only
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo

format: $(READY) ## Put the code into the project's format
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

bench: $(READY) ## Measure speed on this computer
	@for script in tests/benchmarks/bench_*.py; do \
		echo "$$script"; $(VENV)/bin/python "$$script" || exit 1; \
	done

screenshots: $(READY) ## Write pictures of every page into assets/screenshots
	@QT_QPA_PLATFORM=offscreen $(VENV)/bin/python tools/screenshots.py

clean: ## Remove .venv and everything that was built; runs/ stays
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find agriseg ui firmware_bridge tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
