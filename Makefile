# OpenBracket: `make` lists what there is.
PYTHON ?= python3
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin


.DEFAULT_GOAL := help
.PHONY: help run demo dev test check check-clients check-slow fix migrate docs bench clean

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
	@$(BIN)/python -m pytest -m "not slow and not clients" -n 2 --cov --cov-report=term:skip-covered

check: $(VENV)/dev.stamp ## what every change must pass: style, types, imports, tests
	@$(BIN)/python -m scripts.check

check-clients: $(VENV)/dev.stamp ## the published openalgo clients, in environments of their own, against a real service
	@$(BIN)/python -m pytest -m clients

check-slow: $(VENV)/dev.stamp ## kill -9 at every point, and whatever else takes minutes
	@$(BIN)/python -m pytest -m slow

fix: $(VENV)/dev.stamp ## format, and mend what can be mended
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

migrate: $(VENV)/run.stamp .env ## bring the database to the newest form
	@$(BIN)/flask --app app db upgrade

docs: $(VENV)/dev.stamp ## write what the docs show of the code: state diagram, hard cases, error codes
	@$(BIN)/python -m scripts.diagram
	@$(BIN)/python -m scripts.hard_cases
	@$(BIN)/python -m scripts.error_codes

bench: $(VENV)/dev.stamp ## measure: placing, webhook, fill-to-stop, 10,000 open brackets
	@$(BIN)/python -m bench

clean: ## remove the virtual environments and caches, never data
	@rm -rf $(VENV) .venv-clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
