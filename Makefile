# Everything runs in an environment of the project's own, .venv. Needed beforehand: Python 3.11 to 3.13 and make.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
STAMP  := $(VENV)/.installed
# Files of tests side by side: most of their time is compilation, which keeps one core.
SPREAD := --numprocesses auto --maxprocesses 4 --dist loadfile
# What the extra `docs` names; the package itself need not be installed to build the site.
DOCS_NEEDS := $(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])'

.PHONY: help install demo test test-slow test-peer test-gpu bench check docs docs-serve clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       run the main job: an 8-channel ring transmitter, results in ./results"
	@echo "make test       run the tests (minutes)"
	@echo "make test-slow  run the slow tests too"
	@echo "make test-peer  compare with peers, in an environment of its own (.venv-peers)"
	@echo "make bench      time against SAX, tmm_fast and tmmax, side by side in one run"
	@echo "make test-gpu   run the tests that need a GPU"
	@echo "make check      format, lint, types, direction of imports"
	@echo "make docs       build the site into site/, with every link and anchor checked"
	@echo "make docs-serve show the site while its pages are edited"

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is %d.%d; choose one with: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $(STAMP)

install: $(STAMP)

demo: $(STAMP)
	$(VENV)/bin/photonics-core run wdm-transmitter --out results/wdm-transmitter

test: $(STAMP)
	$(RUN) -m pytest $(SPREAD) -m "not slow and not peer and not gpu"

test-slow: $(STAMP)
	$(RUN) -m pytest $(SPREAD) -m "not peer and not gpu"

.venv-peers/.installed: Makefile
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check "sax==0.18.2" equinox lazy-loader "tmm-fast==0.3.0" "torch==2.13.0" "tmmax==1.1.4" "femwell==0.1.12" ElectroMagneticPython "meow-sim==0.15.0"
	@touch $@

test-peer: $(STAMP) .venv-peers/.installed
	PHOTONICS_CORE_PEERS=.venv-peers/bin/python $(RUN) -m pytest -m peer

bench: $(STAMP) .venv-peers/.installed
	$(VENV)/bin/photonics-core bench --peers .venv-peers/bin/python

test-gpu: $(STAMP)
	$(RUN) -m pytest -m gpu

check: $(STAMP)
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/lint-imports --no-cache --no-logo
	$(VENV)/bin/pyright --warnings --pythonpath $(RUN)

.venv-docs/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check $$($(DOCS_NEEDS))
	@touch $@

docs: .venv-docs/.installed
	NO_MKDOCS_2_WARNING=1 PATH="$(CURDIR)/.venv-docs/bin:$$PATH" mkdocs build --strict

docs-serve: .venv-docs/.installed
	NO_MKDOCS_2_WARNING=1 PATH="$(CURDIR)/.venv-docs/bin:$$PATH" mkdocs serve

clean:
	rm -rf $(VENV) .venv-peers .venv-docs build dist site *.egg-info results
