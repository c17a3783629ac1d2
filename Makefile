# What people do with this project. `make` alone lists the commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
MATRIX_ARGS ?=
SEEDS ?= 200
NOTEBOOK ?= notebooks/quickstart.ipynb

# Jupyter looks in this environment first, whatever the user has installed elsewhere.
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.PHONY: help demo test browser matrix soak screenshots bench lint docs release clean

help:  ## this list
	@echo "make COMMAND, where COMMAND is one of"
	@sed -n 's/^\([a-z]*\):.*## /  \1|/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

# A stamp per set of dependencies: pip runs again only when pyproject.toml or a kernelspec changes.
INSTALLED := pyproject.toml $(wildcard kernelspec/*/*)

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "Python 3.10 or later is needed: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV) \
	  || { echo "No venv module: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.made $(INSTALLED)
	@echo "Installing aca-kernel and what the demo needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(INSTALLED)
	@echo "Installing aca-kernel and what its tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo  ## run notebooks/quickstart.ipynb in the local pool, into output/quickstart.html
	@mkdir -p output
	$(BIN)/python -m nbconvert --to html --execute "$(NOTEBOOK)" --output-dir output \
	  --ExecutePreprocessor.kernel_name=azure-sessions-python-local
	@echo
	@echo "The notebook as it ran: $(CURDIR)/output/$(basename $(notdir $(NOTEBOOK))).html"

test: $(VENV)/.dev  ## run every test; PYTEST_ARGS="-k upload -x" picks some
	$(BIN)/python -m pytest $(PYTEST_ARGS)

browser: $(VENV)/.dev  ## the tests in a real JupyterLab alone, hostile outputs among them
	$(BIN)/python -m pytest tests/browser -s $(PYTEST_ARGS)

matrix: $(VENV)/.dev  ## the kernel against a hundred variants of the service, into docs/matrix.md
	$(BIN)/python -m tests.matrix $(MATRIX_ARGS)

soak: $(VENV)/.dev  ## hundreds of seeds of faults on cells and transfers, and of starts under load; SEEDS=200
	$(BIN)/python -m tests.faults.run --seeds $(SEEDS)
	$(BIN)/python -m tests.faults.transfers --seeds $(SEEDS)
	$(BIN)/python -m tests.faults.starts --runs $(SEEDS)
	$(BIN)/python -m tests.faults.starts --runs $(SEEDS) --notebook notebooks/quickstart.ipynb

screenshots: $(VENV)/.dev  ## make the README's pictures anew (needs Chromium)
	ACA_SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/browser/test_screenshots.py

bench: $(VENV)/.dev  ## measure what this costs, into README.md; BENCH="B1 B3" picks some, into output
	$(BIN)/python -m benchmarks $(or $(BENCH),--readme)

lint: $(VENV)/.dev  ## ruff (rules and format) and mypy --strict
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy

docs: $(VENV)/.dev  ## the documentation as pages, in output/docs; a warning fails it
	$(BIN)/python -m sphinx -W --keep-going --quiet -E -b html -d output/doctrees docs output/docs
	@echo "The pages: $(CURDIR)/output/docs/index.html"

release: $(VENV)/.dev  ## build the files of a release into dist, check them, and run a cell from the wheel
	rm -rf dist output/release
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*
	$(PYTHON) -m venv output/release
	output/release/bin/python -m pip install --quiet dist/*.whl nbconvert
	output/release/bin/aca-kernel --version
	cd output/release && ../../$(BIN)/python -c 'import nbformat.v4 as v4, nbformat; \
	  nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("print(6 * 7)")]), "cell.ipynb")' && \
	  JUPYTER_PREFER_ENV_PATH=1 bin/python -m nbconvert --to markdown --execute --stdout cell.ipynb \
	  --ExecutePreprocessor.kernel_name=azure-sessions-python-local | grep -x " *42"
	@echo "To be released: $$(ls dist)"

clean:  ## remove what make made: .venv, output, caches
	rm -rf $(VENV) output build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
