# The targets call the command rev2net in .venv, which `setup` makes first. `make` alone lists them.
PYTHON ?= python3
PROFILE ?= laptop
SEED ?= 0
SEEDS ?= $(if $(filter study,$(PROFILE)),20,$(if $(filter smoke,$(PROFILE)),2,5))
# A .venv made upon the machine's own torch stays so when it is brought up to date.
SYSTEM_TORCH ?= $(shell grep -qs 'include-system-site-packages = true' .venv/pyvenv.cfg && echo 1)
KEEP := $(filter 1,$(SYSTEM_TORCH))

BIN := .venv/bin
READY := .venv/ready
COURSE_READY := .venv/course-ready
BENCH_READY := .venv/bench-ready
CLUSTER_READY := .venv/cluster-ready
NEEDS := requirements.txt requirements-dev.txt pyproject.toml
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
CHECK_PYTHON = import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed; $(1) is {v[0]}.{v[1]}. Choose another one, for example: make setup PYTHON=python3.12")
CHECK_TORCH = import importlib.util, sys; importlib.util.find_spec("torch") or sys.exit("SYSTEM_TORCH=1 keeps the torch of this machine, and $(PYTHON) has none. Remove .venv and call make setup without it."); import torch; v = tuple(map(int, torch.__version__.split(".")[:2])); v >= (2, 11) or sys.exit(f"SYSTEM_TORCH=1 needs torch 2.11 or newer on this machine; it has {torch.__version__}. Remove .venv and call make setup without it.")

.DEFAULT_GOAL := help
.PHONY: help setup run reproduce test test-long test-versions lab course grade bench clean

help:
	@echo "make setup   create .venv and install what run and test need; the others call it"
	@echo "             TORCH_INDEX=https://download.pytorch.org/whl/cpu  a smaller torch, for Linux without a GPU"
	@echo "             SYSTEM_TORCH=1  keep this machine's torch (2.11 or newer)   PYTHON=python3.12  choose a Python"
	@echo "make run     execute the notebooks and build their site   PROFILE=smoke, laptop, gpu or study   SEED=0"
	@echo "make reproduce  the cross-dataset study over SEEDS=5 seeds and its report   PROFILE=study FIRST=100 TEST_SEED=0 KIND=sprites, figures"
	@echo "             SCHEDULER=local  on dask workers of this machine   SCHEDULER=tcp://host:8786  on a cluster's"
	@echo "make test    lint, types, unit tests, every notebook at the profile smoke"
	@echo "make test-long  hours of kills and mutants, and the table of what they did, docs/robustness.md"
	@echo "make test-versions  unit tests with the oldest versions allowed and with the newest   TORCH_INDEX=..."
	@echo "make lab     open JupyterLab at notebook 00"
	@echo "make course  build the assignments for students and the folder to grade them in, build/course"
	@echo "make grade SUBMISSIONS=folder  grade a folder of submissions into build/grades"
	@echo "make bench   flow, decoding and training beside their peers   DEVICE=cpu or cuda"
	@echo "make clean   remove build products and caches; .venv stays, and build/course, which holds a gradebook"

setup: $(READY)

# Each step is harmless when it is done already, so an interrupted set-up is completed by calling it again.
$(READY): $(NEEDS)
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null || { \
	  $(PYTHON) -c '$(call CHECK_PYTHON,$(PYTHON))' && echo "Creating .venv" && \
	  $(PYTHON) -m venv $(if $(KEEP),--system-site-packages) .venv; }
	@$(BIN)/python -c '$(call CHECK_PYTHON,the one in .venv)'
	@$(if $(KEEP),$(BIN)/python -c '$(CHECK_TORCH)')
	@grep -hv -e '^-r ' $(if $(KEEP),-e '^torch==') requirements.txt requirements-dev.txt > .venv/requirements.txt
	@echo "Installing what the kit needs; the first time takes some minutes"
	@$(PIP) --requirement .venv/requirements.txt
	@$(PIP) --quiet --no-deps --editable .
	@touch $(READY)

$(COURSE_READY): requirements-course.txt $(READY)
	@$(PIP) --requirement requirements-course.txt
	@touch $(COURSE_READY)

run: setup
	@$(BIN)/rev2net run --profile $(PROFILE) --seed $(SEED)

$(CLUSTER_READY): requirements-cluster.txt $(READY)
	@$(PIP) --requirement requirements-cluster.txt
	@touch $(CLUSTER_READY)

reproduce: setup $(if $(SCHEDULER),$(CLUSTER_READY))
	@$(BIN)/rev2net reproduce --profile $(PROFILE) --seeds $(SEEDS) $(if $(FIRST),--first $(FIRST)) $(if $(TEST_SEED),--test-seed $(TEST_SEED)) $(if $(KIND),--kind "$(KIND)") $(if $(SCHEDULER),--scheduler $(SCHEDULER))

test: setup $(COURSE_READY) $(CLUSTER_READY)
	@$(BIN)/rev2net test

test-long: setup $(COURSE_READY) $(CLUSTER_READY)
	@$(BIN)/rev2net test --long
	@$(BIN)/python tests/robustness.py

test-versions: setup
	@TORCH_INDEX="$(TORCH_INDEX)" $(BIN)/python tests/versions.py

lab: setup
	@$(BIN)/rev2net lab

course: setup $(COURSE_READY)
	@$(BIN)/rev2net course

grade: setup $(COURSE_READY)
	@$(if $(SUBMISSIONS),,echo "make grade needs a folder of submissions: make grade SUBMISSIONS=folder" >&2; exit 2)
	@$(BIN)/rev2net grade "$(SUBMISSIONS)"

# A peer that has no build for this machine is named in the table instead.
$(BENCH_READY): requirements-bench.txt $(READY)
	@while read -r peer; do $(PIP) --quiet "$$peer" || echo "not installed: $$peer"; done < requirements-bench.txt
	@touch $(BENCH_READY)

bench: setup $(BENCH_READY)
	@$(BIN)/rev2net bench $(if $(DEVICE),--device $(DEVICE))

clean:
	@rm -rf $(filter-out build/course,$(wildcard build/*)) dist .pytest_cache .mypy_cache .ruff_cache
