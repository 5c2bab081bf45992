# Wellhouse: every target is one line, the work is in `wellhouse …` and in tests/.
.PHONY: help sbom audit-dependencies backup restore-drill bench-risk up down status logs clean test test-faults lint format bench install install-test \
	test-unit test-integration test-dbt test-dags test-superset test-security test-e2e

BIN := .venv-pipeline/bin
WELLHOUSE := $(BIN)/wellhouse
PYTEST := $(BIN)/pytest -p no:cacheprovider
# Two processes, each with a throwaway installation and kinds of its own (tests/conftest.py).
HEAVY := integration dags dbt superset security e2e

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

up: install ## Install, start everything, load the sample through the DAGs, say where to log in
	@$(WELLHOUSE) ops up

down: ## Stop everything and wait for it
	@[ ! -x $(WELLHOUSE) ] || $(WELLHOUSE) ops down

status: ## Health of each service, freshness of each mart; fails if any is unhealthy
	@[ -x $(WELLHOUSE) ] || { echo 'nothing is installed yet: make up' >&2; exit 1; }
	@$(WELLHOUSE) ops status $(if $(JSON),--json)

logs: ## Follow the logs
	@$(WELLHOUSE) ops logs

clean: ## Stop everything and remove var/ with its data and keys
	@if [ -x $(WELLHOUSE) ]; then $(WELLHOUSE) ops clean; else rm -rf var; fi

backup: ## Back up database, keystore and files into both repositories
	@$(WELLHOUSE) backup run

restore-drill: ## Restore both repositories beside the running cluster and compare every table
	@$(WELLHOUSE) restore drill

test: test-unit test-heavy ## Every test, on throwaway services and ports

test-unit: install-test
	$(PYTEST) -n 2 tests/unit

.PHONY: test-heavy
test-heavy: install-test
	$(PYTEST) -n 2 --dist loadscope $(addprefix tests/,$(HEAVY))

$(addprefix test-,$(HEAVY)): test-%: install-test
	$(PYTEST) tests/$*

test-faults: install-test ## Fault drills and the long versions of other tests; KILLS=100 for the longest; not part of make test
	KILLS=$(or $(KILLS),10) $(PYTEST) -rP tests/faults

lint: install-test sbom ## ruff, mypy, import-linter, sqlfluff; the bill of materials
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project/models

sbom: ## What the product is made of, with checksums, as CycloneDX: var/sbom/*.json
	@infra/sbom.sh

audit-dependencies: install-test ## Known vulnerabilities of what is locked; says so where it cannot ask
	@infra/audit_dependencies.sh

format: install-test ## Let ruff put the Python in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install-test ## Every benchmark; results in var/bench/*.json; BENCH_OBSERVATIONS=, BENCH_FILE_MB=5000 … size them
	$(BIN)/python -m tests.benchmarks.run

bench-risk: install-test ## Validate the survival benchmarks and our models; writes the tables of docs/risk_models.md
	$(BIN)/python -m models.report

install:
	@infra/install.sh

install-test:
	@infra/install.sh --test
