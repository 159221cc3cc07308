# Every command there is. `make` alone lists them.

SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
TOOL := $(TARGET)/release/iamwatch
# The same tool with S3, as the tests run it.
S3_TOOL := $(TARGET)/debug/iamwatch
# Cargo chooses the features of a dependency by the packages it is asked for. Each command that builds for the tests
# asks for all of them, and then takes only the programs it wants: every dependency is built once.
ALL := --locked --workspace --features iamwatch-cli/s3
# What the tests need besides Rust goes here; git ignores it.
TOOLS := .tools
PYTHON := $(TOOLS)/python
AWS := $(TOOLS)/aws
CHECKOV := $(TOOLS)/checkov
BROWSER := $(TOOLS)/browser
UV := $(TOOLS)/uv/bin/uv
# The processor of the functions, as Lambda and Rust name it.
ARCH ?= arm64
# That of this machine, on which the tests run the functions.
OWN_ARCH := $(patsubst aarch64,arm64,$(shell uname -m))
RUST_TARGET = $(patsubst arm64,aarch64,$(ARCH))-unknown-linux-gnu
# Where template.yaml looks for the functions, whatever CARGO_TARGET_DIR says.
LAMBDA_DIR := target/lambda
# One folder, one binary, one function.
FUNCTIONS := $(filter-out cli,$(notdir $(wildcard functions/*)))
# All functions at the same time, so that the AWS SDK is built once for all of them.
LAMBDA_BUILD = PATH="$(CURDIR)/$(AWS)/bin:$$PATH" cargo lambda build --locked --release \
	$(FUNCTIONS:%=--package iamwatch-%) --target $(RUST_TARGET) --skip-target-check
# Where `make bench` keeps what is measured and never deployed.
BENCH_DIR := target/bench
SPEED = cargo bench --locked -p iamwatch-tests --bench speed --
STACK ?=
BUCKET ?=
PARAMETERS ?=
S3_BUCKET ?=
YES ?=
FROM ?=
TO ?=
ACCOUNTS ?=
REGIONS ?=
NOTIFY ?=
DRY_RUN ?=
AGAIN ?=
# What is not empty is yes; sound-DRY_RUN and sound-AGAIN refuse what might mean no.
is-yes = $(strip $($(1)))
# They may hold spaces and quotes, so recipes read them from the environment.
export STACK BUCKET PARAMETERS FROM TO ACCOUNTS REGIONS NOTIFY DRY_RUN AGAIN
export SAM_CLI_TELEMETRY := 0
SECONDS ?= 60
FILES ?= 100000
BENCH ?=
# Which runs of `make test-faults`: all, or "SCENARIO/POINT/FAULT --show".
FAULTS ?=
# Where the tests find what `make` has built and installed.
# Most tests wait most of the time, so there are more of them at the same time than processors.
TEST_ENVIRONMENT = RUST_TEST_THREADS=8 IAMWATCH_PYTHON="$(CURDIR)/$(PYTHON)/bin/python" IAMWATCH_SAM="$(CURDIR)/$(AWS)/bin/sam" \
	IAMWATCH_FUNCTIONS="$(CURDIR)/$(LAMBDA_DIR)" IAMWATCH_BROWSER="$(CURDIR)/$(BROWSER)" \
	IAMWATCH_CLI="$(abspath $(TOOL))" IAMWATCH_S3_CLI="$(abspath $(S3_TOOL))"

help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build the command line tool and show the mails that a bundled sample of log files and a credential report would cause
	cargo build --locked --release -p iamwatch-cli
	@echo "One of the sample's log files is cut short, so that you see how that is told; hence exit status 2."
	$(TOOL) sign-in tests/fixtures/sample || test $$? -eq 2
	@echo "And the mail about the credential report of the same evening."
	$(TOOL) credential-report tests/fixtures/sample-credential-report.csv --now 2026-04-01T16:00:00Z

cli: ## Build the command line tool with S3: it reads s3://BUCKET/PREFIX with the credentials of whoever runs it
	cargo build --locked --release -p iamwatch-cli --features s3

build: $(AWS)/ready ## Build the command line tool for this machine and the functions for Lambda, ARCH=arm64 or x86_64
	@case "$(ARCH)" in arm64|x86_64) ;; *) echo 'ARCH is "$(ARCH)"; it must be arm64 or x86_64' >&2; exit 1 ;; esac
	cargo build --locked --release -p iamwatch-cli
	@if ! test -d "$$("$${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$(RUST_TARGET)"; then \
		echo "Rust's library for $(ARCH) is not installed. Get it with" >&2; \
		echo "  rustup target add $(RUST_TARGET)" >&2; \
		echo "or build for the other processor: make $(MAKECMDGOALS) ARCH=$(if $(filter arm64,$(ARCH)),x86_64,arm64)" >&2; \
		exit 1; \
	fi
	rm -rf $(LAMBDA_DIR)
	$(LAMBDA_BUILD) --lambda-dir "$(CURDIR)/$(LAMBDA_DIR)"
	@python3 deploy/binaries.py $(ARCH) $(LAMBDA_DIR)

test: $(PYTHON)/ready $(AWS)/ready $(BROWSER) ## Run every test; builds the functions for this machine and installs what is needed into .tools first
	$(MAKE) build ARCH=$(OWN_ARCH)
	$(MAKE) test-programs
	$(TEST_ENVIRONMENT) cargo test $(ALL)

test-faults: $(AWS)/ready ## Let every AWS call of the functions fail in every way, then flood them: nothing may be lost or told twice
	$(MAKE) build ARCH=$(OWN_ARCH)
	$(TEST_ENVIRONMENT) cargo test $(ALL) --test faults -- $(FAULTS)
	$(if $(FAULTS),,$(TEST_ENVIRONMENT) cargo test $(ALL) --test load)

test-long: ## Compare the scan with a full parse over FILES=100000 hostile files, and as many broken ones
	IAMWATCH_SCAN_FILES=$(FILES) cargo test --locked --release -p iamwatch-tests --test log_files scan

lint: $(AWS)/ready $(CHECKOV)/ready ## Check the format, clippy and rustdoc with warnings as errors, what knows what, and the templates
	cargo fmt --all --check
	cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
	cargo metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
	cargo clippy $(ALL) --all-targets --test faults --test load -- -D warnings
	cargo clippy --locked --workspace --bin iamwatch -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --lib --bins --examples --no-deps --document-private-items
	@for package in shared iamwatch-cli; do \
		tree=$$(cargo tree --locked -p $$package -e normal --prefix none) || exit 1; \
		if echo "$$tree" | grep -E '^(aws|tokio|lambda)[-_a-z0-9]* '; then \
			echo "$$package must know neither AWS nor tokio, but depends on the above" >&2; exit 1; \
		fi; \
	done
	$(AWS)/bin/sam validate --lint --region us-east-1 --template template.yaml
	$(AWS)/bin/cfn-lint template.yaml deploy/member-role.yaml
	CKV_SKIP_PACKAGE_UPDATE_CHECK=true $(CHECKOV)/bin/checkov --file template.yaml deploy/member-role.yaml --framework cloudformation \
		--skip-download --quiet --compact

deploy: need-STACK sound-PARAMETERS build ## Build, then create or update the stack STACK=name [ARCH=] [PARAMETERS="Email=a@example.com ..."] [S3_BUCKET=]
	@python3 deploy/binaries.py $(ARCH) $(LAMBDA_DIR) >/dev/null
	$(AWS)/bin/sam deploy --template template.yaml --stack-name "$$STACK" --capabilities CAPABILITY_IAM \
		--no-fail-on-empty-changeset $(if $(S3_BUCKET),--s3-bucket $(S3_BUCKET),--resolve-s3) \
		--no-confirm-changeset --parameter-overrides "Architecture=$(ARCH) $$PARAMETERS"

attach: need-BUCKET $(AWS)/ready ## Let the bucket BUCKET=name of log files send its events to EventBridge; shows the change and asks
	@$(AWS)/bin/python deploy/attach.py $(if $(YES),--yes) "$$BUCKET"

check: need-STACK $(AWS)/ready ## Look whether the stack STACK=name works, and have each function publish a mail marked TEST
	@$(AWS)/bin/python deploy/check.py "$$STACK"

backfill: need-STACK need-FROM need-TO sound-DRY_RUN sound-AGAIN $(AWS)/ready ## Read past log files: STACK= FROM=2026-01-01 TO=2026-03-31 [ACCOUNTS=] [REGIONS=] [NOTIFY=none] [DRY_RUN=1] [AGAIN=1]
	@$(AWS)/bin/python deploy/backfill.py "$$STACK" "$$FROM" "$$TO" --accounts "$$ACCOUNTS" --regions "$$REGIONS" \
		--notify "$$NOTIFY" $(if $(call is-yes,DRY_RUN),--dry-run) $(if $(call is-yes,AGAIN),--again)

remove: need-STACK $(AWS)/ready ## Delete the stack STACK=name; log files, state and the log stay
	@$(AWS)/bin/python deploy/retained.py "$$STACK"
	$(AWS)/bin/sam delete --stack-name "$$STACK" $(if $(YES),--no-prompts)

local: $(PYTHON)/ready $(AWS)/ready ## Deploy into an emulated AWS on this machine, and show each mail, until Ctrl-C
	$(MAKE) build ARCH=$(OWN_ARCH)
	cargo build $(ALL) --quiet --example local
	$(TEST_ENVIRONMENT) $(TARGET)/debug/examples/local

bench: ## Time the functions' start, iamwatch against gunzip alone, over a large credential report and from S3; findings are confirmed
	$(MAKE) build ARCH=$(OWN_ARCH)
	$(MAKE) bench-reader ARCH=$(OWN_ARCH)
	$(SPEED) cold-start --functions "$(CURDIR)/$(LAMBDA_DIR)" $(BENCH)
	$(SPEED) credential-report --tool $(TOOL) $(BENCH)
	$(SPEED) scan --tool $(TOOL) $(BENCH)
	$(SPEED) backfill --reader "$(CURDIR)/$(BENCH_DIR)/reader/bootstrap" $(BENCH)

fuzz: ## Fuzz what reads untrusted bytes, SECONDS=60 in all; needs a nightly toolchain
	tests/fuzz/run.sh $(SECONDS)

docs: ## Write the parts of README and docs/ that are made from the code; needs neither the AWS SDK nor Python
	cargo run --locked --quiet -p shared --example docs

tools: $(PYTHON)/ready $(AWS)/ready $(CHECKOV)/ready $(BROWSER) ## Install what the tests need besides Rust into .tools; other commands do so when they need it

bless: $(PYTHON)/ready ## Accept changed mails, tables and help texts as they are now; then read the diff
	cargo build --locked --release -p iamwatch-cli
	cargo build $(ALL) --bin iamwatch
	EXPECTORATE=overwrite $(TEST_ENVIRONMENT) cargo test $(ALL) --test command_line --test output --test repository

clean: ## Remove what was built and installed here
	cargo clean
	rm -rf $(TOOLS)

bench-reader: $(AWS)/ready
	$(LAMBDA_BUILD) --package iamwatch-bench-reader --lambda-dir "$(CURDIR)/$(BENCH_DIR)"

# All that the tests run which is no released function, and the tests themselves.
test-programs:
	cargo build $(ALL) --bin iamwatch
	cargo test $(ALL) --no-run
	cargo test $(ALL) --no-run --test faults --test load

need-STACK:
	@test -n "$$STACK" || { echo "say which stack: make $(MAKECMDGOALS) STACK=iamwatch" >&2; exit 1; }

need-FROM need-TO: need-%:
	@test -n "$$$*" || { echo "say which days: make $(MAKECMDGOALS) STACK=iamwatch FROM=2026-01-01 TO=2026-03-31" >&2; exit 1; }

# Who says AGAIN=0 does not mean yes.
sound-DRY_RUN sound-AGAIN: sound-%:
	@case "$$$*" in ''|1|true|yes) ;; *) echo "$* is \"$$$*\"; it must be 1, true or yes; for no, leave it out" >&2; exit 1 ;; esac

# The stack is told the architecture that was built.
sound-PARAMETERS:
	@case " $$PARAMETERS" in *" Architecture="*|*"=Architecture,"*) \
		echo "PARAMETERS must not name Architecture: say ARCH=, which builds for it too" >&2; exit 1 ;; \
	esac

need-BUCKET:
	@test -n "$$BUCKET" || { echo "say which bucket: make $(MAKECMDGOALS) BUCKET=my-log-files" >&2; exit 1; }

# Each has what its requirement file lists, every package by its hash.
$(TOOLS)/%/ready: tests/requirements/%.txt $(UV)
	python3 -m venv --clear --without-pip $(TOOLS)/$*
	$(UV) pip install --quiet --require-hashes --no-deps --python $(TOOLS)/$*/bin/python -r $<
	touch $@

# Installs them in a tenth of pip's time.
$(UV): tests/requirements/uv.txt
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "python3 is $$(python3 --version 2>&1); it must be Python 3.11 or later" >&2; exit 1; }
	python3 -m venv --clear $(TOOLS)/uv
	$(TOOLS)/uv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	touch $@

# Leads to the Chromium that is there. Where there is none, root gets Debian's; anybody else is told what to install.
$(BROWSER):
	@browser() { for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name && return; done; return 1; }; \
	if ! browser >/dev/null && test "$$(id -u)" -eq 0 && command -v apt-get >/dev/null && apt-get update --quiet=2; then \
		DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends chromium >/dev/null; \
	fi; \
	found=$$(browser) || { echo "the tests open a page in Chromium, which is not installed: install your system's package" \
		"of it (on Debian: apt-get install chromium) or Google Chrome" >&2; exit 1; }; \
	mkdir -p $(TOOLS) && ln -sfn "$$found" $@

.PHONY: help demo cli tools build test test-faults test-long lint deploy attach check backfill remove local bench fuzz docs bless clean bench-reader test-programs need-STACK need-FROM need-TO need-BUCKET sound-PARAMETERS sound-DRY_RUN sound-AGAIN
