# Everything here sets up what it needs. `make` prints the targets.
PYTHON ?= python3
PORT ?= 8000
export DEPENDENCIES ?= locked
VENV := .venv
BIN := $(VENV)/bin

RESULTS := benchmarks/.cache/results
STORE_TESTS := $(addprefix tests/,storage migrations contract oracle crash events)
API_TESTS := $(addprefix tests/,graphql_api rest_api forwarding)
PYTEST := $(BIN)/pytest -q -n auto --dist worksteal
ON_POSTGRES := GQL_RELEASES_TEST_DATABASE=postgresql

.DEFAULT_GOAL := help
.PHONY: help setup graphiql run test test-sqlite test-postgres coverage e2e soak check schema migration released release bench
.PHONY: bench-check profile pictures wheel lock clean

help: ## print this
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

setup: $(VENV)/.setup graphiql ## make .venv/ with all that development needs, and build GraphiQL

graphiql: $(VENV)/.installed
	@$(BIN)/python graphiql/build.py

$(VENV)/.installed: pyproject.toml requirements/install.sh $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	@echo "Installing gql_releases into $(VENV) (a minute the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@bash requirements/install.sh run
	@touch $@

$(VENV)/.setup: $(VENV)/.installed
	@echo "Installing what development needs into $(VENV) (a minute the first time) ..."
	@bash requirements/install.sh dev
	@touch $@

run: $(VENV)/.installed graphiql ## serve the demo on PORT (8000) and print how to reach it
	@echo "Starting on port $(PORT) ..."
	@GQL_RELEASES_CORS_ORIGINS="$${GQL_RELEASES_CORS_ORIGINS:-http://localhost:*}" $(BIN)/gql-releases serve --demo --port $(PORT)

test: test-sqlite test-postgres ## run the tests on SQLite, and those of the store on PostgreSQL (5 minutes)

test-sqlite: setup ## the first half of `make test`
	@$(PYTEST) $(T)

test-postgres: setup ## its second half
	@$(ON_POSTGRES) $(PYTEST) $(or $(T),$(STORE_TESTS))

coverage: setup ## measure which lines the tests reach on SQLite; fails below the floor in pyproject.toml
	@$(PYTEST) --cov --cov-report=term:skip-covered $(T)

e2e: setup ## run the tests with a browser and npm's clients; installs what they need
	@bash tests/e2e/install.sh
	@$(BIN)/pytest -q -m e2e tests/e2e
	@$(ON_POSTGRES) $(BIN)/pytest -q -m e2e $(addprefix tests/e2e/,test_sentry_cli.py test_sourcemaps.py test_file_flows.py test_guide.py test_story.py)

soak: setup ## run what `make test` leaves out, too: full counts, and the tests of the APIs on PostgreSQL (hours)
	@GQL_RELEASES_SOAK=1 $(PYTEST) $(T)
	@GQL_RELEASES_SOAK=1 $(ON_POSTGRES) $(PYTEST) $(or $(T),$(STORE_TESTS) $(API_TESTS))
	@$(if $(T),,GQL_RELEASES_SOAK=1 $(MAKE) --no-print-directory e2e)

check: setup ## check format, lint, types, imports, schema changes
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python .ci/schema_changes.py

schema: setup ## print the GraphQL schema into schema.graphql
	@$(BIN)/gql-releases schema > schema.graphql

migration: setup ## write a migration from the declared tables: make migration m="what it does"
	@$(BIN)/python .ci/new_migration.py "$(m)"

released: schema ## mark schema.graphql as released
	@cp schema.graphql docs/released.graphql

release: schema check ## check changelog and version, then commit and tag a release
	@$(BIN)/python .ci/release.py

bench: setup ## measure beside a floor and other servers, on both databases (an hour); GROWTH=1 as the store grows
	@mkdir -p $(RESULTS)
	@$(BIN)/python benchmarks/run.py --database sqlite --json $(RESULTS)/sqlite.json $(ARGS)
	@$(BIN)/python benchmarks/run.py --database postgres --json $(RESULTS)/postgres.json $(ARGS)
	@$(BIN)/python benchmarks/imports.py --database sqlite --json $(RESULTS)/sqlite-import.json
	@$(BIN)/python benchmarks/imports.py --database postgres --json $(RESULTS)/postgres-import.json
	@$(BIN)/python benchmarks/workers.py
	@$(BIN)/python benchmarks/files.py --json $(RESULTS)/files.json
	@if [ -n "$(GROWTH)" ]; then for database in sqlite postgres; do \
	  $(BIN)/python benchmarks/growth.py --database $$database --json $(RESULTS)/$$database-growth.json || exit 1; done; fi
	@$(BIN)/python benchmarks/table.py $$(ls $(RESULTS)/*.json | grep -v files.json)

bench-check: setup ## run the benchmark on a tiny store and compare the servers' answers (3 minutes)
	@$(BIN)/pytest -q -m e2e tests/e2e/test_benchmarks.py

profile: setup ## show where the time of ITEM (Q2) goes, on DATABASE (sqlite)
	@$(BIN)/python benchmarks/profiling.py --item $(or $(ITEM),Q2) --database $(or $(DATABASE),sqlite) $(ARGS)

pictures: setup ## take the README's picture of GraphiQL with headless Chromium
	@$(BIN)/python .ci/pictures.py

wheel: setup ## build the wheel into dist/
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

lock: ## write the lock files requirements/*.txt; UPGRADE=1 for the newest versions
	@$(PYTHON) requirements/lock.py $(if $(UPGRADE),--upgrade)

clean: ## remove what was built
	@rm -rf $(VENV) .build-venv dist build graphiql/node_modules gql_releases/web/graphiql
