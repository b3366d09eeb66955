# Two commands: `make demo` shows the product, `make test` proves it. Both need only Python 3.11+ and make.
PYTHON ?= python3
ARGS ?=

.PHONY: help demo test bench bench-quick profile lock graphiql clean

help:
	@echo "make demo      start the pretend upstreams and the gateway; Ctrl-C stops them (ARGS=--help lists options)"
	@echo "make test      lint, types, import contracts and every test (ARGS='-k price' chooses tests)"
	@echo "make bench     measure side by side with other servers, every scenario; bench-quick measures the headline"
	@echo "make profile   where a page's time goes (PAGE=product ARGS='--cache off')"
	@echo "make lock      write locks/ anew from pyproject.toml (ARGS=--upgrade moves to the newest versions)"
	@echo "make graphiql  build the GraphiQL assets anew; needs node and npm"
	@echo "make clean     remove .venv and what the tools left behind"

demo: python
	@$(PYTHON) scripts/prepare runtime
	@exec .venv/bin/python scripts/demo $(ARGS)

test: python
	@$(PYTHON) scripts/prepare tests
	@exec .venv/bin/python scripts/check $(ARGS)

bench bench-quick: python
	@$(PYTHON) scripts/prepare tests
	@.venv/bin/python -m benchmarks.prepare
	@exec .venv/bin/python -m benchmarks.run $(if $(filter bench-quick,$@),quick --name quick,all --name all) $(ARGS)

PAGE ?= listing
profile: python
	@$(PYTHON) scripts/prepare tests
	@.venv/bin/python -m benchmarks.prepare
	@exec .venv/bin/python -m benchmarks.profiling --page $(PAGE) $(ARGS)

lock: python
	@$(PYTHON) scripts/prepare tests
	@.venv/bin/python scripts/lock $(ARGS)

graphiql: python
	@$(PYTHON) scripts/fetch_graphiql

clean:
	rm -rf .venv tests/http/node/node_modules tests/http/python/.venv .artifacts .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache *.egg-info build dist

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { echo "make: expected $(PYTHON) on PATH, found none; try: make PYTHON=python3.11 ..." >&2; exit 1; }
