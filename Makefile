# Cerca. `make help` lists what there is; CONTRIBUTING.md says how to work here.
#
# One tree of objects a variant: $(BUILD) (release), $(BUILD)/test (with
# CERCA_TEST_HOOKS) and $(BUILD)/asan. Sources are found by wildcard.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := $(shell cat VERSION)
BUILD ?= build
# One folder has one name, else the headers that its objects were made of (.d) are another name's.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
HOOKS ?=
SANITIZE ?=
COVERAGE ?=
ANALYZER ?=
WERROR ?=
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif

# --- flags --------------------------------------------------------------------

PACKAGES := libcrypto libssl lmdb libconfig libseccomp libsystemd jansson libcurl libp11 p11-kit-1 yaml-0.1 libmicrohttpd gnutls cmocka
pkg = $(shell pkg-config $(1) 2>/dev/null)
cc-option = $(shell echo 'int x;' | $(CC) -Werror $(1) -x c -c -o /dev/null - 2>/dev/null && echo $(1))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion
HARDENING := -fstack-protector-strong -fPIE $(call cc-option,-fstack-clash-protection) \
	$(call cc-option,-fcf-protection)
OPTIMIZE := -O2 -g -D_FORTIFY_SOURCE=2
ifneq ($(SANITIZE),)
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
# gcc sees conversions and cut text in instrumented code that are not in the source.
WARNINGS += -Wno-conversion $(call cc-option,-Wno-format-truncation)
endif
# What was run is counted in a mapped file, one for all processes of a program, so that the counts of a
# jailed or killed one are not lost.
ifneq ($(COVERAGE),)
COUNTING := -fprofile-instr-generate=$(abspath $(BUILD))/counts/%c%m.profraw -fcoverage-mapping -fprofile-update=atomic \
	-mllvm -runtime-counter-relocation
OPTIMIZE := -O1 -g -Wno-unused-command-line-argument $(COUNTING)
endif

ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -DCERCA_VERSION='"$(VERSION)"' \
	$(if $(HOOKS),-DCERCA_TEST_HOOKS) $(OPTIMIZE) $(HARDENING) $(WARNINGS) -pthread \
	$(call pkg,--cflags $(PACKAGES)) $(CFLAGS)
ALL_LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(if $(COVERAGE),-fprofile-instr-generate) $(LDFLAGS)

LIB_LIBS := $(call pkg,--libs libcrypto libconfig libseccomp)
CORE_LIBS := $(call pkg,--libs lmdb) -lcrypt
TOKEN_LIBS := $(call pkg,--libs libp11) -ldl
CERCAD_LIBS := $(call pkg,--libs libsystemd)
TOOLS_LIBS := $(call pkg,--libs jansson yaml-0.1 libcurl libssl)
HTTP_LIBS := $(call pkg,--libs libmicrohttpd)
HTTPS_LIBS := $(HTTP_LIBS) $(call pkg,--libs gnutls jansson)
WATCH_LIBS := $(call pkg,--libs libcurl jansson)
SCAN_LIBS := $(call pkg,--libs libssl)
TEST_LIBS := $(call pkg,--libs cmocka)

# --- sources ------------------------------------------------------------------

OBJ := $(BUILD)/obj
objects = $(patsubst %.c,$(OBJ)/%.o,$(1))

