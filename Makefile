# Every command there is. `make` alone lists them.

SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
TOOL := $(TARGET)/release/iamwatch
# What the tests need besides Rust goes here; git ignores it.
TOOLS := .tools
PYTHON := $(TOOLS)/python
SECONDS ?= 60
FILES ?= 100000
BENCH ?=

help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build the command line tool and show the mails that the bundled sample of log files would cause
	cargo build --locked --release -p iamwatch-cli
	@echo "One of the sample's log files is cut short, so that you see how that is told; hence exit status 2."
	$(TOOL) sign-in tests/fixtures/sample || test $$? -eq 2

build: ## Build everything for use
	cargo build --locked --release

test: $(PYTHON)/ready ## Run every test; installs what they need into .tools first
	IAMWATCH_PYTHON=$(CURDIR)/$(PYTHON)/bin/python cargo test --locked --workspace

test-long: ## Compare the scan with a full parse over FILES=100000 hostile files, and as many broken ones
	IAMWATCH_SCAN_FILES=$(FILES) cargo test --locked --release -p iamwatch-tests --test scan

lint: ## Check the format, clippy and rustdoc with warnings as errors, and that the core knows no AWS and no tokio
	cargo fmt --all --check
	cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
	cargo metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	@tree=$$(cargo tree --locked -p shared -e normal --prefix none) || exit 1; \
	if echo "$$tree" | grep -E '^(aws|tokio|lambda)[-_a-z0-9]* '; then \
		echo "shared must know neither AWS nor tokio, but depends on the above" >&2; exit 1; \
	fi

bench: ## Time iamwatch against gunzip alone over generated log files, and compare its findings with a full parse
	cargo build --locked --release -p iamwatch-cli
	cargo bench --locked -p iamwatch-tests --bench scan -- --tool $(TOOL) $(BENCH)

fuzz: ## Fuzz what reads untrusted bytes, SECONDS=60 in all; needs a nightly toolchain
	tests/fuzz/run.sh $(SECONDS)

bless: $(PYTHON)/ready ## Accept changed mails, tables and help texts as they are now; then read the diff
	EXPECTORATE=overwrite IAMWATCH_PYTHON=$(CURDIR)/$(PYTHON)/bin/python cargo test --locked -p iamwatch-tests

clean: ## Remove what was built and installed here
	cargo clean
	rm -rf $(TOOLS)

$(PYTHON)/ready: tests/requirements.txt
	python3 -m venv --clear $(PYTHON)
	$(PYTHON)/bin/pip install --quiet --require-hashes -r tests/requirements.txt
	touch $@

.PHONY: help demo build test test-long lint bench fuzz bless clean
