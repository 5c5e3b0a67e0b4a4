# Everything runs in .venv, which the first target that needs it sets up.
# Another interpreter: make test PYTHON=python3.12      More pytest options: make claims ARGS="-k loss -x"

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq

# A stamp is touched last, so that a set-up that stopped half-way is no set-up. It names the interpreter's version.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
READY := $(VENV)/.ready-$(VERSION)
READY_DEV := $(VENV)/.ready-dev-$(VERSION)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: claims
claims: $(READY) ## Judge every claim: the recordings, and live on this processor; writes report/
	$(BIN)/pytest tests/claims -m cpu $(ARGS)

.PHONY: test
test: $(READY) ## Run the tests of the code, then judge the recordings
	$(BIN)/pytest tests/unit tests/integration $(ARGS)
	$(BIN)/pytest tests/claims -m "cpu and not live" $(ARGS)

NAME ?= gpus
# What fills the report's tables of scaling, and on eight GPUs is measured once in eight minutes.
SCALING := (test_scaling and (zero3_at_each or zero1_trains_faster_from)) or (more_gpus_do_not and deepspeed) \
  or (one_gpu_serves and in750 and batch1)

.PHONY: scaling
scaling: $(READY) ## Judge on all GPUs of this machine how speeds scale: make scaling NAME=h200x8-2026-11; ten minutes at most
	$(BIN)/pytest tests/claims -m gpu -k "$(SCALING)" --time-budget 480 --record fixtures/recordings/$(NAME).json $(ARGS)

INSTANCE ?= g5.2xlarge
STACK ?= current
BUDGET ?= 10
SAGEMAKER = $(BIN)/pytest tests/claims -m sagemaker $(addprefix --instance ,$(INSTANCE)) --stack $(STACK)

.PHONY: sagemaker-setup
sagemaker-setup: $(READY)

.PHONY: sagemaker-plan
sagemaker-plan: $(READY)
	$(SAGEMAKER) --plan $(ARGS) | tee sagemaker-plan.txt

.PHONY: sagemaker
sagemaker: $(READY) ## Judge on AWS: make sagemaker INSTANCE="g5.2xlarge g4dn.2xlarge" BUDGET=10; sagemaker-plan costs nothing
	$(SAGEMAKER) --budget $(BUDGET) $(ARGS) | tee sagemaker-run.txt

.PHONY: sagemaker-local
sagemaker-local: $(READY) ## Go the whole way of the SageMaker tier, against an emulator on this machine
	$(BIN)/pytest tests/claims -m sagemaker --instance local $(ARGS)

.PHONY: sagemaker-docker
sagemaker-docker: $(READY)
	docker build --tag llm-claims-djl-serving tests/docker
	$(BIN)/pytest -p tests.docker.plugin tests/claims/test_latency.py tests/claims/test_batching.py \
	  -m sagemaker --instance local $(ARGS)

.PHONY: faults
faults: $(READY) ## Break every call to AWS in every way, and look for what is left: eight minutes
	LLM_CLAIMS_FAULTS=all $(BIN)/pytest tests/integration/faults $(ARGS)

.PHONY: bench
bench: $(READY) ## Time the code itself
	$(BIN)/pytest tests/benchmarks --benchmark-only $(ARGS)

.PHONY: lint
lint: $(READY_DEV) ## Check style, layout and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --offline --quiet .github

.PHONY: types
types: $(READY_DEV) ## Check the types
	$(BIN)/mypy --strict src

.PHONY: clean
clean: ## Remove all that these targets made: .venv, reports, caches
	rm -rf $(VENV) report build dist .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache .tox src/*.egg-info
	find src tests -name __pycache__ -prune -exec rm -rf {} +

# Without a stamp, what is in .venv is of unknown worth: start afresh. With one, bring it up to date.
$(READY): requirements.txt pyproject.toml
	@case "$(VERSION)" in 3.11|3.12|3.13) ;; *) \
	  echo "llm-claims needs Python 3.11 to 3.13, but $(PYTHON) is $(or $(VERSION),not there)." \
	       "Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1;; esac
	@echo "Setting up $(VENV) with Python $(VERSION): a minute or two, once."
	@$(PYTHON) -m venv $(if $(wildcard $@),,--clear) $(VENV)
	@rm -f $(VENV)/.ready-*
	@DS_BUILD_OPS=0 $(PIP) install -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(READY_DEV): $(READY) requirements-dev.txt
	@rm -f $@
	@$(PIP) install -r requirements-dev.txt
	@touch $@
