# The vocabulary: one verb a step. On a machine with git, make and Python >= 3.11 each verb sets itself up.
SHELL := bash
BASE ?=
SKIP ?=
# Imports of this stack take three times as long where Python may not keep its byte code.
unexport PYTHONDONTWRITEBYTECODE

TOOLS := $(CURDIR)/.tools
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),$(TOOLS)/bin/uv)
REMOTE := $(if $(DVC_REMOTE_URL),--group remote)
RUN := $(UV) run --frozen $(REMOTE)
MLOPS := $(RUN) mlops
COMPARE := $(if $(BASE),--base $(BASE)) $(addprefix --skip ,$(SKIP))
SETUP := setup $(if $(findstring deepchecks,$(SKIP)),,setup-deepchecks)

# Words of the command line arrive as they were typed: no `$` is make's, no quote is the shell's. Of the same names in the
# environment nothing is taken: there they mean something else.
typed = $(and $(filter command,$(firstword $(origin $(1)))),$(value $(1)))
given = $(if $(call typed,$(1)),--$(2)='$(subst ','\'',$(value $(1)))')
needed = $(or $(call typed,$(1)),$(error $(1)= is missing: make $(VERB) $($(VERB)-example)))

# Words of these verbs: a misspelt one would be left out in silence.
adopt-words := DATA TARGET PROTECTED TIME ID GROUP POSITIVE TASK BASE
promote-words := ENV STEP DIGEST ATTEST FORCE
rollback-words := ENV WHY DIGEST
evidence-words := ENV LABELS
guard-words := ENV
drift-words := AS_OF ANEW
retrain-words := AS_OF WHY ANEW
accept-drift-words := START END
adopt-needs := DATA TARGET
promote-needs := ENV
rollback-needs := ENV WHY
evidence-needs := ENV
adopt-example := DATA=file.csv TARGET=column
promote-example := ENV=prod
rollback-example := ENV=prod WHY='what you saw'
evidence-example := ENV=prod
VERB := $(firstword $(filter adopt promote rollback evidence guard drift accept-drift retrain,$(MAKECMDGOALS)))
ifneq ($(VERB),)
unexport $($(VERB)-words)
WORDS := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
UNKNOWN := $(strip $(filter-out $($(VERB)-words) UV DVC_REMOTE_URL,$(WORDS)))
$(if $(UNKNOWN),$(error make $(VERB) has no word $(UNKNOWN); it has $($(VERB)-words): mend it, or set a variable of the environment before `make`))
$(foreach name,$($(VERB)-needs),$(if $(call needed,$(name)),))
endif

.PHONY: status rehearse drift accept-drift retrain promote rollback evidence guard trace restore scan smoke manifests setup-kustomize setup-act image serve runs adopt doctor upgrade exp format help setup setup-deepchecks setup-monitor setup-actionlint pr test test-slow lint train compare search log push lock pin-cml

help: ## list the verbs
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

$(TOOLS)/bin/uv:
	python3 -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

setup: $(UV) ## make .venv from uv.lock
	@[ -d .venv ] || echo "setup: installing the environment, once (about 1.8 GB, the one that deepchecks needs included)"
	@$(UV) sync --frozen --quiet $(REMOTE)

setup-deepchecks: $(UV) ## make .venv-deepchecks, which deepchecks needs for itself
	@UV_PROJECT_ENVIRONMENT=.venv-deepchecks $(UV) sync --frozen --quiet --no-default-groups --group deepchecks

setup-monitor: $(UV) ## make .venv-monitor, with which `make drift` adds Evidently's own page
	@UV_PROJECT_ENVIRONMENT=.venv-monitor $(UV) sync --frozen --quiet --no-default-groups --group monitor

setup-actionlint: ## install actionlint into .tools/bin (needs Go; CI has it)
	GOBIN=$(TOOLS)/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

setup-kustomize: ## install kustomize into .tools/bin (needs Go; CI has it)
	GOBIN=$(TOOLS)/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2

setup-act: ## install act into .tools/bin (needs Go; CI has it)
	GOBIN=$(TOOLS)/bin go install github.com/nektos/act@v0.2.89

manifests: setup ## render every overlay, and hold it against the policy
	@$(MLOPS) manifests

pr: $(SETUP) ## the verdict: lint, pipeline, compare with main   [BASE=origin/main] [SKIP=deepchecks]
	@$(MLOPS) pr $(COMPARE)

test: setup ## the template's own tests
	@$(RUN) pytest -q -n auto --dist loadfile

test-slow: $(SETUP) ## the tests that take minutes
	@$(RUN) --group slow pytest -q -m "slow and not load" -n auto --dist loadfile
	@$(RUN) --group slow pytest -q -m load

rehearse: $(SETUP) $(foreach tool,act kustomize,$(if $(wildcard $(TOOLS)/bin/$(tool)),,setup-$(tool))) ## the whole loop on this machine, in ten minutes: workflows, registry, router, canary, drift, rollback   [WRITE=1]
	@PATH="$(TOOLS)/bin:$$PATH" REHEARSAL=$(if $(call typed,WRITE),write) $(RUN) pytest -q -s -m rehearsal tests/rehearsal

