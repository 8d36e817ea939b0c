# Needs make and Python 3.11 or newer with venv. Everything else is fetched, by hash,
# into .venv: what Ordo needs to run for `make run`, the tests' tools beside it for
# `make test`. Nothing is fetched again until a lock changes.

PYTHON ?= python3
KILLS ?= 200
STORMS ?= 20
IMAGE ?= ordo
REQUESTS ?= 3000
JOBS ?= 3
UV := uv==0.13.8

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
FETCH := $(PIP) install --only-binary :all: --require-hashes

# A stamp is named after what was installed and where, so a changed lock, another branch
# or a moved directory asks for a new one, and a touched file does not.
RUN_INPUTS := pyproject.toml requirements.lock requirements-build.lock
key = $(shell { echo '$(CURDIR)'; cat $(1) 2>/dev/null; } | cksum | cut -d ' ' -f 1)
RUN_ENV := .venv/.run-$(call key,$(RUN_INPUTS))
TEST_ENV := .venv/.test-$(call key,$(RUN_INPUTS) requirements-test.lock)

export PYTHON
# The tests start hundreds of Pythons: none of them shall compile all anew, whatever the
# environment says.
export PYTHONDONTWRITEBYTECODE :=

.NOTPARALLEL:
.PHONY: help run test check-format lint types floors tests format coverage crash sim sweep mutants \
	bench soak fuzz tracking site reference pictures examples env sdk-env browser lock image image-test dist clean

help: ## print this
	@echo "make run and make test are all that is needed; the others are their parts."
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '%-16s%s\n' "$$name" "$$text"; done

run: $(RUN_ENV) ## start Ordo with three paper brokers (ARGS= goes to ordo demo)
	@$(BIN)/ordo demo $(ARGS)

test: $(TEST_ENV) sdk-env browser check-format lint types floors tests ## check everything

check-format: $(TEST_ENV) ## is every file as ruff formats it
	@echo "== format: is every file as ruff formats it"
	@$(BIN)/ruff format --check . || \
		{ echo "format: the files above are not; make format mends them" >&2; exit 1; }

lint: $(TEST_ENV) ## ruff's rules of pyproject.toml
	@echo "== lint: ruff's rules of pyproject.toml"
	@$(BIN)/ruff check . || \
		{ echo "lint: ruff found the above" >&2; exit 1; }

types: $(TEST_ENV) ## mypy --strict over ordo, actors, adapters, the SDK
	@echo "== types: mypy --strict over ordo, actors, adapters, the SDK"
	@$(BIN)/python -m mypy || \
		{ echo "types: mypy found the above" >&2; exit 1; }

floors: $(TEST_ENV) ## adapters <- actors <- ordo: imports point down only
	@echo "== floors: imports point down only, adapters <- actors <- ordo"
	@$(BIN)/python -m pytest tests/test_floors.py $(ARGS) || \
		{ echo "floors: a floor is broken, see above" >&2; exit 1; }

tests: $(TEST_ENV) ## all tests, JOBS=3 at a time (make tests ARGS='-k mailbox' JOBS=0)
	@echo "== tests: pytest, $(JOBS) at a time"
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

format: $(TEST_ENV) ## rewrite every file as ruff formats it, imports sorted
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

