# Cerca. `make help` lists what there is; CONTRIBUTING.md says how to work here.
#
# One tree of objects a variant: $(BUILD) (release), $(BUILD)/test (with
# CERCA_TEST_HOOKS) and $(BUILD)/asan. Sources are found by wildcard.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := $(shell cat VERSION)
BUILD ?= build
HOOKS ?=
SANITIZE ?=
WERROR ?=
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif

# --- flags --------------------------------------------------------------------

PACKAGES := libcrypto lmdb libconfig libseccomp libsystemd jansson libp11 p11-kit-1 cmocka
pkg = $(shell pkg-config $(1) 2>/dev/null)
cc-option = $(shell echo 'int x;' | $(CC) -Werror $(1) -x c -c -o /dev/null - 2>/dev/null && echo $(1))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion
HARDENING := -fstack-protector-strong -fPIE $(call cc-option,-fstack-clash-protection) \
	$(call cc-option,-fcf-protection)
OPTIMIZE := -O2 -g -D_FORTIFY_SOURCE=2
ifneq ($(SANITIZE),)
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif

ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -DCERCA_VERSION='"$(VERSION)"' \
	$(if $(HOOKS),-DCERCA_TEST_HOOKS) $(OPTIMIZE) $(HARDENING) $(WARNINGS) -pthread \
	$(call pkg,--cflags $(PACKAGES)) $(CFLAGS)
ALL_LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

LIB_LIBS := $(call pkg,--libs libcrypto libconfig libseccomp)
CORE_LIBS := $(call pkg,--libs lmdb)
SIGNER_LIBS := $(call pkg,--libs libp11) -ldl
CERCAD_LIBS := $(call pkg,--libs libsystemd)
TOOLS_LIBS := $(call pkg,--libs jansson)
TEST_LIBS := $(call pkg,--libs cmocka)

# --- sources ------------------------------------------------------------------

OBJ := $(BUILD)/obj
objects = $(patsubst %.c,$(OBJ)/%.o,$(1))

LIB_SRC := $(wildcard lib/*.c)
CORE_SRC := $(wildcard ca/store/*.c ca/view/*.c ca/audit/*.c ca/policy/*.c ca/door/*.c)
SIGNER_SRC := $(wildcard ca/signer/*.c)
CRL_SRC := $(wildcard crl/*.c)
OCSP_SRC := $(wildcard ocsp/*.c)
EST_SRC := $(wildcard est/*.c)
MAIN_SRC := $(wildcard main/*.c)
TOOLS_SRC := $(wildcard tools/*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
SHIM_SRC := $(wildcard tests/shim/*.c)
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNIT_HELP_SRC := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
ALL_SRC := $(LIB_SRC) $(CORE_SRC) $(SIGNER_SRC) $(CRL_SRC) $(OCSP_SRC) $(EST_SRC) $(MAIN_SRC) \
	$(TOOLS_SRC) $(BENCH_SRC) $(SHIM_SRC) $(UNIT_SRC) $(UNIT_HELP_SRC)

LIB_A := $(BUILD)/lib.a
CORE_A := $(BUILD)/core.a
SIGNER_A := $(BUILD)/signer.a
TOOLS_A := $(BUILD)/tools.a
UNIT_A := $(BUILD)/unit.a

PROGRAMS := $(patsubst main/%.c,$(BUILD)/bin/%,$(MAIN_SRC)) $(if $(TOOLS_SRC),$(BUILD)/bin/cerca)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
SHIM := $(if $(SHIM_SRC),$(BUILD)/shim/libcerca-shim.so)

# --- what people type ---------------------------------------------------------

.PHONY: all help programs unit-programs bench-programs
all: programs ## build the programs into build/bin (the default)

programs: $(PROGRAMS)
unit-programs: $(UNIT_PROGRAMS)
bench-programs: $(BENCH_PROGRAMS) $(SHIM)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

.PHONY: test unit clean
unit: ## build the test variant and run the unit tests only
	+@$(MAKE) --no-print-directory BUILD=$(BUILD)/test HOOKS=1 WERROR=1 unit-programs
	@for t in $(BUILD)/test/unit/*_test; do $$t || exit 1; done

clean: ## remove build/
	rm -rf $(BUILD)

# --- rules --------------------------------------------------------------------

# Rewritten only when the flags differ, so that everything is rebuilt then.
FLAGS_NOW := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: .FORCE
	@mkdir -p $(BUILD)
	@command -v $(CC) >/dev/null && pkg-config --exists --print-errors $(PACKAGES) || \
		{ echo 'Something to build with is missing: run ./bootstrap' >&2; exit 1; }
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' >$@
.PHONY: .FORCE
.FORCE:

$(OBJ)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  CC    $(@:$(BUILD)/%=%)'
	@$(CC) $(ALL_CFLAGS) $(if $(WERROR),-Werror) $(EXTRA_CFLAGS) -MMD -MP -c $< -o $@

$(call objects,$(SHIM_SRC)): EXTRA_CFLAGS := -fPIC

# An archive is made anew: `ar r` would keep the members of deleted sources.
define archive
$(1): $(call objects,$(2)) $(BUILD)/flags
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$(filter %.o,$$^)
endef
$(eval $(call archive,$(LIB_A),$(LIB_SRC)))
$(eval $(call archive,$(CORE_A),$(CORE_SRC)))
$(eval $(call archive,$(SIGNER_A),$(SIGNER_SRC)))
$(eval $(call archive,$(TOOLS_A),$(filter-out tools/cerca.c,$(TOOLS_SRC))))
$(eval $(call archive,$(UNIT_A),$(UNIT_HELP_SRC)))

# Objects and archives in the order given, then the libraries of this program.
# The map says which members went in; tests/lint/links reads it.
define link
	@mkdir -p $(@D) $(BUILD)/maps
	@echo '  LINK  $(@:$(BUILD)/%=%)'
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,-Map=$(BUILD)/maps/$(@F).map -o $@ \
		$(filter %.o %.a,$^) $(1)
endef

$(BUILD)/bin/cerca-ca: $(OBJ)/main/cerca-ca.o $(CORE_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-signer: $(OBJ)/main/cerca-signer.o $(SIGNER_A) $(LIB_A)
	$(call link,$(SIGNER_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cercad: $(OBJ)/main/cercad.o $(LIB_A)
	$(call link,$(CERCAD_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca: $(OBJ)/tools/cerca.o $(TOOLS_A) $(LIB_A)
	$(call link,$(TOOLS_LIBS) $(LIB_LIBS))

# A test program may reach what its name begins with: signer_ the signer and
# PKCS#11, tools_ the command line, every other one the core.
$(BUILD)/unit/signer_%: $(OBJ)/tests/unit/signer_%.o $(UNIT_A) $(SIGNER_A) $(CORE_A) $(LIB_A)
	$(call link,$(SIGNER_LIBS) $(CORE_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/tools_%: $(OBJ)/tests/unit/tools_%.o $(UNIT_A) $(TOOLS_A) $(LIB_A)
	$(call link,$(TOOLS_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(UNIT_A) $(CORE_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(CORE_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(TOOLS_LIBS) $(LIB_LIBS) -ldl)

$(BUILD)/shim/libcerca-shim.so: $(call objects,$(SHIM_SRC))
	@mkdir -p $(@D)
	@echo '  LINK  $(@:$(BUILD)/%=%)'
	@$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -shared -Wl,-z,relro,-z,now -o $@ $^ -ldl

.SECONDARY:
-include $(patsubst %.c,$(OBJ)/%.d,$(ALL_SRC))
