# pyrefcore: `make help` lists the targets.

PYTHON ?= $(or $(PYO3_PYTHON),python3)
FLAVOUR ?= $(shell sh flavours/detect.sh $(PYTHON))
ALL := $(patsubst flavours/%.txt,%,$(wildcard flavours/cp*.txt))
# The release flavours come first: a Python is waiting for them.
DEBUG := %-refdebug %-tracerefs
FLAVOURS := $(filter-out $(DEBUG),$(ALL)) $(filter $(DEBUG),$(ALL))
PREFIX ?= /usr/local
CARGO ?= cargo
MIRI ?= $(CARGO) +nightly miri
DENY ?= advisories bans licenses sources

CHECKED := $(shell sed -n '/^cp/p' flavours/branches.txt)

# With another OUT, the libraries are built beside the usual ones: OUT=target/portable FEATURES=portable
OUT ?= target
DIST := $(OUT)/dist/$(FLAVOUR)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
SOURCES := $(shell find src -name '*.rs' -o -name '*.h') build.rs Cargo.toml Cargo.lock cbindgen.toml

.PHONY: help build build-all header headers pythons run wheel wheel-all test test-here test-wheel test-all sanitize check msrv msrv-version deny workflows portable loom miri fuzz mutants bench install clean
.DELETE_ON_ERROR:

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

build: $(DIST)/.built ## Build one flavour into target/dist/<flavour> (FLAVOUR=cp311; the default is python3's)
	@echo "$(DIST): include/ lib/ lib/pkgconfig/"

build-all: $(FLAVOURS:%=$(OUT)/dist/%/.built) ## Build every flavour

# Flavours share cargo's folder, so a lock lets only one be built at a time. Tests may open any library meanwhile: a
# rename puts it there as a whole.
$(OUT)/dist/%/.built: flavours/%.txt $(SOURCES)
	@mkdir -p $(@D)/include $(@D)/lib/pkgconfig
	@echo "building $*"
	@flock $(OUT)/dist/.lock sh -ec '\
	  PYO3_CONFIG_FILE="$(CURDIR)/flavours/$*.txt" PYREFCORE_STAGE="$(CURDIR)/$(@D)/include" $(CARGO) rustc --quiet \
	    --release --lib --crate-type=cdylib,staticlib --target-dir $(OUT) $(FEATURES:%=--features %); \
	  install -m 755 $(OUT)/release/libpyrefcore.so $(@D)/lib/new; \
	  mv $(@D)/lib/new $(@D)/lib/libpyrefcore-$*.so.0; \
	  install -m 644 $(OUT)/release/libpyrefcore.a $(@D)/lib/libpyrefcore.a'
	@ln -sf libpyrefcore-$*.so.0 $(@D)/lib/libpyrefcore.so
	@printf '%s\n' 'prefix=$${pcfiledir}/../..' 'Name: pyrefcore' 'Version: $(VERSION)' \
	  'Description: reference counting as CPython ($*) does it' 'Cflags: -I$${prefix}/include' \
	  'Libs: -L$${prefix}/lib -lpyrefcore' 'Libs.private: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc' \
	  > $(@D)/lib/pkgconfig/pyrefcore.pc
	@touch $@

flavours/%.txt:
	@echo "there is no flavour '$*'; choose one, as in: make build FLAVOUR=cp311 (there are $(FLAVOURS))" >&2; exit 2

header: $(DIST)/.built ## Renew include/pyrefcore.h
	cp $(DIST)/include/pyrefcore.h include/pyrefcore.h

run: $(DIST)/.built ## See it work: a C program that finds its leak, a Python on replaced symbols, an extension's leak named
	@$(CC) -g -I$(DIST)/include c_tests/lifecycle/forgotten.c -o $(OUT)/forgotten \
	  -L$(DIST)/lib -Wl,-rpath,$(CURDIR)/$(DIST)/lib -lpyrefcore && $(OUT)/forgotten
	@sh tests/preload/demo.sh $(FLAVOUR)
	@sh tests/python/demo.sh $(FLAVOUR)

headers: ## Bring Python.h of the two newest versions into target/headers (Debian's; no root)
	@sh tools/fetch_headers.sh

pythons: ## Bring debug, free-threaded and newer CPythons into target/pythons (Debian's; no root, 15 minutes)
	@sh tools/fetch_unstable.sh
	@sh tools/fetch_pythons.sh

