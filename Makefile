# Tapir's build: one Makefile, no recursion into folders. `make help` lists the targets.
# A variant (plain, asan, ...) keeps what it makes in build/VARIANT/; only the plain program and library stand in build/.

VARIANT ?= plain
PREFIX ?= /usr/local
VERSION := $(shell sed -n 's/^\#define TAPIR_VERSION "\(.*\)"/\1/p' stack/tapir.h 2>/dev/null)
FUZZ_SECONDS ?= 30
JOBS ?= 2
PKG_CONFIG ?= pkg-config
ifeq ($(origin CC),default)
CC := gcc
endif

T := build/$(VARIANT)
B := $(if $(filter plain,$(VARIANT)),build,$(T))

WARN := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wstrict-prototypes -Wvla
WARN += $(if $(filter true 1,$(CI) $(WERROR)),-Werror)
WARN += $(if $(findstring clang,$(CC))$(filter clang fuzz,$(VARIANT)),,-Wno-error=maybe-uninitialized)
OPT := -O2 -g
# TCP is there to be stepped through in a debugger: nothing of it is optimized out. docs/performance.md has what it costs.
STEP_OPT := $(if $(filter plain,$(VARIANT)),-Og)
MODE :=
LINKMODE :=
RUN :=

ifeq ($(VARIANT),asan)
MODE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DTAPIR_DEBUG=1
RUN := -m 6
else ifeq ($(VARIANT),ubsan)
MODE := -fsanitize=undefined -fno-sanitize-recover=all -DTAPIR_DEBUG=1
RUN := -m 4
else ifeq ($(VARIANT),valgrind)
RUN := -m 30 -w 'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible'
else ifeq ($(VARIANT),clang)
CC := clang
else ifeq ($(VARIANT),fuzz)
CC := clang
OPT := -O1 -g
MODE := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DTAPIR_DEBUG=1
else ifeq ($(VARIANT),cov)
OPT := -O0 -g
MODE := --coverage -DTAPIR_DEBUG=1
RUN := -m 4
else ifneq ($(VARIANT),plain)
$(error VARIANT=$(VARIANT) is none of plain asan ubsan valgrind clang fuzz cov)
endif

# The core is standard C and knows no system; all else may use what Linux has.
CORE_CFLAGS := -std=c17
HOST_CFLAGS := -std=c17 -D_GNU_SOURCE
COMMON := $(OPT) $(MODE) $(WARN) $(if $(filter asan,$(VARIANT)),-fPIC,-fPIE) -fvisibility=hidden -fno-common -I.

