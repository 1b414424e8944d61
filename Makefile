# Every command a developer or user types. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url $(if $(UPGRADE),--upgrade) \
	--custom-compile-command "make lock"

# Images of Python often set it: no process would find byte code on disk, and each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

LOAD_OPTIONS = $(if $(PREFIX),--prefix "$(PREFIX)") $(if $(REPLACE),--replace)

.PHONY: help setup demo up down status load env test clients analyze reference lint bench proof questions googlesql mutants fuzz simulate histories chaos matrix secrets container-engine compose-test wheels templates generate agent-lists vendored advisories screenshots lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/; s/\$$\$$/$$/' | expand -t 12

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 14) else \
		f"logline needs Python 3.11 to 3.14, {sys.executable} is {v[0]}.{v[1]}: run make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing the locked packages into $(VENV) ..."
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes --requirement requirements/dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(VENV)/.installed  ## install the locked packages into .venv

demo: setup  ## three days of logs and a live minute through the whole pipeline (LOGS=path: your own files alone)
	@$(BIN)/python -m local_stack.demo $(if $(LOGS),--logs "$(LOGS)")

up: setup  ## start the local stack: BigQuery, Cloud Storage, Pub/Sub, Dataflow emulators and Airflow
	@$(BIN)/python -m local_stack up

down: setup  ## stop the local stack; its data stays in .local (make clean deletes it)
	@$(BIN)/python -m local_stack down

status: setup  ## which parts of the local stack run, and where
	@$(BIN)/python -m local_stack status || test $$? -ge 3

load: setup  ## your log files into the running stack and its tables: LOGS=path (PREFIX=folder REPLACE=1)
	@test -n "$(LOGS)" || { echo 'LOGS is not set: make load LOGS=path/to/access.log' >&2; exit 2; }
	@$(BIN)/python -m logline_cli load --backfill $(LOAD_OPTIONS) -- $(LOGS)

env:  ## print the exports that point a shell at the local stack: eval "$$(make -s env)"
	@$(BIN)/python -m local_stack env

OF_UNIT_SESSION := chaos clients histories simulation unit
# Four sessions, since the tests of each wait for much of their time; what each would compile is compiled before them.
test: setup  ## all tests: SQL and DAG policy; beside them unit, chaos, clients and histories, integration, and end to end through Airflow
	@mkdir -p -m 700 .local
	@$(BIN)/python -m beam_jobs.preload
	@$(BIN)/python -m pytest -m e2e > .local/e2e.log 2>&1 & e2e=$$!; \
	$(BIN)/python -m pytest -m "not e2e" tests/integration > .local/integration.log 2>&1 & integration=$$!; \
	$(BIN)/python -m pytest -m "not e2e" $(addprefix tests/,$(OF_UNIT_SESSION)) > .local/unit.log 2>&1 & unit=$$!; \
	trap 'kill -INT $$e2e $$integration $$unit 2>/dev/null' INT TERM; \
	$(BIN)/python -m pytest -m "not e2e" --ignore=tests/integration $(foreach folder,$(OF_UNIT_SESSION),--ignore=tests/$(folder)); failed=$$?; \
	for session in integration unit e2e; do \
		wait $${!session}; failed=$$((failed + $$?)); cat .local/$$session.log; done; \
	exit $$failed

.local/venvs/%/.installed: requirements/%.txt
	@mkdir -p -m 700 .local
	@$(BIN)/python -m venv --without-pip .local/venvs/$*
	@echo "Installing the locked packages of $< into .local/venvs/$* ..."
	@VIRTUAL_ENV=.local/venvs/$* $(BIN)/uv pip install --quiet --require-hashes --requirement $<
	@touch $@

.local/node/.installed: tests/clients/node/package-lock.json
	@mkdir -p -m 700 .local && mkdir -p .local/node && cp tests/clients/node/package*.json .local/node/
	@echo "Installing the locked packages of tests/clients/node into .local/node ..."
	@npm ci --prefix .local/node --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clients: setup .local/venvs/clients/.installed .local/venvs/dbt/.installed $(if $(shell command -v npm),.local/node/.installed)  ## what bq, gcloud, dbt, pandas-gbq and others can do here: runs all of it, writes docs/clients.md
	@$(BIN)/python -m tests.clients.table

lint: setup  ## ruff (with Airflow's rules), mypy, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=.:plugins $(BIN)/lint-imports

analyze: setup  ## the list of GoogleSQL's analyzer: every statement with each kind of settings, and its complaints
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.sql.analyzer

reference: setup  ## statements of dags/sql by the local BigQuery and by Google's reference implementation: the same rows (NAMES=tests/sql/test_land.py)
	@REFERENCE=1 $(BIN)/python -m pytest $(or $(NAMES),tests/sql/test_reference.py)

