# The commands of everyday work. `make` alone lists them.

CARGO ?= cargo
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)
VALIDATOR = tests/flow-validator
JAVASCRIPT = tests/javascript
WASM = crates/wasm/built/millwright_wasm.js
WASM_SOURCES = $(shell find $(foreach crate,core step wasm,crates/$(crate)/src crates/$(crate)/Cargo.toml) -type f) \
	crates/wasm/build.sh $(wildcard crates/wasm/tools/*) Cargo.toml Cargo.lock

# Functions that are alike are kept once, which saves a hundredth of the size. LLVM's linker can do that: Rust's own here.
FOLD = $(if $(findstring host: x86_64-unknown-linux-gnu,$(shell rustc -vV)),-C link-arg=-Wl$(comma)--icf=all)
comma = ,

.PHONY: help build step wasm test check-format lint test-code test-flows test-agents test-live check-generated doc generate demo bench clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

build: $(WASM) step ## build both executables, optimised, into $(TARGET_DIR)/release
	$(CARGO) build --release --locked -p millwright
	cp $(TARGET_DIR)/step/millwright-step $(TARGET_DIR)/release/millwright-step

step: ## build the step executable alone, into $(TARGET_DIR)/step
	$(CARGO) rustc --profile step --locked -p millwright-step --bin millwright-step -- $(FOLD)

wasm: $(WASM) ## build the WebAssembly modules that scripts for JavaScript workers carry

$(WASM): $(WASM_SOURCES)
	crates/wasm/build.sh

test: check-format wasm lint test-code test-flows check-generated doc ## everything that continuous integration checks

check-format:
	$(CARGO) fmt --all -- --check

lint:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

test-code: $(WASM) $(VALIDATOR)/node_modules/.installed $(JAVASCRIPT)/node_modules/.installed
	$(CARGO) build --workspace --locked
	$(CARGO) test --workspace --locked --no-fail-fast

%/node_modules/.installed: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund --silent
	touch $@

test-agents: $(WASM) $(VALIDATOR)/node_modules/.installed $(JAVASCRIPT)/node_modules/.installed ## run the real agents against stand-ins for their models; npm installs them once, about 0.9 GB
	$(CARGO) build --workspace --locked
	agents=$$(tests/agents/install.sh) && export MILLWRIGHT_TEST_AGENTS="$$agents" && \
	$(CARGO) test --locked -p millwright-step --test agents -- --ignored && \
	$(CARGO) test --locked -p millwright --test it -- --ignored

test-live: $(WASM) ## run what needs a Windmill server: MILLWRIGHT_LIVE_WINDMILL_URL, _TOKEN and _WORKSPACE name it
	$(CARGO) build --workspace --locked
	$(CARGO) test --locked -p millwright --test live

test-flows: ## run the tests of the seven flows, and demand that they reach every step and branch
	$(CARGO) run --locked -q -p millwright -- test --fail-under 100

check-generated:
	$(CARGO) run --locked -q -p millwright -- flows generate --check
	$(CARGO) run --locked -q -p millwright -- reference --check

generate: ## write again what is generated: flows, scripts, OpenAPI, the command line's reference
	$(CARGO) run --locked -q -p millwright -- flows generate
	$(CARGO) run --locked -q -p millwright -- reference

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked -q

demo: build ## run a protocol through the generated flows; ENGINE=codex has Codex work in it, KEEP=1 leaves the server up
	$(CARGO) run --release --locked -q -p millwright-demo -- --bin-dir $(TARGET_DIR)/release $(if $(ENGINE),--engine $(ENGINE)) $(if $(KEEP),--keep)

bench: build $(JAVASCRIPT)/node_modules/.installed ## print how fast and how big it is, as ratios against references measured in the same run
	$(CARGO) bench --locked -q -p millwright --bench compare

clean: ## remove what was built
	$(CARGO) clean
