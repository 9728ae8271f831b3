# pyrefcore: `make help` lists the targets.

PYTHON ?= $(or $(PYO3_PYTHON),python3)
FLAVOUR ?= $(shell sh flavours/detect.sh $(PYTHON))
FLAVOURS := $(patsubst flavours/%.txt,%,$(wildcard flavours/cp*.txt))
PREFIX ?= /usr/local
CARGO ?= cargo

DIST := target/dist/$(FLAVOUR)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SOURCES := $(shell find src -name '*.rs' -o -name '*.h') build.rs Cargo.toml Cargo.lock cbindgen.toml

.PHONY: help build build-all header run test check bench install clean
.DELETE_ON_ERROR:

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

build: $(DIST)/.built ## Build one flavour into target/dist/<flavour> (FLAVOUR=cp311; the default is python3's)
	@echo "$(DIST): include/ lib/ lib/pkgconfig/"

build-all: $(FLAVOURS:%=target/dist/%/.built) ## Build every flavour

# Flavours share cargo's folder, so they are built one at a time, whoever asks.
target/dist/%/.built: flavours/%.txt $(SOURCES)
	@mkdir -p target/dist/$*/include target/dist/$*/lib/pkgconfig
	@echo "building $*"
	@flock target/dist/.lock sh -ec '\
	  PYO3_CONFIG_FILE="$(CURDIR)/flavours/$*.txt" PYREFCORE_STAGE="$(CURDIR)/target/dist/$*/include" \
	    $(CARGO) rustc --quiet --release --lib --crate-type=cdylib,staticlib; \
	  install -m 755 target/release/libpyrefcore.so target/dist/$*/lib/libpyrefcore-$*.so.0; \
	  install -m 644 target/release/libpyrefcore.a target/dist/$*/lib/libpyrefcore.a'
	@ln -sf libpyrefcore-$*.so.0 target/dist/$*/lib/libpyrefcore.so
	@printf '%s\n' 'prefix=$${pcfiledir}/../..' 'Name: pyrefcore' 'Version: $(VERSION)' \
	  'Description: reference counting as CPython ($*) does it' 'Cflags: -I$${prefix}/include' \
	  'Libs: -L$${prefix}/lib -lpyrefcore' 'Libs.private: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc' \
	  > target/dist/$*/lib/pkgconfig/pyrefcore.pc
	@touch $@

flavours/%.txt:
	@echo "there is no flavour '$*'; there are: $(FLAVOURS)" >&2; exit 2

header: $(DIST)/.built ## Renew include/pyrefcore.h
	cp $(DIST)/include/pyrefcore.h include/pyrefcore.h

install: $(DIST)/.built ## Install one flavour: PREFIX=/usr/local DESTDIR=
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 $(DIST)/include/*.h $(DESTDIR)$(PREFIX)/include/
	install -m 755 $(DIST)/lib/libpyrefcore-$(FLAVOUR).so.0 $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(DIST)/lib/libpyrefcore.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(DIST)/lib/pkgconfig/pyrefcore.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	ln -sf libpyrefcore-$(FLAVOUR).so.0 $(DESTDIR)$(PREFIX)/lib/libpyrefcore.so

clean: ## Remove everything that was built
	rm -rf target
