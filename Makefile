# Every target is explained by `make help`, from the comment behind its name.
SHELL := bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATE := .coldstart
DEMO_DATA := $(STATE)/data/ml-100k
DEMO_MODEL := $(STATE)/models/ml-100k
PORT ?= 8000

# Some machines forbid Python to keep what it compiles. Without it, each process compiles thousands of modules again, and
# tests start many processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Explain every target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | awk -F '\t' '{printf "  make %-18s %s\n", $$1, $$2}'

$(VENV)/installed: requirements.lock pyproject.toml client/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
# --no-compile: Python compiles a module when it is first imported, and most installed modules never are.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --editable . --editable client
	@touch $@

$(VENV)/developing: requirements-dev.lock $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint requirements.lock --requirement requirements-dev.lock
	@touch $@

.PHONY: install
install: $(VENV)/installed ## Make the virtual environment in .venv with what training and serving need

.PHONY: develop
develop: $(VENV)/developing ## Add to it what tests, checks and benchmarks need

$(DEMO_DATA): | $(VENV)/installed
	$(BIN)/coldstart data fetch ml-100k --to $(STATE)/data

$(DEMO_MODEL)/manifest.json: | $(VENV)/installed $(DEMO_DATA)
	$(BIN)/coldstart train --data $(DEMO_DATA) --out $(DEMO_MODEL)

.PHONY: demo
demo: $(VENV)/installed $(DEMO_MODEL)/manifest.json ## Fetch MovieLens 100K, train, and serve it on 127.0.0.1:8000
	@printf '%s\n' '' 'Try, in another terminal:' \
		'  curl "http://127.0.0.1:$(PORT)/v1/candidates?n=5"' \
		'  curl -H "Content-Type: application/json" http://127.0.0.1:$(PORT)/v1/users/me/ratings \' \
		'       -d '"'"'{"ratings": [{"item_id": "50", "rating": 5}, {"item_id": "181", "rating": 5}]}'"'" \
		'  curl -X POST http://127.0.0.1:$(PORT)/v1/evaluations -H "Content-Type: application/json" -d "{}"' \
		'  and http://127.0.0.1:$(PORT) in a browser; Ctrl+C ends it.' ''
	$(BIN)/coldstart serve --model $(DEMO_MODEL) --data $(DEMO_DATA) --port $(PORT)

.PHONY: test
test: $(VENV)/developing ## Run the whole test suite
# A file's tests share its servers; the files that take long come first. There is a process for each core, so each
# computes in one thread.
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: bench-quality
bench-quality: $(VENV)/developing ## Measure all learners and baselines on the data sets in DATA (and OTHER); rewrites docs/results/quality.md, lists.md, new-items.md and rules.md
	$(BIN)/python -m benchmarks.quality --data $(DATA) $(if $(OTHER),--other $(OTHER))
	$(BIN)/python -m benchmarks.lists --data $(DATA) $(OTHER)
	$(BIN)/python -m benchmarks.new_items --data $(DATA)
	$(BIN)/python -m benchmarks.rules --data $(DATA)

.PHONY: bench-elicitation
bench-elicitation: $(VENV)/developing ## Measure all strategies of asking on the data sets in DATA (and OTHER), in PROCESSES processes, and with TIMES=1 how long they take; rewrites docs/results/elicitation.md
	$(BIN)/python -m benchmarks.elicitation --data $(DATA) $(OTHER) --processes $(or $(PROCESSES),1) $(if $(TIMES),--times)

.PHONY: shop-week
shop-week: $(VENV)/developing ## Simulate a week of a shop on the data set in DATA; rewrites docs/results/shop-week.md
	$(BIN)/python -m benchmarks.shop_week --data $(DATA)

.PHONY: bench-leaderboard
bench-leaderboard: $(VENV)/developing ## Compare all learners (or LEARNERS) on the data sets in DATA (and OTHER); rewrites docs/results/leaderboard
# Grocery has its schema in benchmarks/interactions.
	status=0; for data in $(DATA) $(OTHER); do \
		name=$$(basename $$data); schema=benchmarks/interactions/$$name.toml; \
		$(BIN)/coldstart compare --data $$data $$(test -f $$schema && echo --schema $$schema) --learners $(or $(LEARNERS),all) \
			--out docs/results/leaderboard/$$name --work $(STATE)/leaderboard || status=1; \
	done; exit $$status

.PHONY: bench
bench: $(VENV)/developing ## Measure speed on the data set in DATA; rewrites docs/results/speed.md
	$(BIN)/python -m benchmarks.speed --data $(DATA)

.PHONY: soak
soak: $(VENV)/developing ## Run ten minutes of mixed load on the data set in DATA, with PostgreSQL and Redis; rewrites docs/results/soak.md
	$(BIN)/python -m benchmarks.soak --data $(DATA)

.PHONY: pages
pages: $(VENV)/developing $(DEMO_MODEL)/manifest.json ## Take screenshots of the pages of the demo and time them (or of MODEL with DATA); rewrites docs/images and docs/results/pages.md
	$(BIN)/python -m benchmarks.pages --model $(or $(MODEL),$(DEMO_MODEL)) --data $(or $(DATA),$(DEMO_DATA))

.PHONY: report
report: $(VENV)/developing ## Evaluate MODEL on DATA; rewrites docs/results/evaluation.html and evaluation.json
	$(BIN)/coldstart evaluate --model $(MODEL) --data $(DATA) \
		--json docs/results/evaluation.json --html docs/results/evaluation.html

.PHONY: check
check: $(VENV)/developing ## Check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/developing ## Format the code and apply the fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The version of a wheel for one device ends with its name ("+cpu"). The locks must fit every machine, so the name is removed.
COMPILED = $(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--no-header --no-annotate --output-file - pyproject.toml $(1) | sed -E 's/\+[a-z0-9.]+$$//'

.PHONY: lock
lock: $(VENV)/developing ## Write requirements.lock and requirements-dev.lock from pyproject.toml
	@echo '# What training and serving need, and the image has: written by `make lock` from pyproject.toml.' > requirements.lock
	$(call COMPILED,--extra otel) >> requirements.lock
	@echo '# What tests, checks and benchmarks need beside requirements.lock: written by `make lock` from pyproject.toml.' > requirements-dev.lock
	$(call COMPILED,--extra otel --extra text --extra dev --extra bench --constraint requirements.lock) \
		| grep -vxFf requirements.lock >> requirements-dev.lock

.PHONY: secrets
secrets: .env ## Write .env with random passwords for docker compose, if there is no .env

.env:
	@(umask 077 && for name in POSTGRES_PASSWORD GRAFANA_PASSWORD; do \
		echo "$$name=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(24))')"; done > $@)

.PHONY: generator
generator: ## Install openapi-python-client and openapi-typescript, with which tests generate clients; apart, because one needs an older Typer
	$(PYTHON) -m venv $(STATE)/generator
	$(STATE)/generator/bin/python -m pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1
	npm install --prefix $(STATE)/generator --no-audit --no-fund --no-save --loglevel=error \
		openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3 @types/node@20.19.43

.PHONY: audit
audit: ## Look for known vulnerabilities of the pinned dependencies; also fails if one could not be looked up
	$(PYTHON) -m venv $(STATE)/audit
	$(STATE)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(STATE)/audit/bin/pip-audit --strict --disable-pip --no-deps --requirement requirements.lock --requirement requirements-dev.lock

.PHONY: clean
clean: ## Remove the virtual environment and everything the demo created
	rm -rf $(VENV) $(STATE)
