# OpenBracket: `make` lists what there is.
PYTHON ?= python3
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin


.DEFAULT_GOAL := help
.PHONY: help run demo dev test check check-clients check-browser check-slow screenshots vendor simulate simulate-ci mutants fix migrate docs bench bench-cluster audit cluster-up cluster-down storm clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/run.stamp: requirements.txt
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements.txt requirements-dev.txt
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $(VENV)/run.stamp $@

.env: | $(VENV)/run.stamp
	@$(BIN)/python -m scripts.setup env

run: $(VENV)/run.stamp .env ## set up what is missing and serve http://127.0.0.1:$(PORT)
	@$(BIN)/python -m scripts.setup database
	@PORT=$(PORT) exec $(BIN)/gunicorn -c gunicorn.conf.py 'app:main()'

demo: $(VENV)/run.stamp ## one bracket from request to target on the paper market, told as it happens
	@$(BIN)/python -m scripts.demo

dev: $(VENV)/dev.stamp ## install the tools of the checks too

test: $(VENV)/dev.stamp ## all tests but the slow ones
	@$(BIN)/python -m pytest -m "not slow and not clients and not browser" -n 3 --dist worksteal --cov --cov-report=term:skip-covered

check: $(VENV)/dev.stamp ## what every change must pass: style, types, imports, the official kiteconnect at its simulator, tests
	@$(BIN)/python -m scripts.check

check-clients: $(VENV)/dev.stamp ## published clients in environments of their own: openalgo at the service and at a simulated server, dhanhq, fyers-apiv3, smartapi-python, upstox-python-sdk and alpaca-py at their simulators
	@$(BIN)/python -m pytest -m clients tests/clients --ignore tests/clients/test_kiteconnect_client.py -n 2 --dist loadfile

check-browser: $(VENV)/dev.stamp ## the dashboard in Debian's chromium, over the real service
	@$(BIN)/python -m pytest -m browser tests/browser -n 2 --dist loadfile

screenshots: $(VENV)/dev.stamp ## a picture of every screen into docs/screenshots
	@$(BIN)/python -m tests.browser.screenshots

vendor: $(VENV)/dev.stamp ## fetch what the dashboard vendors anew, from the npm registry by exact version
	@$(BIN)/python -m scripts.vendor

check-slow: $(VENV)/dev.stamp ## kill -9 at every point, and whatever else takes minutes
	@$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder

fix: $(VENV)/dev.stamp ## format, and mend what can be mended
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

WORLDS ?= 1000
SEED ?= 1
simulate: $(VENV)/dev.stamp ## play WORLDS=n seeded worlds of SEED=s with faults and kills; REPLAY=seed, SHRINK=seed NAME=name
ifdef REPLAY
	@$(BIN)/python -m worlds --replay $(REPLAY)
else ifdef SHRINK
	@$(BIN)/python -m worlds --shrink $(SHRINK) --name "$(NAME)"
else
	@$(BIN)/python -m worlds --worlds $(WORLDS) --seed $(SEED)
endif

audit: $(VENV)/dev.stamp ## what the advisory database knows of every installed package; without an answer it fails as NOT CHECKED
	@$(BIN)/python -m scripts.audit

simulate-ci: $(VENV)/dev.stamp ## a fixed set of worlds, at most three minutes
	@$(BIN)/python -m worlds --worlds 600 --seed 1

mutants: $(VENV)/dev.stamp ## bugs put in on purpose: each must be caught by a world
	@$(BIN)/python -m worlds mutants

migrate: $(VENV)/run.stamp .env ## bring the database to the newest form
	@$(BIN)/flask --app app db upgrade

docs: $(VENV)/dev.stamp ## write what the docs show of the code: moves, hard cases, faults, error codes, brokers
	@$(BIN)/python -m scripts.diagram
	@$(BIN)/python -m scripts.faults
	@$(BIN)/python -m scripts.hard_cases
	@$(BIN)/python -m scripts.error_codes
	@$(BIN)/python -m scripts.broker_matrix

bench: $(VENV)/dev.stamp ## measure: placing, webhook, fill-to-stop, 10,000 open brackets, the board
	@$(BIN)/python -m bench

bench-cluster: $(VENV)/dev.stamp ## measure the cluster: 1, 2, 4 workers; many accounts; a dead worker's accounts (ACCOUNTS=n BRACKETS=m)
	@$(BIN)/python -m bench --cluster $(if $(ACCOUNTS),--accounts $(ACCOUNTS)) $(if $(BRACKETS),--brackets $(BRACKETS))

RUNS ?= 1
storm: $(VENV)/dev.stamp ## RUNS=n storms over a cluster from SEED=s on: kills, freezes, restarts, a cut link; judged by the exchange's books
	@$(BIN)/python -m tests.cluster.storm --runs $(RUNS) --seed $(SEED)

cluster-up: $(VENV)/run.stamp ## PostgreSQL, RabbitMQ, Redis, two web processes, two workers, one of side jobs, here
	@$(BIN)/python -m scripts.cluster up

cluster-down: $(VENV)/run.stamp ## end what cluster-up started
	@$(BIN)/python -m scripts.cluster down

clean: ## remove the virtual environments and caches, never data
	@rm -rf $(VENV) .venv-clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
