# `make demo` and `make test` need Python 3.11 or later and make, nothing else: they set up .venv themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data
DEMO := demo/demo.db

.PHONY: demo install test thorough check start bench peers auditors published coverage crash wheel clean

# Made anew when the project's own list of dependencies changes.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "plurijudge needs Python 3.11 or later; try: make PYTHON=python3.12 demo"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	mkdir -p .links && ln -sfn .. .links/plurijudge
	touch $@

install: $(VENV)/.installed-dev

demo: $(VENV)/.installed
	@mkdir -p demo
	@echo "== The built-in heuristic judges the shipped examples ==" && \
	  $(BIN)/plurijudge judge examples/items.jsonl --model builtin/heuristic --db $(DEMO)
	@echo && echo "== A judge with a planted bias for the first answer judges them too, and flips ==" && \
	  $(BIN)/plurijudge judge examples/items.jsonl --model 'builtin/planted?position=2&seed=1' --db $(DEMO)
	@echo && echo "Look further: $(BIN)/plurijudge show last --by subset --db $(DEMO)"

test: install
	$(BIN)/python -m pytest -n 3 -q -m "not thorough"

# On many more cases what `make test` shows on some.
thorough: install
	$(BIN)/python -m pytest -n 2 -q -m thorough

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

start: install
	$(BIN)/python benchmarks/start.py

# The small sizes, one JSON line each; docs/performance.md says what they mean and how the large ones are run.
bench: install
	@$(BIN)/python benchmarks/throughput.py --verdicts 1000 --transport litellm
	@$(BIN)/python benchmarks/throughput.py --verdicts 1000 --transport direct
	@$(BIN)/python benchmarks/throughput.py --verdicts 10000 --transport direct --rounds 1
	@$(BIN)/python benchmarks/scheduling.py
	@$(BIN)/python benchmarks/scheduling.py --most 20 --verdicts 600
	@$(BIN)/python benchmarks/scheduling.py --share 0.7 --verdicts 600
	@$(BIN)/python benchmarks/first_call.py --rounds 1
	@$(BIN)/python benchmarks/metrics_speed.py
	@$(BIN)/python benchmarks/start.py
	@$(BIN)/python benchmarks/stores.py --rows 20000
	@$(BIN)/python benchmarks/resampling.py

# Installs each peer into an environment of its own in the user's cache folder, once.
peers: install
	$(BIN)/python benchmarks/peers/run.py

# Other tools that audit judges, likewise, on simulated judges whose biases are known; docs/audit.md says what came out.
auditors: install
	$(BIN)/python benchmarks/peers/auditors/run.py

published: install
	$(BIN)/python benchmarks/published.py --data $(DATA)

coverage: install
	$(BIN)/python benchmarks/coverage.py

crash: install
	$(BIN)/python benchmarks/crash.py

wheel: install
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
