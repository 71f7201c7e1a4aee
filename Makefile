# What can be done here? `make` alone lists it. Needs: Rust (rustup), Go, a C compiler, git, make.

# Programs are run from where cargo puts them, after one build of the whole workspace. `cargo run -p …` would ask for fewer
# features of the shared dependencies, and compile them a second time.
target_dir = $(shell cargo metadata --locked --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
DEBUG   = $(target_dir)/debug
RELEASE = $(target_dir)/release

# The program behind `make demo`; ONCE=1 makes it end by itself, with exit code 0 only if both kinds were renewed.
DEMO ?= $(DEBUG)/demo
# The program behind `make bench`, and its arguments.
BENCH ?= $(RELEASE)/bench
ARGS ?=
export ONCE
# Which parsers `make fuzz` runs, how often each, and the toolchain that can. No sanitizer: nothing here is unsafe code, and
# without one it is several times as fast. FUZZ_SANITIZER=address looks into the dependencies as well.
FUZZ_TARGETS ?= token_answer fault_body jwt record duration
FUZZ_RUNS ?= 10000000
FUZZ_SANITIZER ?= none
FUZZ_TOOLCHAIN ?= nightly
# Tests of the operator wait more than they work. The longest is the first by name.
TEST_THREADS ?= $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN))))

# Only mutants whose name contains this: a file, a function.
MUTANTS ?=

# step NAME, COMMAND: says what runs, and how long it took.
define step
	@printf '\n==> %s\n' '$(1)'; begin=$$(date +%s); \
	if $(2); then printf '==> %s: done in %ss\n' '$(1)' $$(($$(date +%s) - begin)); \
	else printf '==> %s: FAILED after %ss\n' '$(1)' $$(($$(date +%s) - begin)); exit 1; fi
endef

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help tools test fmt-check lint lint-proof doc build test-programs demo bench fuzz mutants seeded-bugs fmt crds

help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

test: tools fmt-check lint lint-proof doc build test-programs ## Everything that .ci/run runs: formatting, lints, every test, docs

demo: tools build ## A real control plane, the emulator and the operator, to watch and play with (ONCE=1: end after a renewal)
	@$(DEMO) $(ARGS)

bench: tools ## Compare the operator with a bare client making the same calls (ARGS: its options)
	$(call step,build for the bench,cargo build --locked --workspace --bins --release)
	@$(BENCH) $(ARGS)

fuzz: tools ## Fuzz the parsers of what comes from outside (FUZZ_RUNS=10000000 of each of FUZZ_TARGETS)
	@cargo fuzz --version >/dev/null 2>&1 || { echo 'cargo-fuzz is missing: cargo install cargo-fuzz --version 0.13.2 --locked; it also needs: rustup toolchain install $(FUZZ_TOOLCHAIN) --profile minimal' >&2; exit 1; }
	@for target in $(FUZZ_TARGETS); do \
		printf '\n==> fuzz %s, %s times\n' $$target '$(FUZZ_RUNS)'; mkdir -p fuzz/found/$$target; \
		cargo +$(FUZZ_TOOLCHAIN) fuzz run --sanitizer $(FUZZ_SANITIZER) $$target fuzz/found/$$target fuzz/corpus/$$target -- -runs='$(FUZZ_RUNS)' -timeout=5 -print_final_stats=1 || exit 1; \
	done

mutants: tools ## Change decision, queue and gates in hundreds of ways, and see a test fail each time (MUTANTS=retry.rs: a part)
	@cargo mutants --version >/dev/null 2>&1 || { echo 'cargo-mutants is missing: cargo install cargo-mutants --version 27.1.0 --locked' >&2; exit 1; }
	@command -v python3 >/dev/null || { echo 'Python 3 is missing: scripts/mutants is written in it.' >&2; exit 1; }
	@scripts/mutants --only '$(MUTANTS)' '$(target_dir)/mutants'

seeded-bugs: tools build ## Put bugs into the loop of a copy, run an operator with each, and see the replay name it
	@command -v python3 >/dev/null || { echo 'Python 3 is missing: scripts/seeded-bugs is written in it.' >&2; exit 1; }
	@$(DEBUG)/control-plane exec --apply crds -- scripts/seeded-bugs '$(target_dir)/seeded'

lint: tools ## Clippy, warnings refused
	$(call step,clippy,cargo clippy --locked --workspace --all-targets -- -D warnings)

lint-proof: tools ## Prove that every lint this project relies on fires
	$(call step,lint proof,scripts/lint-proof)

fmt: tools ## Format the code
	@cargo fmt --all

crds: tools ## Write crds/ anew from the types
	@UPDATE=1 cargo test --locked --quiet --lib crds_are_as_generated

fmt-check: tools
	$(call step,formatting,cargo fmt --all --check)

doc: tools
	$(call step,documentation,RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet)

build: tools
	$(call step,build (the first time: minutes),cargo build --locked --workspace --bins --tests)

test-programs: build
	$(call step,tests under one control plane (the first time it is built: minutes),$(DEBUG)/control-plane exec --apply crds -- env RUST_TEST_THREADS=$(TEST_THREADS) cargo test --locked --workspace --no-fail-fast)

tools:
	@command -v cargo >/dev/null || { echo 'Rust is missing: install it from https://rustup.rs; the toolchain that this project pins comes by itself.' >&2; exit 1; }
	@command -v go >/dev/null || { echo 'Go is missing: install it from https://go.dev/dl (1.26 or newer); the Kubernetes control plane for tests and demo is built with it.' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'A C compiler (`cc`) is missing: install gcc or clang; Rust links with it.' >&2; exit 1; }