LIB_SRC := $(wildcard lib/*.c)
CORE_SRC := $(foreach d,store view audit policy door delegate crl approval ledger export watch inventory observe lifecycle admin enroll metrics core,$(wildcard ca/$(d)/*.c))
SIGNER_SRC := $(wildcard ca/signer/*.c)
TOKEN_SRC := $(wildcard token/*.c)
HOSTKEY_SRC := $(wildcard hostkey/*.c)
SUPERVISE_SRC := $(wildcard ca/supervise/*.c)
AUDIT_SRC := $(wildcard ca/audit/*.c)
CRL_SRC := $(wildcard crl/*.c)
OCSP_SRC := $(wildcard ocsp/*.c)
EST_SRC := $(wildcard est/*.c)
ENROLL_SRC := $(wildcard enroll/*.c)
PUBLIC_SRC := $(wildcard public/*.c)
ADMIN_SRC := $(wildcard admin/*.c)
WATCH_SRC := $(wildcard watch/rules/*.c watch/route/*.c)
NOTIFY_SRC := $(wildcard watch/notify/*.c)
DELIVER_SRC := $(wildcard deliver/*.c)
SCAN_SRC := $(wildcard scan/*.c)
CLIENT_SRC := $(wildcard client/*.c)
AGENT_SRC := $(wildcard agent/*.c agent/*/*.c)
MAIN_SRC := $(wildcard main/*.c)
TOOLS_SRC := $(wildcard tools/*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH_HELP_SRC := $(wildcard tests/bench/help/*.c)
SHIM_SRC := $(wildcard tests/shim/*.c)
FAULTS_SRC := $(wildcard tests/faults/*.c)
RECORDER_SRC := $(wildcard tests/torture/*.c)
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNIT_MODEL_SRC := $(wildcard tests/unit/model_*.c)
UNIT_HELP_SRC := $(filter-out $(UNIT_SRC) $(UNIT_MODEL_SRC),$(wildcard tests/unit/*.c))
FUZZ_TARGETS := $(patsubst tests/fuzz/target/%.c,%,$(wildcard tests/fuzz/target/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/*.c tests/fuzz/target/*.c)
FUZZ_HELP_SRC := $(addprefix tests/fuzz/,common.c issuer.c peer.c transport.c viewseal.c)
# What targets run: no more than that is built with libFuzzer's instrumentation. In place of the
# network, and of children that talk to it, there is transport.c.
FUZZED_SRC := $(LIB_SRC) $(EST_SRC) $(filter-out client/http%.c client/jail.c,$(CLIENT_SRC)) $(OCSP_SRC) $(SCAN_SRC) $(WATCH_SRC) $(ENROLL_SRC) $(AGENT_SRC) \
	$(wildcard ca/store/*.c ca/audit/*.c) ca/enroll/passwords.c crl/build.c hostkey/content.c $(addprefix ca/signer/,checklog.c record.c) $(wildcard ca/signer/guard*.c) tests/unit/signer_place.c \
	$(addprefix tools/,$(addsuffix .c,csv importindex ctstate scanstate exported verify json tool viewimport viewimport_apply viewimport_stage))
ALL_SRC := $(LIB_SRC) $(CORE_SRC) $(SIGNER_SRC) $(TOKEN_SRC) $(HOSTKEY_SRC) $(SUPERVISE_SRC) $(CRL_SRC) $(OCSP_SRC) $(EST_SRC) $(ENROLL_SRC) $(PUBLIC_SRC) $(ADMIN_SRC) $(WATCH_SRC) \
	$(NOTIFY_SRC) $(DELIVER_SRC) $(SCAN_SRC) $(CLIENT_SRC) $(AGENT_SRC) $(MAIN_SRC) $(TOOLS_SRC) $(BENCH_SRC) $(BENCH_HELP_SRC) $(SHIM_SRC) $(FAULTS_SRC) $(RECORDER_SRC) $(UNIT_SRC) $(UNIT_HELP_SRC) $(UNIT_MODEL_SRC) $(FUZZ_SRC)

LIB_A := $(BUILD)/lib.a
CORE_A := $(BUILD)/core.a
SIGNER_A := $(BUILD)/signer.a
TOKEN_A := $(BUILD)/token.a
HOSTKEY_A := $(BUILD)/hostkey.a
SUPERVISE_A := $(BUILD)/supervise.a
OCSP_A := $(BUILD)/ocsp.a
EST_A := $(BUILD)/est.a
PUBLIC_A := $(BUILD)/public.a
ADMIN_A := $(BUILD)/admin.a
WATCH_A := $(BUILD)/watch.a
NOTIFY_A := $(BUILD)/notify.a
DELIVER_A := $(BUILD)/deliver.a
ENROLL_A := $(BUILD)/enroll.a
SCAN_A := $(BUILD)/scan.a
CLIENT_A := $(BUILD)/client.a
AGENT_A := $(BUILD)/agent.a
TOOLS_A := $(BUILD)/tools.a
AUDIT_A := $(BUILD)/audit.a
UNIT_A := $(BUILD)/unit.a
BENCH_A := $(BUILD)/bench.a
FUZZED_A := $(BUILD)/fuzzed.a

PROGRAMS := $(patsubst main/%.c,$(BUILD)/bin/%,$(MAIN_SRC)) $(if $(TOOLS_SRC),$(BUILD)/bin/cerca)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
FUZZ_PROGRAMS := $(addprefix $(BUILD)/fuzz/,$(FUZZ_TARGETS))
REPLAY_PROGRAMS := $(addprefix $(BUILD)/replay/,$(FUZZ_TARGETS))
SHIM := $(BUILD)/shim/libcerca-shim.so $(BUILD)/shim/libcerca-faults.so
RECORDER := $(BUILD)/torture/recorder.so

# --- what people type ---------------------------------------------------------

# BOOTSTRAP=true skips the look at Debian packages.
BOOTSTRAP ?= ./bootstrap
RUN_DIR ?= run
HTTP_PORT ?=
HTTPS_PORT ?=
# On all processors, unless -j was given.
SELF = +@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all help programs unit-programs bench-programs fuzz-programs replay-programs shim recorder everything
all: programs ## build the programs into build/bin (the default)

programs: $(PROGRAMS)
unit-programs: $(UNIT_PROGRAMS)
bench-programs: $(BENCH_PROGRAMS)
fuzz-programs: $(FUZZ_PROGRAMS)
replay-programs: $(REPLAY_PROGRAMS)
shim: $(SHIM)
recorder: $(RECORDER)
everything: programs unit-programs bench-programs replay-programs shim recorder

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile
	@echo 'For each of them: BUILD=build, CC=gcc, CFLAGS=, WERROR=1, BOOTSTRAP=true (installs nothing).'

.PHONY: run test unit asan torture soak hsm-campaign faults coverage bench lint tidy install clean

# In the foreground; ^C or TERM stops it, and everything is still there at the next start.
run: ## install what is missing, make a CA in RUN_DIR=run if there is none, and run it (HTTP_PORT=8080, HTTPS_PORT=8443)
	@$(BOOTSTRAP) run
	$(SELF) programs
	@$(BUILD)/bin/cerca init --brief --dev $(RUN_DIR) \
		$(if $(HTTP_PORT),--http-port $(HTTP_PORT)) $(if $(HTTPS_PORT),--https-port $(HTTPS_PORT))
	@exec $(BUILD)/bin/cercad --hint -c $(RUN_DIR)/cerca.conf

test: ## install what is missing, build, and run all unit tests and flows (V=1: each assertion; JOBS= at one time)
	@$(BOOTSTRAP) test
	$(SELF) WERROR=1 programs
	$(SELF) BUILD=$(BUILD)/test HOOKS=1 WERROR=1 everything
	@CERCA_RELEASE_BUILD=$(BUILD) CERCA_BUILD=$(BUILD)/test tests/run-tests

unit: ## build the test variant and run the unit tests only
	$(SELF) BUILD=$(BUILD)/test HOOKS=1 WERROR=1 programs shim unit-programs
	@CERCA_RELEASE_BUILD=$(BUILD) CERCA_BUILD=$(BUILD)/test tests/run-tests \
		$(patsubst tests/unit/%.c,$(BUILD)/test/unit/%,$(UNIT_SRC))

asan: ## all tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(BOOTSTRAP) test
	$(SELF) WERROR=1 programs
	$(SELF) BUILD=$(BUILD)/asan HOOKS=1 WERROR=1 SANITIZE=address,undefined everything
	@CERCA_RELEASE_BUILD=$(BUILD) CERCA_BUILD=$(BUILD)/asan \
		UBSAN_OPTIONS=print_stacktrace=1 tests/run-tests

# N kills, all promises checked after each BATCH of them, ROUNDS of a power cut; SEED repeats their order. What
# broke, when, and the state of the CA then is kept.
N ?= 1000
BATCH ?=
ROUNDS ?= 200
SEED ?=
torture: ## kill -9 programs under load N=1000 times (looking after each BATCH=20), cut the power ROUNDS=200 times, by SEED=: nothing acknowledged may be lost
	@$(BOOTSTRAP) test
	$(SELF) BUILD=$(BUILD)/test HOOKS=1 WERROR=1 programs recorder
	@CERCA_BIN=$(abspath $(BUILD)/test/bin) CERCA_RECORDER=$(abspath $(BUILD)/test/torture/recorder.so) \
		tests/torture/run -n $(N) $(if $(BATCH),-b $(BATCH)) -d $(ROUNDS) $(if $(SEED),-s $(SEED)) -o $(BUILD)/torture

hsm-campaign: ## every PKCS#11 return value, hang, crash and lie at every call of the signer
	@$(BOOTSTRAP) test
	$(SELF) BUILD=$(BUILD)/test HOOKS=1 WERROR=1 programs shim $(BUILD)/test/unit/signer_campaign_test \
		$(BUILD)/test/unit/signer_provision_test
	@CERCA_CAMPAIGN=full V=1 CERCA_RELEASE_BUILD=$(BUILD) CERCA_BUILD=$(BUILD)/test \
		tests/run-tests $(BUILD)/test/unit/signer_campaign_test \
		$(BUILD)/test/unit/signer_provision_test 2>$(BUILD)/hsm-campaign.log

# Two thirds of the time are compared, so a few minutes say little.
soak: ## mixed load at four fifths for SECONDS=3600; nothing may grow
	@$(BOOTSTRAP) run test
	$(SELF) programs bench-programs shim
	@CERCA_BUILD=$(BUILD) tests/soak/run $(if $(filter command line,$(origin SECONDS)),$(SECONDS),3600)

# POINTS of each kind of call fail, in each program.
POINTS ?= 10
NOMEM := $(patsubst tests/unit/%.c,unit/%,$(wildcard tests/unit/nomem_*_test.c))
faults: ## let POINTS=10 allocations, opens, writes, syncs, ... of each program fail, by SEED=; no promise may break
	@$(BOOTSTRAP) test
	$(SELF) BUILD=$(BUILD)/test HOOKS=1 WERROR=1 programs shim $(addprefix $(BUILD)/test/,$(NOMEM))
	@CERCA_CAMPAIGN=full V=1 CERCA_RELEASE_BUILD=$(BUILD) CERCA_BUILD=$(BUILD)/test \
		tests/run-tests $(addprefix $(BUILD)/test/,$(NOMEM)) 2>$(BUILD)/nomem.log
	@tests/faults/run $(BUILD)/test --points $(POINTS) $(if $(SEED),--seed $(SEED)) --json $(BUILD)/faults.json

# The tests may fail where counting makes them slow; what they ran is counted all the same. Then POINTS of each kind of
# call fail in each program, so that what is left are the error paths that neither ran.
COUNTED := $(BUILD)/coverage
coverage: ## which lines and branches run in all tests, and when calls fail (POINTS): a table, and the rest as a list
	@$(BOOTSTRAP) test lint
	$(SELF) WERROR=1 programs
	$(SELF) BUILD=$(COUNTED) HOOKS=1 CC=clang COVERAGE=1 everything
	@rm -rf $(COUNTED)/counts && mkdir -m 1777 $(COUNTED)/counts
	-@CERCA_RELEASE_BUILD=$(BUILD) CERCA_BUILD=$(COUNTED) tests/run-tests
	@tests/coverage merge $(COUNTED) tests
	-@CERCA_CAMPAIGN=full CERCA_RELEASE_BUILD=$(BUILD) CERCA_BUILD=$(COUNTED) tests/run-tests $(addprefix $(COUNTED)/,$(NOMEM))
	-@tests/faults/run $(COUNTED) --points $(POINTS) $(if $(SEED),--seed $(SEED)) --json $(COUNTED)/faults.json
	@tests/coverage merge $(COUNTED) faults
	@tests/coverage report $(COUNTED) tests faults

bench: ## measure, print value, reference, ratio and goal, write build/bench.json; BENCH_PARTS="growing" and so on: docs/benchmarks.md
	@$(BOOTSTRAP) run test
	$(SELF) programs bench-programs shim
	@CERCA_BUILD=$(BUILD) tests/bench/run

# SECONDS is also a variable of shells, so only that of the command line counts.
FUZZ_SECONDS := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)
RUNS ?=
FUZZ ?= $(FUZZ_TARGETS)
define fuzz-build
	@$(BOOTSTRAP) test lint
	$(SELF) BUILD=$(BUILD)/fuzz CC=clang HOOKS=1 SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
endef

.PHONY: fuzz fuzz-corpus
fuzz: ## run every fuzz target (or FUZZ="NAME ...") for SECONDS=60 each, or for RUNS= inputs of a fixed seed
	$(fuzz-build)
	@tests/fuzz/run --seconds $(FUZZ_SECONDS) $(if $(RUNS),--runs $(RUNS)) $(BUILD)/fuzz $(FUZZ)

fuzz-corpus: ## the smallest corpus that reaches what all inputs found so far reach
	$(fuzz-build)
	@tests/fuzz/run --minimise $(BUILD)/fuzz $(FUZZ)

# --- lint ---------------------------------------------------------------------

C_FILES := $(ALL_SRC) $(wildcard lib/*.h ca/*.h ca/*/*.h crl/*.h ocsp/*.h est/*.h enroll/*.h public/*.h admin/*.h watch/*/*.h deliver/*.h scan/*.h client/*.h token/*.h hostkey/*.h agent/*.h agent/*/*.h main/*.h tools/*.h \
	tests/*/*.h tests/bench/help/*.h)
SH_FILES := bootstrap .ci/run tests/run-tests \
	$(shell grep -lE '^#!.*(/|env )(ba|da)?sh' -r tests tools conf debian main 2>/dev/null)

lint: ## formatting, static analysis, floors, forbidden calls, link maps
	@$(BOOTSTRAP) test lint
	clang-format --dry-run -Werror $(C_FILES)
	shellcheck $(sort $(SH_FILES))
	tests/lint/floors --self-test
	tests/lint/floors
	tests/lint/words --self-test
	tests/lint/words
	$(SELF) WERROR=1 programs
	tests/lint/links --self-test
	tests/lint/links $(BUILD)
	@mkdir -p $(BUILD)/cppcheck
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j2 \
		--enable=warning,performance,portability --cppcheck-build-dir=$(BUILD)/cppcheck \
		--suppressions-list=tests/lint/cppcheck.txt -I. -D_GNU_SOURCE -DCERCA_TEST_HOOKS \
		'-DCERCA_VERSION="$(VERSION)"' $(ALL_SRC)
	$(SELF) -k -O BUILD=$(BUILD)/test HOOKS=1 tidy
	$(SELF) -k BUILD=$(BUILD)/analyzer WERROR=1 ANALYZER=1 programs

# A stamp a source, so that the slow part of linting is done again only where something changed.
TIDY_STAMPS := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(ALL_SRC))
tidy: $(TIDY_STAMPS)
$(BUILD)/tidy/%.ok: %.c .clang-tidy tests/lint/analyzer.h $(filter %.h,$(C_FILES)) $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  TIDY  $<'
	@clang-tidy --quiet $< -- $(filter-out -f%,$(ALL_CFLAGS)) \
		$(if $(filter-out lib/fault.c,$<),-include tests/lint/analyzer.h) 2>$@.err || \
		{ cat $@.err; exit 1; }
	@rm -f $@.err
	@touch $@

# --- installing ---------------------------------------------------------------

BINDIR := $(PREFIX)/bin
SBINDIR := $(PREFIX)/sbin
SHAREDIR := $(PREFIX)/share
MAN_PAGES := $(wildcard man/*.[1-8])
DOCS := README.md SECURITY.md CHANGELOG.md $(wildcard docs/*.md conf/README.md)
EXAMPLES := $(wildcard conf/*.conf conf/*.example)
UNITS := $(notdir $(wildcard conf/systemd/*))
# Where the texts are made that name programs of this PREFIX: another folder for whoever installs at the same time.
STAGING ?= $(BUILD)/install
here = sed 's,/usr/sbin/,$(SBINDIR)/,g; s,/usr/bin/,$(BINDIR)/,g; s,/usr/lib/cerca/,$(PREFIX)/lib/cerca/,g'
# A file into a folder of the installed system.
put = install -D -m 644 $(1) $(DESTDIR)$(2)/$(notdir $(1))$(newline)

# The packages, in DEB_DIR, from a copy of the sources and the programs that are built already.
DEB_DIR ?= $(BUILD)/deb
DEB_VERSION ?= $(VERSION)
DEB_TREE := $(DEB_DIR)/cerca-$(DEB_VERSION)
.PHONY: deb
deb: ## install what is missing, build, and make Debian packages in DEB_DIR=build/deb, of DEB_VERSION=
	@$(BOOTSTRAP) run deb
	$(SELF) WERROR=1 programs
	rm -rf $(DEB_DIR)
	mkdir -p $(DEB_TREE)
	tar -c --exclude=./build --exclude=./run --exclude=./.git . | tar -x -C $(DEB_TREE)
	sed -i '1s/(.*)/($(DEB_VERSION))/' $(DEB_TREE)/debian/changelog
	cd $(DEB_TREE) && CERCA_BUILD=$(abspath $(BUILD)) dpkg-buildpackage -b -us -uc
	rm -r $(DEB_TREE)
	lintian --fail-on error,warning $(DEB_DIR)/cerca_$(DEB_VERSION)_*.changes

.PHONY: boot-test
boot-test: ## as root: install, use, upgrade and purge the packages on a machine that boots with systemd
	$(MAKE) deb DEB_DIR=$(BUILD)/deb
	$(MAKE) deb DEB_DIR=$(BUILD)/deb-next DEB_VERSION=$(VERSION)+next
	@apt-get -qq install --no-install-recommends systemd-container
	tests/boot/run $(BUILD)/deb $(BUILD)/deb-next

# The packages of an earlier commit, which its own Makefile makes; of a version that is older than this one's.
FROM ?=
UPGRADE := $(abspath $(BUILD))/upgrade
.PHONY: upgrade-test
upgrade-test: ## as root: install the packages of the commit FROM, use them, upgrade to these; nothing may be lost: FROM=COMMIT
	@test -n '$(FROM)' || { echo 'usage: make upgrade-test FROM=COMMIT' >&2; exit 2; }
	rm -rf $(UPGRADE)
	mkdir -p $(UPGRADE)/tree
	git archive $(FROM) | tar -x -C $(UPGRADE)/tree
	$(MAKE) -C $(UPGRADE)/tree deb BUILD=build DEB_DIR=$(UPGRADE)/deb DEB_VERSION=$(VERSION)~$(shell git rev-parse --short=7 $(FROM) 2>/dev/null)
	$(MAKE) deb DEB_DIR=$(BUILD)/deb
	@apt-get -qq install --no-install-recommends systemd-container
	tests/boot/run $(UPGRADE)/deb $(BUILD)/deb upgrade

# cercad finds the programs that it starts in its own folder, so they lie together.
install: programs ## install to PREFIX=/usr/local below DESTDIR=
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR)
	install -m 755 $(BUILD)/bin/cerca $(DESTDIR)$(BINDIR)/
	install -m 755 $(filter-out %/cerca,$(PROGRAMS)) $(DESTDIR)$(SBINDIR)/
	$(foreach page,$(MAN_PAGES),$(call put,$(page),$(SHAREDIR)/man/man$(subst .,,$(suffix $(page)))))
	$(foreach file,$(EXAMPLES),$(call put,$(file),$(SHAREDIR)/cerca))
	$(foreach file,$(filter-out conf/%,$(DOCS)),$(call put,$(file),$(SHAREDIR)/doc/cerca))
	$(foreach file,$(wildcard docs/charts/*.svg),$(call put,$(file),$(SHAREDIR)/doc/cerca/charts))
	install -m 644 conf/README.md $(DESTDIR)$(SHAREDIR)/cerca/
	$(call put,conf/nginx/cerca-public.conf,$(SHAREDIR)/cerca/nginx)
	$(call put,conf/prometheus/cerca.rules.yml,$(SHAREDIR)/cerca/prometheus)
	$(call put,conf/grafana/cerca.json,$(SHAREDIR)/cerca/grafana)
	$(foreach users,cerca cerca-node,$(call put,conf/sysusers/$(users).conf,$(PREFIX)/lib/sysusers.d))
	$(call put,conf/tmpfiles/cerca.conf,$(PREFIX)/lib/tmpfiles.d)
	@mkdir -p $(STAGING)/bash $(STAGING)/zsh
	$(foreach unit,$(UNITS),$(here) conf/systemd/$(unit) >$(STAGING)/$(unit)$(newline))
	$(here) conf/lib/units >$(STAGING)/units
	install -D -m 755 $(STAGING)/units $(DESTDIR)$(PREFIX)/lib/cerca/units
	$(foreach program,cerca cerca-agent,\
		$(BUILD)/bin/$(program) completion bash >$(STAGING)/bash/$(program)$(newline) \
		$(BUILD)/bin/$(program) completion zsh >$(STAGING)/zsh/_$(program)$(newline))
	$(foreach unit,$(UNITS),$(call put,$(STAGING)/$(unit),$(PREFIX)/lib/systemd/system))
	$(foreach program,cerca cerca-agent,\
		$(call put,$(STAGING)/bash/$(program),$(SHAREDIR)/bash-completion/completions) \
		$(call put,$(STAGING)/zsh/_$(program),$(SHAREDIR)/zsh/site-functions))

clean: ## remove build/
	rm -rf $(BUILD)

define newline


endef

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
	@$(CC) $(ALL_CFLAGS) $(if $(WERROR),-Werror) $(EXTRA_CFLAGS) \
		$(if $(ANALYZER),-fanalyzer -Wno-unused-value $(if $(filter-out lib/fault.c,$<),-include tests/lint/analyzer.h)) -MMD -MP -c $< -o $@

$(call objects,$(SHIM_SRC) $(FAULTS_SRC)): EXTRA_CFLAGS := -fPIC

# An archive is made anew: `ar r` would keep the members of deleted sources.
define archive
$(1): $(call objects,$(2)) $(BUILD)/flags Makefile
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$(filter %.o,$$^)
endef
$(eval $(call archive,$(LIB_A),$(LIB_SRC)))
$(eval $(call archive,$(CORE_A),$(CORE_SRC) $(CRL_SRC)))
$(eval $(call archive,$(AUDIT_A),$(AUDIT_SRC)))
$(eval $(call archive,$(SIGNER_A),$(SIGNER_SRC)))
$(eval $(call archive,$(TOKEN_A),$(TOKEN_SRC)))
$(eval $(call archive,$(HOSTKEY_A),$(HOSTKEY_SRC)))
$(eval $(call archive,$(SUPERVISE_A),$(SUPERVISE_SRC)))
$(eval $(call archive,$(OCSP_A),$(OCSP_SRC)))
$(eval $(call archive,$(EST_A),$(EST_SRC)))
$(eval $(call archive,$(PUBLIC_A),$(PUBLIC_SRC)))
$(eval $(call archive,$(ADMIN_A),$(ADMIN_SRC)))
$(eval $(call archive,$(WATCH_A),$(WATCH_SRC)))
$(eval $(call archive,$(NOTIFY_A),$(NOTIFY_SRC)))
$(eval $(call archive,$(DELIVER_A),$(DELIVER_SRC)))
$(eval $(call archive,$(ENROLL_A),$(ENROLL_SRC)))
$(eval $(call archive,$(SCAN_A),$(SCAN_SRC)))
$(eval $(call archive,$(CLIENT_A),$(CLIENT_SRC)))
$(eval $(call archive,$(AGENT_A),$(AGENT_SRC)))
$(eval $(call archive,$(TOOLS_A),$(filter-out tools/cerca.c,$(TOOLS_SRC))))
$(eval $(call archive,$(UNIT_A),$(UNIT_HELP_SRC)))
$(eval $(call archive,$(BENCH_A),$(BENCH_HELP_SRC)))
$(eval $(call archive,$(FUZZED_A),$(FUZZED_SRC)))

# Objects and archives in the order given, then the libraries of this program.
# The map says which members went in; tests/lint/links reads it.
define link
	@mkdir -p $(@D) $(BUILD)/maps
	@echo '  LINK  $(@:$(BUILD)/%=%)'
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,-Map=$(BUILD)/maps/$(@F).map -o $@ \
		$(filter %.o %.a,$^) $(1)
endef

$(BUILD)/bin/cerca-ca: $(OBJ)/main/cerca-ca.o $(CORE_A) $(WATCH_A) $(EST_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-signer: $(OBJ)/main/cerca-signer.o $(SIGNER_A) $(TOKEN_A) $(LIB_A)
	$(call link,$(TOKEN_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cercad: $(OBJ)/main/cercad.o $(SUPERVISE_A) $(LIB_A)
	$(call link,$(CERCAD_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-public: $(OBJ)/main/cerca-public.o $(PUBLIC_A) $(OCSP_A) $(LIB_A)
	$(call link,$(HTTP_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-enroll: $(OBJ)/main/cerca-enroll.o $(ENROLL_A) $(EST_A) $(LIB_A)
	$(call link,$(HTTPS_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-admin: $(OBJ)/main/cerca-admin.o $(ADMIN_A) $(LIB_A)
	$(call link,$(HTTP_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-watch: $(OBJ)/main/cerca-watch.o $(DELIVER_A) $(NOTIFY_A) $(WATCH_A) $(LIB_A)
	$(call link,$(WATCH_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-scan: $(OBJ)/main/cerca-scan.o $(SCAN_A) $(LIB_A)
	$(call link,$(SCAN_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-agent: $(OBJ)/main/cerca-agent.o $(TOOLS_A) $(AGENT_A) $(SCAN_A) $(CLIENT_A) $(EST_A) $(LIB_A)
	$(call link,$(TOOLS_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca-agent-key: $(OBJ)/main/cerca-agent-key.o $(HOSTKEY_A) $(TOKEN_A) $(LIB_A)
	$(call link,$(TOKEN_LIBS) $(LIB_LIBS))

$(BUILD)/bin/cerca: $(OBJ)/tools/cerca.o $(TOOLS_A) $(CLIENT_A) $(EST_A) $(AUDIT_A) $(LIB_A)
	$(call link,$(TOOLS_LIBS) $(LIB_LIBS))

# A test program may reach what its name begins with: signer_ the signer and
# PKCS#11, hostkey_ what cerca-agent-key is made of, supervise_ what cercad is made of, tools_ the command line, ocsp_ the responder,
# est_ the codec of EST, fuzz_ what fuzzing is made of, nomem_ all that needs no token, agent_ what the agent does, scan_ how servers are asked, public_ what HTTP serves, enroll_ what HTTPS does, notify_ the forms of
# notices, every other one the core.
$(BUILD)/unit/signer_%: $(OBJ)/tests/unit/signer_%.o $(UNIT_A) $(SIGNER_A) $(TOKEN_A) $(CORE_A) $(WATCH_A) $(EST_A) $(LIB_A)
	$(call link,$(TOKEN_LIBS) $(CORE_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/hostkey_%: $(OBJ)/tests/unit/hostkey_%.o $(UNIT_A) $(HOSTKEY_A) $(TOKEN_A) $(CLIENT_A) $(EST_A) $(LIB_A)
	$(call link,$(TOKEN_LIBS) $(TOOLS_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/supervise_%: $(OBJ)/tests/unit/supervise_%.o $(UNIT_A) $(SUPERVISE_A) $(LIB_A)
	$(call link,$(CERCAD_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/tools_%: $(OBJ)/tests/unit/tools_%.o $(UNIT_A) $(TOOLS_A) $(CLIENT_A) $(EST_A) $(AUDIT_A) $(LIB_A)
	$(call link,$(TOOLS_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/ocsp_%: $(OBJ)/tests/unit/ocsp_%.o $(UNIT_A) $(OCSP_A) $(CORE_A) $(WATCH_A) $(EST_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/est_%: $(OBJ)/tests/unit/est_%.o $(UNIT_A) $(CORE_A) $(WATCH_A) $(EST_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/public_%: $(OBJ)/tests/unit/public_%.o $(UNIT_A) $(PUBLIC_A) $(OCSP_A) $(LIB_A)
	$(call link,$(HTTP_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/enroll_%: $(OBJ)/tests/unit/enroll_%.o $(UNIT_A) $(ENROLL_A) $(EST_A) $(LIB_A)
	$(call link,$(HTTPS_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/notify_%: $(OBJ)/tests/unit/notify_%.o $(UNIT_A) $(NOTIFY_A) $(WATCH_A) $(LIB_A)
	$(call link,$(WATCH_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/deliver_%: $(OBJ)/tests/unit/deliver_%.o $(UNIT_A) $(DELIVER_A) $(NOTIFY_A) $(WATCH_A) $(LIB_A)
	$(call link,$(WATCH_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/scan_%: $(OBJ)/tests/unit/scan_%.o $(UNIT_A) $(SCAN_A) $(LIB_A)
	$(call link,$(SCAN_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/agent_%: $(OBJ)/tests/unit/agent_%.o $(UNIT_A) $(AGENT_A) $(CLIENT_A) $(SCAN_A) $(EST_A) $(LIB_A)
	$(call link,$(TOOLS_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/fuzz_%: $(OBJ)/tests/unit/fuzz_%.o $(call objects,tests/fuzz/mutate_der.c) $(UNIT_A) $(LIB_A)
	$(call link,$(LIB_LIBS) $(TEST_LIBS))

# In these the Nth allocation of OpenSSL's fails (tests/unit/nomem_help.h).
$(BUILD)/unit/nomem_%: $(OBJ)/tests/unit/nomem_%.o $(UNIT_A) $(TOOLS_A) $(AGENT_A) $(CLIENT_A) $(SCAN_A) $(OCSP_A) \
		$(CORE_A) $(WATCH_A) $(EST_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(TOOLS_LIBS) $(LIB_LIBS) $(TEST_LIBS))

# Models stand in for what they are named after, so only those link them who want no real one.
$(BUILD)/unit/view_%: $(OBJ)/tests/unit/view_%.o $(OBJ)/tests/unit/model_store.o $(UNIT_A) \
		$(CORE_A) $(WATCH_A) $(TOOLS_A) $(CLIENT_A) $(EST_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(UNIT_A) $(CORE_A) $(WATCH_A) $(EST_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(LIB_LIBS) $(TEST_LIBS))

$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(BENCH_A) $(PUBLIC_A) $(OCSP_A) $(CORE_A) $(WATCH_A) $(EST_A) $(LIB_A)
	$(call link,$(CORE_LIBS) $(TOOLS_LIBS) $(LIB_LIBS) -ldl)

FUZZ_LIBS := $(LIB_LIBS) $(CORE_LIBS) $(TOOLS_LIBS) $(HTTPS_LIBS)
$(BUILD)/fuzz/%: $(OBJ)/tests/fuzz/target/%.o $(call objects,tests/fuzz/harness.c tests/fuzz/mutate_der.c $(FUZZ_HELP_SRC)) $(NOTIFY_A) $(FUZZED_A)
	$(call link,$(FUZZ_LIBS) -fsanitize=fuzzer)

$(BUILD)/replay/%: $(OBJ)/tests/fuzz/target/%.o $(call objects,tests/fuzz/replay.c $(FUZZ_HELP_SRC)) $(NOTIFY_A) $(FUZZED_A)
	$(call link,$(FUZZ_LIBS))

$(BUILD)/shim/libcerca-shim.so: $(call objects,$(SHIM_SRC))
$(BUILD)/shim/libcerca-faults.so: $(call objects,$(FAULTS_SRC))
$(BUILD)/shim/%.so:
	@mkdir -p $(@D)
	@echo '  LINK  $(@:$(BUILD)/%=%)'
	@$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -shared -Wl,-z,relro,-z,now -o $@ $^ -ldl

# Preloaded before a sanitizer's own library, so without one; what it counted would be in what it records.
$(BUILD)/torture/recorder.so: $(RECORDER_SRC) $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  LINK  $(@:$(BUILD)/%=%)'
	@$(CC) $(filter-out -fPIE -fsanitize=% -fno-sanitize-recover=% $(COUNTING),$(ALL_CFLAGS)) $(if $(WERROR),-Werror) -fPIC -shared \
		-Wl,-z,relro,-z,now -o $@ $(filter %.c,$^)

.SECONDARY:
-include $(patsubst %.c,$(OBJ)/%.d,$(ALL_SRC))
