# make demo   a verdict from nothing, in a few minutes      make test   lint, types, tests      make bench   how fast it is

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test bench clean

demo: $(VENV)/.installed
	$(BIN)/artfp run quickstart --out runs/quickstart

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses logical --dist loadfile

bench: $(VENV)/.installed-dev
	@mkdir -p runs
	$(BIN)/python -m benchmarks.speed --json runs/speed.json

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "artfp needs Python 3.11 or later as '$(PYTHON)'; set PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "artfp needs Python's venv module (on Debian: apt install python3-venv)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,quality,parquet,datasets,onnx,sign,ray,serve]'
	@touch $@

clean:
	rm -rf $(VENV) runs