CORE_SRC := $(sort $(wildcard stack/*.c stack/*/*.c dns/*.c drivers/simlink*.c))
LIB_SRC := $(sort $(CORE_SRC) $(wildcard drivers/*.c tls/*.c))
APP_SRC := $(sort $(wildcard apps/*.c apps/*/*.c))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c tests/model/model*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c tests/model/test_*.c))
SIM_SRC := $(sort $(wildcard tests/sim/test_*.c))
SCRIPT_SRC := $(sort $(wildcard tests/script/test_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
E2E := $(sort $(filter-out tests/e2e/lib%.sh tests/e2e/common%.sh,$(wildcard tests/e2e/*.sh)))

UNIT := $(UNIT_SRC:%.c=$(T)/%)
SIM := $(SIM_SRC:%.c=$(T)/%)
SCRIPT := $(SCRIPT_SRC:%.c=$(T)/%)
REPLAY := $(FUZZ_SRC:%.c=$(T)/%)
# Longest first, so that the last to run are short ones. The check of a list that carries an id of the ledger is among them.
ALL_TESTS := $(SIM) $(E2E) $(SCRIPT) $(REPLAY) $(UNIT) tests/check/test_kernel_differs.sh

LIB := $(B)/libtapir.a
SUPPORT := $(T)/libsupport.a
# The program without its main, for the tests of its parts.
APPS := $(T)/libapps.a
PROGRAM := $(if $(APP_SRC),$(B)/tapir)
CORE_OBJ := $(CORE_SRC:%.c=$(T)/%.o)
OBJ := $(patsubst %.c,$(T)/%.o,tools/bench/simpath.c tools/bench/dnsload.c $(LIB_SRC) $(APP_SRC) $(SUPPORT_SRC) $(UNIT_SRC) $(SIM_SRC) $(SCRIPT_SRC) \
	$(FUZZ_SRC) $(wildcard tests/fuzz/replay.c))

ifneq ($(filter-out help clean uninstall,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell $(PKG_CONFIG) --exists libpcap && echo yes),yes)
$(error pkg-config or libpcap is missing: run `sh tools/bootstrap build`, which installs it)
endif
ifneq ($(shell $(PKG_CONFIG) --exists 'jansson >= 2.10' && echo yes),yes)
$(error libjansson, for JSON, is missing: run `sh tools/bootstrap build`, which installs it)
endif
PCAP_CFLAGS := $(shell $(PKG_CONFIG) --cflags libpcap)
PCAP_LIBS := $(shell $(PKG_CONFIG) --libs libpcap)
# The program's alone: the library has no JSON in it.
JSON_CFLAGS := $(shell $(PKG_CONFIG) --cflags jansson)
JSON_LIBS := $(shell $(PKG_CONFIG) --libs jansson)
CMOCKA_CFLAGS := $(shell $(PKG_CONFIG) --cflags cmocka 2>/dev/null)
CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)
# Other flags than last time make everything anew.
FLAGS := $(CC) $(COMMON) $(STEP_OPT) $(PCAP_CFLAGS) $(JSON_CFLAGS) $(CMOCKA_CFLAGS) $(CFLAGS) $(LDFLAGS)
keep = $(shell mkdir -p $(T); printf '%s\n' '$(2)' | cmp -s - $(T)/$(1) || printf '%s\n' '$(2)' >$(T)/$(1))
$(call keep,flags,$(FLAGS))
$(call keep,sources,$(LIB_SRC) $(SUPPORT_SRC))
endif

all: $(LIB) $(PROGRAM)

$(CORE_OBJ): STD := $(CORE_CFLAGS)
$(T)/stack/tcp/%.o $(T)/stack/sock/%.o: COMMON += $(STEP_OPT)
$(T)/apps/%.o $(T)/tests/%.o: COMMON += $(JSON_CFLAGS)
STD := $(HOST_CFLAGS)

$(T)/%.o: %.c $(T)/flags
	@mkdir -p $(@D)
	$(CC) $(STD) $(COMMON) $(PCAP_CFLAGS) $(CMOCKA_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_SRC:%.c=$(T)/%.o) $(T)/sources
$(SUPPORT): $(SUPPORT_SRC:%.c=$(T)/%.o) $(T)/sources
$(APPS): $(patsubst %.c,$(T)/%.o,$(filter-out apps/tapir.c,$(APP_SRC))) $(T)/sources
$(LIB) $(SUPPORT) $(APPS):
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)

$(PROGRAM): $(T)/apps/tapir.o $(APPS) $(LIB)
	$(CC) $(OPT) $(MODE) -pie $(LDFLAGS) -o $@ $^ $(PCAP_LIBS) $(JSON_LIBS) -lpthread

PARTS = -Wl,--start-group $(SUPPORT) $(APPS) $(LIB) -Wl,--end-group $(PCAP_LIBS) $(JSON_LIBS) $(CMOCKA_LIBS) -lpthread -lm

$(UNIT) $(SIM) $(SCRIPT): %: %.o $(SUPPORT) $(APPS) $(LIB)
	$(if $(CMOCKA_LIBS),,$(error cmocka is missing: run `sh tools/bootstrap build`, which installs it))
	$(CC) $(OPT) $(MODE) -pie $(LDFLAGS) -o $@ $< $(PARTS)

# A fuzz target replays its corpus with a small main of ours; in the fuzz variant libFuzzer brings the main.
FUZZ_MAIN := $(if $(filter fuzz,$(VARIANT)),,$(T)/tests/fuzz/replay.o)
$(REPLAY): %: %.o $(FUZZ_MAIN) $(SUPPORT) $(APPS) $(LIB)
	$(CC) $(OPT) $(MODE) $(if $(FUZZ_MAIN),-pie,-fsanitize=fuzzer) $(LDFLAGS) -o $@ $< $(FUZZ_MAIN) $(PARTS)

# Programs that are only the other side of an end-to-end test; the tests call build/peers/bin/NAME.
PEERS := tcpdump ncat arping ab wrk gdb dig named dnssec-keygen dnssec-signzone unbound knotd nsd dnsmasq dnspython

peers:
	@$(if $(E2E),tools/peers $(PEERS))

RUN_TESTS = TAPIR='$(CURDIR)/$(B)/tapir' BUILD='$(CURDIR)/$(B)' tests/run -j $(JOBS) $(RUN) -o $(T)

# With some rows of the golden table: who changes what a connection does sees it here.
unit: $(UNIT) $(T)/tests/sim/test_throughput
	@TAPIR_GOLDEN_EVERY=$(or $(GOLDEN_EVERY),7) $(RUN_TESTS) -r results-unit.tsv $(UNIT) $(T)/tests/sim/test_throughput

# The packet scripts; the program that runs one by name is left below build/.
script: $(SCRIPT)
	@$(RUN_TESTS) -r results-script.tsv $(SCRIPT)

tests: all $(UNIT) $(SIM) $(SCRIPT) $(REPLAY)

test: tests peers
	@$(RUN_TESTS) -l $(ALL_TESTS)

e2e: all peers
	@$(RUN_TESTS) -r results-e2e.tsv $(E2E)

asan ubsan:
	@$(MAKE) --no-print-directory VARIANT=$@ run-all

valgrind:
	@$(MAKE) --no-print-directory VARIANT=$@ run-script

run-all: tests peers
	@$(RUN_TESTS) $(ALL_TESTS)

run-script: $(UNIT) $(SCRIPT)
	@$(RUN_TESTS) $(SCRIPT) $(UNIT)

sim-long: $(SIM)
	@TAPIR_SIM_LONG=1 $(RUN_TESTS) -m 30 -r results-sim-long.tsv $(SIM)

golden: $(T)/tests/sim/test_throughput
	@TAPIR_GOLDEN=write $< >$(T)/golden.log && git --no-pager diff --stat -- tests/sim/throughput.golden

fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz run-fuzz

run-fuzz: $(REPLAY)
	@tools/fuzz -j $(JOBS) -s $(FUZZ_SECONDS) $(REPLAY)

cov:
	@$(MAKE) --no-print-directory VARIANT=cov run-cov

run-cov: tests peers
	@find $(T) -name '*.gcda' -exec rm -f {} +
	@$(RUN_TESTS) $(ALL_TESTS); status=$$?; tools/coverage $(T) stack dns && exit $$status

check: check-layers check-headers check-purity check-style check-self

check-layers:
	@tools/check-layers

check-headers:
	@tools/check-headers $(CC) $(WARN) -I. $(PCAP_CFLAGS) $(JSON_CFLAGS) $(CMOCKA_CFLAGS)

# Judged on the plain build of both compilers.
check-purity: $(CORE_OBJ)
	@tools/check-purity $(CC) $(CORE_OBJ)
ifneq ($(CC),clang)
	@$(MAKE) --no-print-directory VARIANT=clang check-purity
endif

check-style:
	@JOBS=$(JOBS) tools/check-style

# Each check, on a small tree that breaks it, must fail.
check-self:
	@tests/run -j $(JOBS) -o $(T) -r results-check.tsv $(sort $(wildcard tests/check/test_*.sh))

tidy:
	clang-format -i $$(find stack dns tls drivers apps tests -name '*.[ch]' 2>/dev/null)

demo: all
	@$(B)/tapir demo

# What was fetched for the tests stays: it needs the network again.
clean:
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name peers -exec rm -rf {} +

help:
	@sed -n 's/^#: //p' Makefile

#: make            the program build/tapir and the library build/libtapir.a
#: make demo       a TAP, a ping, a curl and a name in a private network namespace, narrated
#: make test       unit, script, simulation, fuzz corpus, ledger and end-to-end tests on the plain build
#: make unit       the unit tests only: seconds
#: make script     the packet scripts only: seconds
#: make e2e        the end-to-end tests only (network namespaces, /dev/net/tun)
#: make check      layers, purity, style
#: make asan       all tests under AddressSanitizer and UndefinedBehaviorSanitizer      make ubsan   ... the latter alone
#: make valgrind   unit and script tests under valgrind
#: make fuzz       every fuzz target for FUZZ_SECONDS (30) each, with clang's libFuzzer
#: make cov        all tests with line and branch coverage of stack/ and dns/
#: make sim-long   the simulations, many more seeds
#: make golden     the table of tests/sim/throughput.golden anew
#: make bench      throughput beside the kernel's own stack      make bench-quick   ... under a minute
#: make kernel-diff the packet scripts, played to the kernel of this machine (root)
#: make bench-path the kernel's TCP and ours over one simulated path      make bench-dns   lookups beside c-ares and glibc
#: make tidy       formats all C files
#: make install    to PREFIX (/usr/local), under DESTDIR     make uninstall
#: make clean      removes what was built
#: Variables: VARIANT=plain|asan|ubsan|clang|cov JOBS=2 CC CFLAGS LDFLAGS WERROR=1 (or CI=true) FUZZ_SECONDS=30
#: What the build needs: sh tools/bootstrap [build|demo|test|check]

.PHONY: all unit script tests peers test e2e asan ubsan valgrind run-all run-script sim-long golden fuzz run-fuzz cov run-cov check \
	check-layers check-headers check-purity check-style check-self bench bench-quick bench-path bench-dns tidy demo install uninstall clean help
.SECONDARY: $(OBJ)
.DELETE_ON_ERROR:
include tools/packetdrill/rules.mk tools/gdb/rules.mk tools/bench/rules.mk tools/install.mk
-include $(OBJ:.o=.d)
