# CloudShell Store. `make` alone lists the targets.

CARGO  ?= cargo
DIST   := target/dist
TRIPLE := $(shell rustc -vV | sed -n 's/^host: //p')
# Static, so that it runs on any Linux; without unwind tables, since a panic ends it anyway.
AGENT_FLAGS := -C target-feature=+crt-static -C force-unwind-tables=no
AGENT  := target/$(TRIPLE)/agent/cloudshell-store-agent

.PHONY: help build demo test bench conformance fuzz check doc clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16

build: ## the daemon and the static agent, optimised, in target/dist
	$(CARGO) build --release --locked -p cli
	RUSTFLAGS='$(AGENT_FLAGS)' $(CARGO) build --profile agent --locked --target $(TRIPLE) -p agent
	@mkdir -p $(DIST)
	@install -m 755 target/release/cloudshell-store $(AGENT) $(DIST)

demo: build ## a store in ./demo on nine emulated regions, at 127.0.0.1:8080
	@scripts/demo.sh

test: build ## every test
	CLOUDSHELL_STORE_AGENT=$(CURDIR)/$(DIST)/cloudshell-store-agent $(CARGO) test --release --locked --workspace

bench: build ## the speed of everything, beside its target
	$(CARGO) build --release --locked -p bench -p codec -p transport -p catalogue -p cloudshell --bins --examples
	target/release/store-bench --dist $(DIST)

conformance: build ## clients of others against the emulator (needs python3 and npm)
	CLOUDSHELL_STORE=$(CURDIR)/$(DIST)/cloudshell-store conformance/run

fuzz: ## each fuzz target for a minute (needs a nightly toolchain)
	fuzz/run 60

check: ## formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

doc: ## the crates' documentation
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --release --locked --workspace --no-deps --document-private-items

clean: ## remove what was built
	$(CARGO) clean
