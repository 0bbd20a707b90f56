# make up    - from a bare machine to rows proved in the destination
# make test  - everything that is tested: lints, unit tests, Python tests, the live pipeline
# make help  - the rest

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# `install` and `dist` package this program; empty: the one that they build first.
PROGRAM ?=
PREFIX ?= /usr/local
# Rust target of `dist`, for example x86_64-unknown-linux-musl; empty: this machine's.
TARGET ?=
# Optimising across all crates makes the program a third smaller and takes as long again (12 minutes instead of 6 on two cores). `dist`
# does it, and a plain `cargo build --release`; whoever waits for the first `make up` need not.
export CARGO_PROFILE_RELEASE_LTO ?= off
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS ?= 16
# A package manager in a container may need this machine's proxy settings; pipectl hands them on to image builds.
export http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY

.PHONY: audit help up down reset status verify build test test-fast test-python test-page test-spark test-live test-dist test-more lint bench install dist clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

up: build ## Install what is missing, build, start the pipeline, prove that rows arrive
	@.make/engine.sh
	@.make/rootfs.sh
	@.make/pipectl.sh up $(ARGS)

build: ## Build target/release/pipectl (installs a Rust toolchain only if none is there)
	@.make/rust.sh
	@cargo build --release --locked

status verify down reset: build ## pipectl status, verify, down, reset
	@.make/pipectl.sh $@ $(ARGS)

test: lint test-fast test-python test-page test-spark test-live ## All tests, fast ones first

lint: ## Formatting and lints of Rust, Python and shell
	@.make/rust.sh
	@.make/lint.sh

test-fast: ## Unit, planner and command-line tests; needs no container engine
	@.make/rust.sh
	@cargo test --locked --quiet

test-python: ## Tests of the data plane's Python that need no Spark
	@.make/python.sh
	@.venv/bin/python -m pytest -q tests/python

test-page: build ## The catalog's page in headless Chromium, with the keyboard, light and dark
	@.make/python.sh
	@.make/chromium.sh
	@.venv/bin/python -m pytest -q tests/page

test-spark: build ## Tests of the data plane's Python that need Spark, in its image
	@.make/engine.sh
	@.make/rootfs.sh
	@.make/pipectl.sh images build
	@docker run --rm --entrypoint python3 --volume "$$PWD:/repository:ro" --workdir /repository/tests/python/spark \
	  pipectl/spark -m unittest discover --pattern 'spark_*.py'

test-live: build ## The real pipeline: up, verify, faults, scale, reset; about ten minutes the first time
	@.make/engine.sh
	@.make/rootfs.sh
	@cargo test --locked --quiet --test docker_live --test engine_live --test images_live --test registry_live
	@cargo test --locked --test live

test-dist: ## The static archive of `dist`, run where nothing else is; compiles everything again (15 minutes on two cores)
	@.make/rust.sh
	@env -u CARGO_PROFILE_RELEASE_LTO -u CARGO_PROFILE_RELEASE_CODEGEN_UNITS .make/test-dist.sh

test-more: build test-dist ## An archive alone, an engine without a network, and one that is killed (PIPECTL_LIVE_OWN_ENGINE=1); takes root, ten minutes, 10 GB
	@.make/engine.sh
	@.make/rootfs.sh
	@cargo test --locked --test live -- "without a network" "engine's own death"

bench: build ## Times and sizes, measured side by side in one run
	@.make/engine.sh
	@.make/rootfs.sh
	@benches/run.sh $(ARGS)

audit: build ## What the images hold, which of it Debian has a fix for, and the crates' licences and advisories
	@.make/audit.sh $(ARGS)

install: $(if $(PROGRAM),,build) ## Install program, manual pages and completions below PREFIX=/usr/local
	@.make/install.sh $(or $(PROGRAM),target/release/pipectl) '$(PREFIX)'

dist: ## Make dist/pipectl-VERSION-TARGET.tar.gz, its SBOM and SHA256SUMS; TARGET=x86_64-unknown-linux-musl is static
	@.make/rust.sh
	@env -u CARGO_PROFILE_RELEASE_LTO -u CARGO_PROFILE_RELEASE_CODEGEN_UNITS PROGRAM='$(PROGRAM)' .make/dist.sh $(TARGET)

clean: ## Remove build results (not the containers: that is `pipectl reset`)
	@rm -rf target dist .venv