bench: setup $(if $(filter rivals,$(or $(NAMES),rivals)),.local/venvs/rivals/.installed)  ## benchmarks, each beside what a user would pick instead (NAMES="parser day" for some, SECONDS=3600 for soak)
	$(if $(SECONDS),SOAK_SECONDS=$(SECONDS)) PYTHONPATH=.:plugins $(BIN)/python -m benchmarks $(NAMES)

proof: setup  ## every figure of every summary against plain Python and GoAccess: PROOF_LINES=1000000 generated, as many of a site, REAL_LOGS_DIR
	PROOF_LINES=$(or $(PROOF_LINES),1000000) $(BIN)/python -m pytest tests/sql/test_independent_figures.py tests/sql/test_sequences.py \
		-k "generated_days or site_days or real_days or plain_python" --timeout=7200

questions: setup  ## what analysts ask, of docs/analysts.md, asked of a log of yours: LOGS=path
	@test -n "$(LOGS)" || { echo 'LOGS is not set: make questions LOGS=path/to/access.log' >&2; exit 2; }
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.sql.questions "$(LOGS)"

googlesql: setup  ## functions and operators by the local BigQuery and by Google's reference implementation, into docs/googlesql.md: AREAS="times json" MOST=60
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.integration.emulators.googlesql $(AREAS) --most $(or $(MOST),20)

mutants: setup  ## takes guards back, one at a time, and shows that a test fails (WORDS="BigQuery A3" for some)
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.mutants $(WORDS)

fuzz: setup  ## look for bytes that the parser reads wrongly, for SECONDS=600 or in LINES=100000000 mutated lines (resumes)
	$(BIN)/python -m $(if $(LINES),tests.fuzz.volume --lines $(LINES),tests.fuzz -max_total_time=$(or $(SECONDS),600))

simulate: setup  ## stream or backfill (SIDE=backfill) in a simulated world with seeded faults: SEEDS=10000 FIRST=0, SEED=7 for one
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.simulation --side $(or $(SIDE),stream) \
		$(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),10000) --first $(or $(FIRST),0))

histories: setup  ## random histories of the bucket and of runs, tasks killed at any moment, against an oracle: N=300
	HISTORIES=$(or $(N),300) $(BIN)/python -m pytest tests/histories

chaos: setup  ## a stack of its own under seeded kills, freezes, full disks and bad links, against an oracle: MINUTES=60 SEED=7
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.chaos.outside --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

matrix: setup  ## which format's reader reads spoilt lines of which other format, and what it says of them
	$(BIN)/python -m tests.unit.beam_jobs.access_log.cross_matrix

secrets:  ## write .env for docker-compose.yaml: profiles and generated secrets
	@$(PYTHON) tools/make_secrets.py

container-engine: setup
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.compose --find-engine

compose-test: setup  ## docker-compose.yaml for real: same tables as here, every container killed, down and up
	@PYTHONPATH=.:plugins $(BIN)/python -m tests.compose

wheels: setup  ## the emulators of Pub/Sub and Dataflow as distributions of their own, into dist/
	@for package in packages/*/; do \
		$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist $$package || exit; done
	@ls dist/*.whl

templates: setup  ## images and Flex Template specs of the Dataflow jobs (PUSH=1 pushes, BUILD_OPTIONS="...")
	@PYTHONPATH=.:plugins $(BIN)/python tools/build_templates.py $(if $(PUSH),--push) -- $(BUILD_OPTIONS)

generate: setup  ## what is made from code: pages of docs, metadata of the job templates
	@for tool in job_templates settings_page dags_page tables_page data_contracts; do \
		PYTHONPATH=.:plugins $(BIN)/python -m tools.$$tool || exit; done

agent-lists: setup  ## fetch the lists of agents and of their addresses anew
	@$(BIN)/python -m tools.agent_lists

vendored: setup  ## the page's chart library from the npm registry, VERSION of it or the newest
	@PYTHONPATH=.:plugins $(BIN)/python -m tools.vendored $(VERSION)

advisories: setup  ## locked versions that PyPA's advisories name: DATABASE=clone of github.com/pypa/advisory-database
	@$(BIN)/python -m tools.advisories "$(DATABASE)"

screenshots: setup  ## the pictures of docs/images, taken with chromium from a stack of their own
	@PYTHONPATH=.:plugins $(BIN)/python -m tools.screenshots

lock: setup  ## resolve requirements/*.in into hashed locks (UPGRADE=1: to the newest versions)
	$(LOCK) requirements/dev.in --output-file requirements/dev.txt
	for name in airflow beam emulators; do \
		override=""; test $$name = airflow && override="--override requirements/airflow-overrides.txt"; \
		$(LOCK) $$override --constraints requirements/dev.txt requirements/$$name.in --output-file requirements/$$name.txt; done
	$(LOCK) --constraints requirements/dev.txt requirements/clients.in --output-file requirements/clients.txt
	for name in dbt rivals; do $(LOCK) requirements/$$name.in --output-file requirements/$$name.txt; done
	npm install --prefix tests/clients/node --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean: down  ## stop the local stack and delete its data
	rm -rf .local