wheel: ## Build a wheel for one CPython into target/wheels/<flavour> (PYTHON=python3.12), for glibc 2.17 and later
	@PYTHON="$(PYTHON)" sh tools/wheel.sh

wheel-all: ## Build wheels for every CPython that is here, or FLAVOURS="cp38 cp313t"
	@PYTHON= sh tools/wheel.sh $(if $(filter-out file,$(origin FLAVOURS)),$(FLAVOURS))

# Flavours that the caller named are tested in full, on their CPythons. TESTS holds more arguments of pytest.
NAMED := $(if $(filter-out file,$(origin FLAVOURS)),--flavours "$(FLAVOURS)")
run_tests = @sh tools/pytest.sh $(NAMED) $(TESTS)

test: ## Run the quick tests, or everything with FLAVOURS="cp38 cp313t"
	$(run_tests) $(if $(NAMED),,--tier quick)

test-here: ## Test everything that this machine can, on all of its CPythons (an hour)
	$(run_tests)

test-wheel: ## Build and install the wheels for every CPython that is here, or FLAVOURS="cp38 cp313t" (half an hour)
	$(run_tests) --tier all tests/wheel

# The tests run without what can't be brought; the target fails then.
test-all: ## Bring every CPython and header that can be had into target/ (3 GB, half an hour), then test on all of them
	@brought=0; for part in headers unstable pythons; do sh tools/fetch_$$part.sh || brought=1; done; \
	  sh tools/pytest.sh $(NAMED) $(TESTS) --tier all && exit $$brought

sanitize: ## The C suite under AddressSanitizer, ThreadSanitizer (ten rounds) and valgrind (on all: FLAVOURS=all)
	$(run_tests) --tier all tests/sanitize

check: $(DIST)/.built ## Check format, lints, documentation, header and symbols; each failure names its cure
	@$(CARGO) fmt --check >/dev/null || { echo "the sources are not formatted; cure: cargo fmt"; exit 1; }
	@for flavour in $(CHECKED); do \
	  PYO3_CONFIG_FILE="$(CURDIR)/flavours/$$flavour.txt" $(CARGO) clippy --quiet --all-targets --features unwinding -- -D warnings \
	    || { echo "a lint for $$flavour; cure: mend what clippy names above"; exit 1; }; done
	@PYO3_CONFIG_FILE="$(CURDIR)/flavours/$(FLAVOUR).txt" RUSTDOCFLAGS="-D warnings" \
	  $(CARGO) doc --quiet --no-deps --document-private-items \
	  || { echo "the documentation has warnings; cure: mend what rustdoc names above"; exit 1; }
	@cmp -s include/pyrefcore.h $(DIST)/include/pyrefcore.h \
	  || { echo "include/pyrefcore.h is not what src/ makes; cure: make header"; exit 1; }
	@command -v python3 >/dev/null || { echo "there is no python3 to compare the symbols with; cure: install a CPython"; exit 1; }
	@python3 tests/header/exported.py $(FLAVOUR)
	@PYO3_CONFIG_FILE="$(CURDIR)/flavours/$(FLAVOUR).txt" $(CARGO) test --quiet --lib layers >target/layers.log 2>&1 \
	  || { cat target/layers.log; echo "a layer points up; cure: move the line to where it belongs"; exit 1; }
	@echo "checked: format, lints ($(CHECKED)), documentation, header, symbols, layers"

msrv: ## Check that the oldest Rust of Cargo.toml is enough; without that toolchain, by clippy's lint
	@if rustup run $(MSRV) cargo --version >/dev/null 2>&1; then \
	  set -- rustup run $(MSRV) cargo check --target-dir target/msrv; lint=; how="by Rust $(MSRV) itself"; \
	else \
	  set -- $(CARGO) clippy; lint="-- -A clippy::all -D clippy::incompatible_msrv"; \
	  how="by clippy's lint only; rustup toolchain install $(MSRV) brings the toolchain that can tell"; \
	fi; \
	for flavour in $(CHECKED); do \
	  PYO3_CONFIG_FILE="$(CURDIR)/flavours/$$flavour.txt" "$$@" --quiet --locked --all-targets --features unwinding $$lint \
	    || { echo "$$flavour needs more than Rust $(MSRV); cure: mend what is named above, or raise rust-version in Cargo.toml"; exit 1; }; done; \
	echo "Rust $(MSRV) is enough ($(CHECKED)), $$how"

# The workflow asks which toolchain to install.
msrv-version: ## Print that version
	@echo $(MSRV)

