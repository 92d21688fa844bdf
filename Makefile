# Two commands do everything on a machine with Python 3.11, make and a C compiler:
#   make serve   sets up and starts the database on 127.0.0.1:5433
#   make test    sets up and runs every check
# make clients also installs the programs of clients that are not in Python, and runs the tests of all clients.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Compiled when they change; pyproject.toml lists them.
KERNELS := $(wildcard datacave_*/*.pyx datacave_*/*/*.pyx)
TYPES := $(wildcard datacave_*/*.pxd datacave_*/*/*.pxd)
COMPILED := $(KERNELS) $(TYPES) $(TYPES:.pxd=.py)

.PHONY: serve test clients lint types bench clean

serve: $(VENV)/.serve
	$(BIN)/datacave serve $(ARGS)

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -rs $(ARGS)

clients: $(VENV)/.test
	-$(BIN)/python -m tests.clients.programs
	$(BIN)/python -m pytest -rs tests/clients $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .

types: $(VENV)/.test
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m bench $(ARGS)

$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.serve: $(VENV)/.venv pyproject.toml $(COMPILED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fast]'
	touch $@

# Covers .serve, because every installation compiles the kernels anew.
$(VENV)/.test: $(VENV)/.venv pyproject.toml $(COMPILED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fast,test]'
	touch $(VENV)/.serve $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
	rm -f $(KERNELS:.pyx=.c) $(KERNELS:.pyx=.*.so) $(TYPES:.pxd=.c) $(TYPES:.pxd=.*.so)
