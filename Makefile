# make help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
CORES ?= all
CONFIG ?= config.yaml
JOBS ?= 2
PIP_ARGS ?=
# 1: all that Snakemake prints, not one line per job.
VERBOSE ?=
# Where PyTorch's builds without CUDA are (0.2 GB instead of 4 GB); empty: do not look there.
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
ACCOUNTING ?=
PEERS ?= $(VENV)-peers

# Make cannot have a space in the name of a target; the folder of this file may have one.
$(foreach name,VENV $(if $(filter bench,$(MAKECMDGOALS)),PEERS),$(if $(filter 1,$(words $($(name)))),,$(error $(name)="$($(name))" must be one path without spaces)))
$(if $(findstring :,$(CURDIR)),$(error the path of this folder holds a colon, which no PATH can; move it))
BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.installed
# QUICK=1: little of everything, in a folder of its own; BENCH="--parts rates --limit 60": see --help.
BENCH_PLAN := $(if $(QUICK),--plan quick --results results/bench-quick,--document docs/benchmarks.md)
PEERS_STAMP := $(PEERS)/.installed
export PATH := $(BIN):$(PATH)
export CONFIG # recipes quote it as "$$CONFIG": any name of a file will do
# One run in a folder at a time, by a lock that dies with its process: after a power cut or a kill -9
# the same command continues (Snakemake's own lock would stay behind).
FLOCK := $(shell command -v flock)
LOCK := $(if $(FLOCK),flock --nonblock --conflict-exit-code 75 .make.lock)
# The environment tells the workflow to print one line per job and to leave the summary to this file.
SNAKEMAKE := LFMC_FRONT_END=1 VERBOSE=$(VERBOSE) $(LOCK) snakemake $(if $(FLOCK),--nolock) --cores $(CORES) --configfile
SOURCES := lfmc tests envs benchmarks docs examples
RULES := Snakefile workflow/Snakefile workflow/rules

.PHONY: help figures report smoke test test-portable test-slurm lint types format schema docs bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo "  variables: CONFIG=config.yaml CORES=all JOBS=2 PYTHON=python3 VENV=.venv PIP_ARGS= CPU_INDEX= ACCOUNTING= VERBOSE="

figures: $(STAMP) ## everything: figures, tables and report below results/ (CONFIG=other.yaml)
	@$(SNAKEMAKE) "$$CONFIG" || { [ $$? != 75 ] || echo "another run, or a job that an interrupted one left, is at work in this folder" >&2; exit 1; }
	@$(MAKE) --no-print-directory report

report: $(STAMP) ## one self-contained HTML of a finished run: results/report.html
	@lfmc report --config "$$CONFIG" > /dev/null
	@lfmc summary --print --config "$$CONFIG"

smoke: $(STAMP) ## the same chain with tiny statistics, in results-smoke/ (three minutes)
	@$(MAKE) --no-print-directory figures CONFIG=lfmc/data/presets/smoke.yaml

test: $(STAMP) lint types ## all tests, with lint, format and type checks
	pytest --numprocesses $(JOBS) --dist loadgroup -m "not slurm"

test-portable: $(STAMP) ## tests with libraries held to other instruction sets (hours; SHORT=1: minutes)
	python tests/portable.py --jobs $(JOBS) $(if $(SHORT),--short) $(PORTABLE)

SLURM_PACKAGES := slurmctld slurmd slurm-client munge $(if $(ACCOUNTING),slurmdbd mariadb-server)

test-slurm: $(STAMP) ## tests on a throw-away Slurm of three virtual nodes (root; installs Debian's packages)
	@python workflow/slurm/try_slurm.py check $(if $(ACCOUNTING),--accounting) || [ "$$(id -u)" != 0 ] || \
	  ! command -v apt-get > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $(SLURM_PACKAGES) > /dev/null; } || \
	  echo "packages cannot be installed; the tests will be skipped" >&2
	$(if $(ACCOUNTING),LFMC_SLURM_ACCOUNTING=1) pytest -m slurm --durations=5 || [ $$? = 5 ] # 5: this copy has no such tests

lint: $(STAMP) ## ruff, snakefmt, snakemake --lint, and the schema is up to date
	ruff check $(SOURCES)
	ruff format --check $(SOURCES)
	snakefmt --check $(RULES)
	snakemake --lint
	lfmc config schema | diff - workflow/schemas/config.schema.json

types: $(STAMP) ## mypy
	mypy

format: $(STAMP) ## rewrite sources and rules in the style that lint checks
	ruff check --fix $(SOURCES)
	ruff format $(SOURCES)
	snakefmt $(RULES)

schema: $(STAMP) ## regenerate workflow/schemas/config.schema.json after a change of lfmc/config/config.py
	lfmc config schema > workflow/schemas/config.schema.json

docs: $(STAMP) ## the documentation site in build/docs/ (a warning is an error)
	python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "site: build/docs/index.html"

bench: $(STAMP) $(PEERS_STAMP) ## benchmarks and docs/benchmarks.md (hours; QUICK=1: minutes; BENCH=options)
	@test -e $(PEERS_STAMP) || echo "the peers could not be installed; they are left out" >&2
	python -m benchmarks $(BENCH_PLAN) $(BENCH) $$(! test -e $(PEERS_STAMP) || echo --peers $(PEERS)/bin/python)

lock: $(STAMP) ## rewrite envs/requirements.lock from what is installed
	python envs/lock.py > envs/requirements.lock.new
	mv envs/requirements.lock.new envs/requirements.lock

clean: ## remove the smoke run and caches (compiled kernels too); results/ and the environment stay
	rm -rf results-smoke build/docs .portable .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find lfmc -name '*.nb[ic]' -delete

# Packages that `make bench` compares with, beside the environment and never in it.
$(PEERS_STAMP): benchmarks/requirements-peers.txt $(STAMP)
	-python -m benchmarks.peers.environment $(PEERS) $(PIP_ARGS)

# On Linux x86_64 an ordinary index has PyTorch with CUDA. Without a GPU the same release without it
# is taken, if there is one and the environment has none; otherwise the lock file decides.
CPU_TORCH = test "$$(uname -sm)" != "Linux x86_64" || command -v nvidia-smi > /dev/null || \
	  "$(BIN)/python" -m pip --quiet show torch > /dev/null 2>&1 || \
	  "$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps --retries 0 --timeout 15 \
	    --extra-index-url $(CPU_INDEX) $(PIP_ARGS) "$$(sed -n 's/^\(torch==[^ ]*\).*/\1+cpu/p' envs/requirements.lock)" \
	    || echo "no build of PyTorch without CUDA was found; a larger one is installed" >&2

# The environment: pinned versions, then this package in place. Made anew when the lock changes.
$(STAMP): envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "lfmc needs Python >= 3.11; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	test -x "$(BIN)/python" || $(PYTHON) -m venv $(VENV)
	$(if $(CPU_INDEX),$(CPU_TORCH))
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r envs/requirements.lock
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --no-deps --no-build-isolation -e .
	touch $@