lint: setup ## ruff, zizmor, actionlint, hadolint
	@PATH="$(TOOLS)/bin:$$PATH" $(MLOPS) lint

format: setup ## mend what ruff can mend
	@$(RUN) ruff check --quiet --fix . || true
	@$(RUN) ruff format --quiet .

restore: setup ## the outputs that dvc.lock names, by their hashes, wherever they are
	@$(MLOPS) restore

train: $(SETUP) ## run the pipeline: what changed, and nothing else
	@$(MLOPS) repro

compare: setup ## the verdict on what the pipeline made   [BASE=origin/main] [SKIP=deepchecks]
	@$(MLOPS) compare $(COMPARE)

adopt: $(SETUP) ## your own table in, the sample out   DATA=file.csv TARGET=column [PROTECTED=a,b] [TIME=] [ID=] [GROUP=] [POSITIVE=] [TASK=] [BASE=]
	@$(MLOPS) adopt $(call given,DATA,data) $(call given,TARGET,target) $(call given,PROTECTED,protected) $(call given,TIME,time) \
	  $(call given,ID,id) $(call given,GROUP,group) $(call given,POSITIVE,positive) $(call given,TASK,task) $(call given,BASE,base)

exp: setup ## a DVC experiment with another value   SET=train.seed=1   (no SET: list them)
	@$(RUN) dvc exp $(if $(SET),run --set-param '$(SET)' evaluate,show --only-changed)

search: setup ## propose better params as a diff
	@$(MLOPS) search

log: setup ## one MLflow run of this lock, to MLFLOW_TRACKING_URI or mlruns.db
	@$(MLOPS) log

runs: setup ## browse MLflow's runs on this machine
	@$(RUN) mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlruns.db}"

serve: setup ## serve the current model   [PORT=8000] [PREDICTION_LOG=stdout]
	@GIT_COMMIT=$$(git rev-parse HEAD) $(RUN) python -m mlops.serve

image: setup ## build the image of the current model: build/image.tar and its digest   [BUILD=podman] [BASE_IMAGE=]
	@$(MLOPS) repro evaluate
	@$(MLOPS) image $(if $(BUILD),--tool $(BUILD)) $(if $(BASE_IMAGE),--base-image $(BASE_IMAGE))

smoke: setup ## run that image, and hold its answers against what was judged
	@$(MLOPS) smoke

scan: setup ## known holes in that image (needs trivy)
	@$(MLOPS) scan

promote: setup ## an environment's next step, as a diff of its overlay   ENV=prod [STEP=next] [DIGEST=] [ATTEST='what I saw'] [FORCE=reason]
	@$(MLOPS) promote $(call given,ENV,env) $(call given,STEP,step) $(call given,DIGEST,digest) $(call given,ATTEST,attest) $(call given,FORCE,force)

rollback: setup ## back: without the challenger, or after full the champion of before   ENV=prod WHY='what I saw' [DIGEST=]
	@$(MLOPS) rollback $(call given,ENV,env) $(call given,WHY,why) $(call given,DIGEST,digest)

evidence: setup ## what is known of the step that an environment is at   ENV=prod [LABELS=file.csv]
	@$(MLOPS) evidence $(call given,ENV,env) $(call given,LABELS,labels)

guard: setup ## is an open step beyond a limit?   [ENV=]
	@$(MLOPS) guard $(call given,ENV,env)

drift: setup ## have the rows changed since the champion was trained, and is it still good?   [AS_OF=2025-09-30] [ANEW=1]
	@$(MLOPS) drift $(call given,AS_OF,as-of) $(if $(call typed,ANEW),--anew)

accept-drift: setup ## hold new rows against newer ones from now on, as a diff of params.yaml   [START=2025-03 END=2025-05]
	@$(MLOPS) accept-drift $(call given,START,start) $(call given,END,end)

retrain: $(SETUP) ## train a challenger on newer months, and prepare its branch where it is better   [AS_OF=2026-11-22] [WHY='what for'] [ANEW=1]
	@$(MLOPS) retrain $(call given,AS_OF,as-of) $(call given,WHY,why) $(if $(call typed,ANEW),--anew true)

status: setup ## what runs where, since when; what is open; the last drift line
	@$(MLOPS) status

trace: setup ## from an image, request or environment back to commit, data and verdict   WHAT=prod [LOG=] [REPOSITORY=]
	@$(MLOPS) trace '$(subst ','\'',$(or $(call typed,WHAT),$(error WHAT= is missing: make trace WHAT=prod)))' $(call given,LOG,log) $(call given,REPOSITORY,repository)

doctor: setup ## is this copy set up? what is missing, with the click or command
	@$(MLOPS) doctor

upgrade: setup ## merge a newer template; your room stays   [URL=] [REF=main] [FROM=commit]
	@$(MLOPS) upgrade $(call given,URL,url) $(call given,REF,ref) $(call given,FROM,from)

push: setup ## send the outputs to the store DVC_REMOTE_URL
	@$(MLOPS) push

lock: setup ## take dvc.lock and metrics.json from CI   PR=<number>
	@$(MLOPS) lock --pr $(or $(PR),$(error PR= is missing: make lock PR=12))

pin-cml: setup ## keep the sha256 of CML's program in .github/cml.sha256
	@$(MLOPS) pin-cml