coverage: $(TEST_ENV) ## all tests, and the lines and branches that none of them took
	@$(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage report

crash: $(TEST_ENV) ## kill -9 a trading Ordo again and again (KILLS=200), storms
	@$(BIN)/python -m tests.crash --kills $(KILLS) $(ARGS)
	@$(BIN)/python -m tests.crash --storms $(STORMS)

soak: $(TEST_ENV) ## minutes of load, then twice too much (ARGS= goes to the soak)
	@$(BIN)/python -m tests.soak $(ARGS)

tracking: $(TEST_ENV) ## how soon changes of 10,000 open orders are told (ARGS= goes to it)
	@$(BIN)/python -m tests.tracking $(ARGS)

sim: $(TEST_ENV) ## simulate 2,000 seeds of faults and crashes (ARGS= goes to it)
	@$(BIN)/python -m tests.sim $(ARGS)

sweep: $(TEST_ENV) ## crash at every step of each scenario
	@$(BIN)/python -m tests.sim.sweep $(ARGS)

mutants: $(TEST_ENV) ## remove each safety rule in turn: some test must notice
	@$(BIN)/python -m tests.mutants $(ARGS)

fuzz: $(TEST_ENV) ## 3,000 generated requests at a real Ordo (REQUESTS=, ARGS='--seed N')
	@$(BIN)/python -m tests.fuzz --requests $(REQUESTS) $(ARGS)

bench: $(TEST_ENV) ## measure throughput and latency (ARGS= goes to the bench)
	@$(BIN)/python -m tests.bench $(ARGS)

site: $(TEST_ENV) ## build the docs as a site into build/site; a broken link fails
	@$(BIN)/python -m mkdocs build

reference: $(TEST_ENV) ## write docs/reference anew, out of the code
	@$(BIN)/python -m tests.reference

env: $(TEST_ENV) ## make .venv with everything for make test

sdk-env: ## the brokers' own SDKs, each in an environment of its own
	@for install in tests/sdk/*/install.sh; do \
		echo "== sdk-env: $$install"; sh "$$install" || exit 1; done

browser: ## install Debian's Chromium, where there is none: the pages' tests look by it
	@command -v chromium >/dev/null || { $(FETCH_CHROMIUM); } || \
		{ echo "browser: wanted the command chromium, found none, and could not install" \
			"it. On Debian, as root: apt-get install chromium" >&2; exit 1; }

APT := env DEBIAN_FRONTEND=noninteractive apt-get -qq
FETCH_CHROMIUM = echo "browser: installing chromium"; command -v apt-get >/dev/null && \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi && \
	$$sudo $(APT) update && \
	$$sudo $(APT) install -y --no-install-recommends chromium >/dev/null && \
	command -v chromium >/dev/null

pictures: $(TEST_ENV) browser ## take the docs' pictures of the pages anew
	@WRITE_PICTURES=1 $(BIN)/python -m pytest tests/browser/test_pictures.py

examples: $(TEST_ENV) ## write the OpenAPI document's examples anew, as Ordo answers
	@WRITE_EXAMPLES=1 $(BIN)/python -m pytest tests/ordo/http/test_examples.py

lock: .venv-lock/$(UV) ## pin what pyproject.toml allows (UPGRADE=1: the newest of it)
	@.venv-lock/bin/uv $(COMPILE) --output-file requirements.lock pyproject.toml
	@.venv-lock/bin/uv $(COMPILE) --output-file requirements-test.lock \
		--constraint requirements.lock --group test pyproject.toml
	@.venv-lock/bin/uv $(COMPILE) --output-file requirements-build.lock --group build
	@echo "lock: written; look at the difference before you commit it"

COMPILE = pip compile --quiet $(if $(UPGRADE),--upgrade) --universal \
	--fork-strategy fewest --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock'

image: ## build the container image (IMAGE=ordo, DOCKER=docker)
	@command -v $(or $(DOCKER),docker) >/dev/null || \
		{ echo "image: $(or $(DOCKER),docker) is not installed; another builder can be" \
			"named: make image DOCKER=podman" >&2; exit 1; }
	@$(or $(DOCKER),docker) build --tag $(IMAGE) .

image-test: $(TEST_ENV) ## build the image and try it (DOCKER=podman, or IMAGE_TOOL=)
	@$(BIN)/python -m tests.image $(ARGS)

dist: $(TEST_ENV) ## build sdists and wheels into dist/, install and try them
	@$(BIN)/python -m tests.distributions $(ARGS)

clean: ## remove environments and caches; ./var, where orders are, stays
	rm -rf .venv .venv-* build dist *.egg-info .coverage
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments

define CHECK_PYTHON
@command -v "$(PYTHON)" >/dev/null || \
	{ echo "make: $(PYTHON) is not installed." \
		"On Debian: apt install python3 python3-venv" >&2; exit 1; }
@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "make: Ordo needs Python 3.11 or newer, $(PYTHON) is" \
		"$$("$(PYTHON)" -V 2>&1)." \
		"Name a newer one: make run PYTHON=python3.13" >&2; exit 1; }
@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "make: $(PYTHON) cannot make environments: ensurepip is missing." \
		"On Debian: apt install python3-venv" >&2; exit 1; }
endef

# Made new only where there is none that works: colleagues may have more in theirs.
$(RUN_ENV):
	$(CHECK_PYTHON)
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' \
		2>/dev/null || \
		{ echo "env: making .venv"; rm -rf .venv; "$(PYTHON)" -m venv .venv; } || \
		{ rm -rf .venv; echo "env: cannot make .venv, see above" >&2; exit 1; }
	@rm -f .venv/.run-* .venv/.test-*
	@echo "env: fetching what Ordo needs to run (requirements.lock)"
	@$(FETCH) -r requirements-build.lock -r requirements.lock || $(FETCH_FAILED)
	@$(PIP) install --no-build-isolation --no-deps --editable . || \
		{ echo "env: Ordo itself cannot be installed, see above" >&2; exit 1; }
	@touch $@

$(TEST_ENV): $(RUN_ENV)
	@rm -f .venv/.test-*
	@echo "env: fetching the tests' tools (requirements-test.lock)"
	@$(FETCH) -r requirements-test.lock || $(FETCH_FAILED)
	@touch $@

FETCH_FAILED = { echo "env: not everything could be fetched, see above. Is the package" \
	"index reachable, or a mirror named in pip's configuration?" >&2; exit 1; }

.venv-lock/$(UV):
	$(CHECK_PYTHON)
	@echo "lock: fetching $(UV)"
	@rm -rf .venv-lock && "$(PYTHON)" -m venv .venv-lock
	@.venv-lock/bin/python -m pip -qq --disable-pip-version-check --no-input \
		install '$(UV)'
	@touch $@