deny: ## Check the dependencies: licences, sources, versions, known holes (without the last: DENY="bans licenses sources")
	@$(CARGO) deny --version >/dev/null 2>&1 \
	  || { echo "there is no cargo-deny; cure: cargo install --locked cargo-deny"; exit 1; }
	@mkdir -p target; case " $(DENY) " in *" advisories "*) $(CARGO) deny fetch db >target/deny.log 2>&1 \
	  || { cat target/deny.log; echo "the list of known holes can't be fetched; without it: make deny DENY=\"bans licenses sources\""; exit 1; };; esac
	@PYO3_CONFIG_FILE="$(CURDIR)/flavours/cp313.txt" $(CARGO) deny --locked check $(DENY)

workflows: ## Check the files of .github/: their schemas, a time limit for each job, and that each make target is here
	@command -v check-jsonschema >/dev/null 2>&1 \
	  || { echo "there is no check-jsonschema; cure: pip install check-jsonschema"; exit 1; }
	@check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	@check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@for file in .github/workflows/*.yml; do \
	  targets=$$(sed -n 's/^ *\(- \)*run:.*\bmake \(-s \)*\([a-z-]*\).*/\3/p' $$file); \
	  [ -n "$$targets" ] || { echo "$$file calls no make target; cure: let each job call one"; exit 1; }; \
	  for target in $$targets; do \
	    grep -q "^$$target:" Makefile || { echo "$$file calls make $$target, which is not in the Makefile"; exit 1; }; done; done

# What cargo prints of tests with a filter. A filter that finds none would pass: what it names may have moved.
some_tests = mkdir -p target; $(1) >target/$@.log 2>&1 && grep -q '^running [1-9]' target/$@.log && cat target/$@.log \
  || { cat target/$@.log; echo "$(2): these tests failed, or there are none of this name"; exit 1; }

portable: ## Test the library as it is without assembly, or FLAVOURS="cp38 cp313t"
	$(run_tests) tests/portable

loom: ## Run every interleaving of a few threads that count one object (the model checker loom)
	@export PYO3_CONFIG_FILE="$(CURDIR)/flavours/cp313t.txt"; \
	$(call some_tests,$(CARGO) test --quiet --lib interleavings,interleavings)

# Miri reads Rust, not assembly, and knows few of the C library's functions. So it runs the tests of raw pointers, words
# and tables that need neither. The reports' and the audit's arithmetic beside them is safe Rust and needs no Miri.
MIRI_TESTS ?= refcount::model watch::chain watch::refchain abi::type_flags

miri: ## Run the tests of raw pointers that need no C library under Miri, which finds undefined behaviour (MIRI_TESTS=watch::chain)
	@$(MIRI) --version >/dev/null 2>&1 \
	  || { echo "there is no Miri; cure: rustup toolchain install nightly --component miri,rust-src"; exit 1; }
	@export PYO3_CONFIG_FILE="$(CURDIR)/flavours/cp313.txt"; for tests in $(MIRI_TESTS); do \
	  $(call some_tests,$(MIRI) test --quiet --target-dir target/miri --features system-allocator --lib $$tests,$$tests); done

fuzz: ## Fuzz what the audit reads, and reports, for ten minutes a target (FUZZ="--seconds 600 --seed 7", FLAVOUR=cp311)
	@FUZZ="$(or $(FUZZ),--seconds 600)" sh tools/pytest.sh --flavours $(FLAVOUR) tests/test_fuzz.py

mutants: ## Change the code in 150 places, one at a time, and run the tests on each, for hours (MUTANTS="python --seed 1 --count 50")
	@python3 tools/mutants.py $(or $(MUTANTS),rust --seed 11 --count 150)

bench: $(DIST)/.built ## Measure ours beside the real libpython, in one table
	@sh benches/run.sh

install: $(DIST)/.built ## Install one flavour: PREFIX=/usr/local DESTDIR=
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 $(DIST)/include/*.h $(DESTDIR)$(PREFIX)/include/
	install -m 755 $(DIST)/lib/libpyrefcore-$(FLAVOUR).so.0 $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(DIST)/lib/libpyrefcore.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(DIST)/lib/pkgconfig/pyrefcore.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	ln -sf libpyrefcore-$(FLAVOUR).so.0 $(DESTDIR)$(PREFIX)/lib/libpyrefcore.so

clean: ## Remove everything that was built
	rm -rf target
