# Builds and checks what is deployed. The tools have environments of their own: their requirements conflict, and who
# only runs or tests the API need not wait for them.

CLOUD := $(VENV)/cloud
CHECKOV := $(VENV)/checkov
MINISTACK := $(VENV)/ministack
LAMBDA := $(VENV)/lambda
# Both have to be what template.yaml is deployed with (Architecture, Runtime).
FUNCTION_ARCHITECTURE ?= arm64
FUNCTION_PYTHON ?= 3.13
PACKAGE := build/functions-$(FUNCTION_ARCHITECTURE)-$(FUNCTION_PYTHON)
FUNCTIONS := ApiFunction CompletionFunction SweeperFunction RealtimeFunction
# For packages that run here: this machine's architecture, and the first of Lambda's Pythons that is installed.
HERE_ARCHITECTURE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
here-python = $(shell $(BIN)/python functions/interpreters.py 3.13 3.12 3.14 3.11)
PACKAGED = $(shell find contracts painting functions -name '*.py' -o -name '*.css') locks/functions.txt pyproject.toml

.PHONY: build-functions lint-template test-faults bench-functions cloud test-cloud test-cloud-ministack test-cloud-runtime \
	verify-all package-here lock-functions $(FUNCTIONS:%=build-%)

build-functions: $(PACKAGE).stamp ## build what Lambda runs, for its platform (FUNCTION_ARCHITECTURE, FUNCTION_PYTHON)

lint-template: $(CLOUD)/.ready $(CHECKOV)/.ready ## check template.yaml by sam, cfn-lint and checkov, offline
	@SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(CLOUD)/bin/sam validate --lint
	@$(CHECKOV)/bin/checkov --skip-download --quiet --compact --framework cloudformation --file template.yaml

test-faults: $(DEV) ## break AWS and kill processes at every call, and print how each job ended
	@$(BIN)/pytest --quiet tests/functions/aws/test_faults.py tests/functions/aws/test_fault_schedules.py \
		tests/functions/aws/test_sweep.py --fault-table

cloud: $(DEV) $(CLOUD)/.ready $(MINISTACK)/.ready ## deploy template.yaml into a cloud on this machine, and outpaint the sample photo there
	@$(BIN)/outpaint weights pull || echo "Going on without the weights." >&2
	@$(BIN)/python -m local_cloud outpaint

test-cloud: test-cloud-ministack test-cloud-runtime ## prove the contract on the deployed template, and on the built package under awslambdaric

test-cloud-ministack: $(DEV) $(CLOUD)/.ready $(MINISTACK)/.ready
	@$(BIN)/python -m local_cloud wire --on ministack

test-cloud-runtime: $(DEV) $(LAMBDA)/.ready package-here
	@$(BIN)/python -m local_cloud wire --on runtime

verify-all: $(DEV) $(CLOUD)/.ready $(MINISTACK)/.ready $(LAMBDA)/.ready package-here ## the same with Lambda's runtime client and ministack, which it installs
	@$(MAKE) --no-print-directory verify

# An older package must not be proven in place of this one.
verify: $(if $(wildcard $(LAMBDA)/.ready),package-here)

# For this machine, and for the Python that Lambda's runtime client is installed on.
package-here: $(DEV)
	@python="$(here-python)"; set -- $$python; \
	$(MAKE) --no-print-directory build-functions FUNCTION_ARCHITECTURE=$(HERE_ARCHITECTURE) FUNCTION_PYTHON=$$1

bench-functions: $(DEV) ## measure the functions beside a plain handler: cold starts, a large submit, the package (WRITE=1)
	@python="$(here-python)"; set -- $$python; \
	$(MAKE) --no-print-directory build-functions FUNCTION_ARCHITECTURE=$(HERE_ARCHITECTURE) FUNCTION_PYTHON=$$1 && \
	$(BIN)/python bench/functions --python $$1 $(if $(WRITE),--write)

lock-functions: $(BIN)/uv
	@$(LOCK) --upgrade --extra aws pyproject.toml -o locks/functions.txt
	@printf 'aws-sam-cli\ncfn-lint\n' | $(LOCK) --upgrade - -o locks/cloud.txt
	@echo 'checkov>=3.2.400' | $(LOCK) --upgrade - -o locks/checkov.txt
	@echo 'awslambdaric>=4.2' | $(LOCK) --upgrade - -o locks/lambda.txt
	@printf 'ministack>=1.5.33\naws-sam-translator\n' | $(LOCK) --upgrade - -o locks/ministack.txt

# What `sam build` calls, once for each function; they share one package.
$(FUNCTIONS:%=build-%): $(PACKAGE).stamp
	@cp -R $(PACKAGE)/. "$(ARTIFACTS_DIR)"

$(PACKAGE).stamp: $(PACKAGED) | $(BIN)/python
	@$(BIN)/python functions/package.py $(PACKAGE) --architecture $(FUNCTION_ARCHITECTURE) --python $(FUNCTION_PYTHON)
	@touch $@

$(CLOUD)/.ready $(CHECKOV)/.ready $(MINISTACK)/.ready: $(VENV)/%/.ready: locks/%.txt | $(BIN)/python
	@echo "Installing the tools of locks/$*.txt"
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(LOCKED) --requirement $<
	@touch $@

# This environment has the Python that Lambda runs, for its runtime client runs the built package.
$(LAMBDA)/.ready: locks/lambda.txt | $(BIN)/python
	@python="$(here-python)"; set -- $$python; \
	if [ -z "$$2" ]; then echo "error: Python 3.12 or 3.13, as Lambda has them, is needed" >&2; exit 1; fi; \
	echo "Installing Lambda's runtime client on Python $$1"; \
	"$$2" -m venv --clear $(LAMBDA)
	@$(LAMBDA)/bin/python -m pip install --quiet --disable-pip-version-check $(LOCKED) --requirement $<
	@touch $@
