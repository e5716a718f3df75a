# cpps-bridge. `make run` runs a bridge of your own, `make test` checks everything, `make help` lists the rest.
#
# One non-recursive Makefile. A room (daemon/<room>) is one static library that may include only itself and the rooms
# named after it in ROOMS; BUILD=release|debug|asan|cov|fuzz builds into build/$(BUILD), and build/cpps-bridged and build/cppsctl
# point at the programs built last.

.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all

BUILD ?= release
PREFIX ?= /usr
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
RUN_DIR ?= .run
VERSION := 0.1.0

B := build/$(BUILD)
CC := gcc

# ---- Rooms, from the top of the building to its foundations ----
ROOMS := ctl service feeder client flow store config wire core base

base_LIBS :=
core_LIBS :=
wire_LIBS := libprotobuf-c jansson libsodium
store_LIBS := libpq libsystemd
flow_LIBS := libzmq libsystemd
client_LIBS := libzmq
feeder_LIBS := sqlite3 libsystemd
service_LIBS := libsystemd
config_LIBS := libcyaml
ctl_LIBS := smartcols libpq jansson

$(foreach room,$(ROOMS),$(eval $(room)_SOURCES := $(filter-out %/main.c,$(wildcard daemon/$(room)/*.c))))

PROGRAMS := $(B)/cpps-bridged $(B)/cppsctl
LIBRARIES := $(B)/libcppsbridge.a $(B)/libcppsbridge.so.0
bridged_ROOMS := service flow store config wire core base
cppsctl_ROOMS := ctl feeder client flow store config wire core base
library_ROOMS := client flow wire core base

# ---- Flags ----
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wswitch-enum
CPPFLAGS += -Idaemon -I$(B)/gen -I$(B)/gen/proto -D_GNU_SOURCE -DCPPS_VERSION='"$(VERSION)"' -DUTHASH_SEEDED
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_cov := -O0 -g --coverage -fprofile-update=atomic
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined
LDFLAGS_release := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDFLAGS_debug :=
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_cov := --coverage
LDFLAGS_fuzz := -fsanitize=address,undefined
ifeq ($(BUILD),fuzz)
CC := clang
endif
# Objects serve the programs and the shared library alike; only what cpps-bridge.h marks leaves the latter.
CFLAGS_library := -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections
CFLAGS := -std=gnu17 $(WARNINGS) $(if $(CI),-Werror) $(CFLAGS_library) $(CFLAGS_$(BUILD))
LDFLAGS := $(LDFLAGS_$(BUILD))

# Objects are made anew when these flags change.
FLAGS := $(CC) $(CFLAGS_library) $(CFLAGS_$(BUILD))
ifneq ($(shell cat $(B)/.flags 2>/dev/null),$(FLAGS))
$(shell mkdir -p $(B) && echo '$(FLAGS)' > $(B)/.flags)
endif

pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)
room_libs = $(foreach room,$(1),$(B)/lib/$(room).a)
room_pkgs = $(sort $(foreach room,$(1),$($(room)_LIBS)))

all: $(PROGRAMS) $(LIBRARIES) links

links: $(PROGRAMS)
	@ln -sfn $(BUILD)/cpps-bridged build/cpps-bridged
	@ln -sfn $(BUILD)/cppsctl build/cppsctl

# ---- Generated sources ----
PROTOS := $(wildcard proto/*.proto)
PROTO_STEMS := $(patsubst proto/%.proto,%,$(PROTOS))
GOOGLE_STEMS := google/protobuf/any google/protobuf/timestamp google/protobuf/wrappers
PROTO_C := $(PROTO_STEMS:%=$(B)/gen/proto/%.pb-c.c) $(GOOGLE_STEMS:%=$(B)/gen/proto/%.pb-c.c)
PROTO_OBJECTS := $(PROTO_C:.c=.o)
GENERATED := $(B)/gen/.proto-done

$(B)/gen/.proto-done: $(PROTOS)
	@mkdir -p $(B)/gen/proto
	protoc --proto_path=proto --c_out=$(B)/gen/proto $(PROTOS)
	protoc --proto_path=/usr/include --c_out=$(B)/gen/proto $(GOOGLE_STEMS:%=/usr/include/%.proto)
	@touch $@
$(PROTO_C): $(B)/gen/.proto-done ;

# The migrations and the shipped policy, held by the programs themselves.
SQL_FILES := $(sort $(wildcard sql/*.sql)) $(sort $(wildcard sql/policy/*.csv))
$(B)/gen/sql_files.c: $(SQL_FILES) deploy/embed.sh
	@mkdir -p $(@D)
	sh deploy/embed.sh $(SQL_FILES) > $@

# ---- Objects, libraries, programs ----
objects = $(patsubst %.c,$(B)/%.o,$($(1)_SOURCES))
EXTRA_wire := $(PROTO_OBJECTS)
EXTRA_store := $(B)/gen/sql_files.o

define room_rules
$(B)/lib/$(1).a: $$(call objects,$(1)) $$(EXTRA_$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
$$(call objects,$(1)): ROOM_CFLAGS = $$(call pkg,--cflags,$$($(1)_LIBS))
endef
$(foreach room,$(ROOMS),$(eval $(call room_rules,$(room))))

$(B)/gen/%.o: $(B)/gen/%.c $(B)/.flags
	$(CC) $(CPPFLAGS) -std=gnu17 $(CFLAGS_library) $(CFLAGS_$(BUILD)) -w -c $< -o $@

$(B)/%.o: %.c $(B)/.flags | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(ROOM_CFLAGS) -MMD -MP -c $< -o $@

$(B)/cpps-bridged: $(B)/daemon/service/main.o $(call room_libs,$(bridged_ROOMS))
	$(CC) $(LDFLAGS) $^ $(call pkg,--libs,$(call room_pkgs,$(bridged_ROOMS))) -o $@

$(B)/cppsctl: $(B)/daemon/ctl/main.o $(call room_libs,$(cppsctl_ROOMS))
	$(CC) $(LDFLAGS) $^ $(call pkg,--libs,$(call room_pkgs,$(cppsctl_ROOMS))) -lcsv -o $@

# ---- libcppsbridge: the client, for programs of others; what it does not use of its rooms, the loop with them, is left out ----
LIBRARY_MAP := daemon/client/libcppsbridge.map
library_OBJECTS := $(B)/daemon/client/library.o $(call room_libs,$(library_ROOMS))
library_PKGS := $(filter-out libsystemd,$(call room_pkgs,$(library_ROOMS)))
library_SYMBOLS := $(shell sed -n 's/^\t\(cpps_[a-z_]*\);/\1/p' $(LIBRARY_MAP))
$(B)/libcppsbridge.so.0: $(library_OBJECTS) $(LIBRARY_MAP)
	$(CC) -shared $(filter-out -pie,$(LDFLAGS)) -Wl,--gc-sections -Wl,-soname,$(@F) -Wl,--version-script=$(LIBRARY_MAP) \
		$(library_OBJECTS) $(call pkg,--libs,$(library_PKGS)) -o $@
	@ln -sfn $(@F) $(B)/libcppsbridge.so
# One object, in which what is not public is local: it cannot clash with a program's own names.
$(B)/libcppsbridge.a: $(library_OBJECTS) $(LIBRARY_MAP)
	$(CC) -r -nostdlib -Wl,--gc-sections $(library_SYMBOLS:%=-Wl,-u,%) -o $(B)/libcppsbridge.o $(library_OBJECTS)
	objcopy --localize-hidden $(B)/libcppsbridge.o
	@rm -f $@
	ar rcs $@ $(B)/libcppsbridge.o

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- Unit tests: tests/unit/<room>/test_*.c, each a program linked to its room and those below it ----
below = $(if $(filter $(1),$(firstword $(2))),$(2),$(call below,$(1),$(wordlist 2,99,$(2))))
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SOURCES))
room_of = $(word 3,$(subst /, ,$(1)))

define unit_rules
$(B)/$(basename $(1)): $(B)/$(basename $(1)).o $(patsubst %.c,$(B)/%.o,$(filter-out tests/unit/$(call room_of,$(1))/test_%.c,$(wildcard tests/unit/$(call room_of,$(1))/*.c))) $(call room_libs,$(call below,$(call room_of,$(1)),$(ROOMS)))
	$$(CC) $$(LDFLAGS) $$^ $$(call pkg,--libs,cmocka $(call room_pkgs,$(call below,$(call room_of,$(1)),$(ROOMS)))) -lcsv -o $$@
endef
$(foreach source,$(UNIT_SOURCES),$(eval $(call unit_rules,$(source))))
$(B)/tests/%.o: CPPFLAGS += -Itests/unit
$(foreach room,$(ROOMS),$(eval $(B)/tests/unit/$(room)/%.o: ROOM_CFLAGS = $$(call pkg,--cflags,$$(call room_pkgs,$$(call below,$(room),$$(ROOMS))))))

unit: $(UNIT_TESTS)
	sh tests/run.sh unit $(UNIT_TESTS)

# ---- Fuzzing: tests/fuzz/fuzz_*.c ----
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS := $(patsubst %.c,$(B)/%,$(FUZZ_SOURCES))
FUZZ_SECONDS ?= 10
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(call room_libs,wire core base)
	$(CC) -fsanitize=fuzzer,address,undefined $^ $(call pkg,--libs,$(call room_pkgs,wire core base)) -o $@
fuzzers: $(FUZZERS)
fuzz: deps
	$(MAKE) BUILD=fuzz fuzzers
	sh tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)

# ---- Programs of the system tests and campaigns ----
TEST_PROGRAM_SOURCES := $(wildcard tests/system/*.c)
$(B)/tests/programs: $(patsubst %.c,$(B)/%,$(TEST_PROGRAM_SOURCES))
	@mkdir -p $(@D) && touch $@
$(B)/tests/system/%: $(B)/tests/system/%.o $(call room_libs,client flow store config wire core base)
	$(CC) $(LDFLAGS) $^ $(call pkg,--libs,$(call room_pkgs,client flow store config wire core base)) -o $@
# The daemon under a simulated clock, bus and database (tests/simulation/world.h).
SIMULATION_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard tests/simulation/*.c))
$(SIMULATION_OBJECTS): ROOM_CFLAGS = $(call pkg,--cflags,$(call room_pkgs,$(bridged_ROOMS)))
$(B)/tests/simulation/simulate: $(SIMULATION_OBJECTS) $(call room_libs,$(bridged_ROOMS))
	$(CC) $(LDFLAGS) $^ $(call pkg,--libs,$(call room_pkgs,$(bridged_ROOMS))) -lcsv -o $@
# A daemon whose every allocation, libpq and zmq call can be made to fail.
fault_CALLS := $(shell sed -n 's/^CALL.[^,]*, \([A-Za-z_]*\),.*/\1/p' tests/faults/fault.c)
$(B)/tests/faults/fault.o: ROOM_CFLAGS = $(call pkg,--cflags,libpq libzmq libsystemd jansson)
$(B)/tests/faults/cpps-bridged: $(B)/tests/faults/fault.o $(B)/daemon/service/main.o $(call room_libs,$(bridged_ROOMS))
	$(CC) $(LDFLAGS) $(fault_CALLS:%=-Wl,--wrap=%) $^ $(call pkg,--libs,$(call room_pkgs,$(bridged_ROOMS))) -o $@
test-programs: $(UNIT_TESTS) $(B)/tests/programs $(B)/tests/simulation/simulate $(B)/tests/faults/cpps-bridged

# ---- What the machine needs: the one list, for run, test and CI ----
BUILD_PACKAGES := gcc make git pkg-config libc6-dev libzmq3-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler \
	libprotobuf-dev libpq-dev libsystemd-dev libcyaml-dev libjansson-dev libsmartcols-dev uthash-dev libsodium-dev libcsv-dev libsqlite3-dev
RUN_PACKAGES := postgresql-15 tzdata util-linux
TEST_PACKAGES := libcmocka-dev clang clang-format clang-tidy libclang-rt-14-dev gcovr python3 python3-zmq python3-psycopg2 \
	python3-protobuf systemd-container man-db procps shellcheck sqlite3
deps:
	@sh deploy/deps.sh $(BUILD_PACKAGES) $(RUN_PACKAGES)
test-deps:
	@sh deploy/deps.sh $(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES)

# ---- For people ----
run: deps
	@$(MAKE) -s -j2 all
	@bash deploy/run.sh $(RUN_DIR)

demo: deps
	@$(MAKE) -s -j2 all
	@bash deploy/demo.sh .demo

# Everything that must pass, with the sanitizers on.
test: test-deps
	@$(MAKE) -s -j2 BUILD=asan CI=1 all test-programs
	@$(MAKE) -s -j2 BUILD=fuzz fuzzers
	@BUILD=asan sh tests/run.sh all

# Simulated histories; SEED=n plays and tells one.
SEEDS ?= 100000
SEED ?=
simulate: test-deps
	@$(MAKE) -s -j2 $(B)/tests/simulation/simulate
	@$(B)/tests/simulation/simulate $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))
simulate-mutants: test-deps
	bash tests/simulation/mutations.sh

# Each call made to fail, one a run; ONLY=TEXT: the places with it.
faults: test-deps
	@$(MAKE) -s -j2 BUILD=asan all test-programs
	@BUILD=asan ONLY='$(ONLY)' /usr/bin/python3 tests/faults/run.py

# The bridge on a Patroni cluster of its own: HA_PRIMARY_KILLS and HA_LEADER_KILLS (20 each) under load, with the times of takeover.
HA_PACKAGES := patroni etcd-server python3-etcd python3 python3-psycopg2 python3-zmq
test-ha-deps:
	@sh deploy/deps.sh $(BUILD_PACKAGES) $(RUN_PACKAGES) $(HA_PACKAGES)
test-ha: test-ha-deps
	@$(MAKE) -s -j2 all
	@BUILD=$(BUILD) /usr/bin/python3 tests/ha/run.py

# Everybody at work while a driver kills, stops, cuts, delays and fills up: KILLS faults (200), or SECONDS; SEED plays the same faults again.
torture: test-deps
	@$(MAKE) -s -j2 all
	@BUILD=$(BUILD) /usr/bin/python3 tests/torture/run.py --kills '$(KILLS)' --seconds '$(SECONDS)' --seed '$(SEED)'
# What the promises rest on broken once, on purpose: the campaign must find it.
torture-mutants: test-deps
	@/usr/bin/python3 tests/torture/mutants.py

# Every rule broken once, on purpose: a test must notice.
mutants: test-deps
	bash tests/unit/core/mutations.sh

# Lines of the whole, branches of core/, measured over the unit and system tests.
coverage: test-deps
	@$(MAKE) -s -j2 BUILD=cov all test-programs
	@find build/cov -name '*.gcda' -delete
	@BUILD=cov sh tests/run.sh coverage

format:
	clang-format -i $(shell git ls-files 'daemon/*.[ch]' 'tests/*.[ch]')
lint: test-deps
	sh tests/lint.sh

# What is written at install time goes through a pipe, so that its mode is ours and not the umask's.
put = install -D -m 0644 /dev/stdin $(DESTDIR)$(1)
fill = sed 's|/usr/bin/|$(PREFIX)/bin/|; s|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@REQUIRES@|$(library_PKGS)|' $(1)
CONFIG := $(DESTDIR)/etc/cpps-bridge/cpps-bridge.yaml

install: all
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin $(B)/cpps-bridged $(B)/cppsctl
	[ -e $(CONFIG) ] || install -D -m 0640 deploy/cpps-bridge.yaml $(CONFIG)
	install -D -m 0644 deploy/cpps-bridge.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/cpps-bridge.conf
	$(call fill,deploy/cpps-bridge.service) | $(call put,$(PREFIX)/lib/systemd/system/cpps-bridge.service)
	$(call fill,deploy/cpps-feeder@.service) | $(call put,$(PREFIX)/lib/systemd/system/cpps-feeder@.service)
	install -D -m 0755 -t $(DESTDIR)$(LIBDIR) $(B)/libcppsbridge.so.0
	install -D -m 0644 -t $(DESTDIR)$(LIBDIR) $(B)/libcppsbridge.a
	ln -sfn libcppsbridge.so.0 $(DESTDIR)$(LIBDIR)/libcppsbridge.so
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/include daemon/client/cpps-bridge.h
	$(call fill,deploy/cpps-bridge.pc.in) | $(call put,$(LIBDIR)/pkgconfig/cpps-bridge.pc)
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man8 deploy/cpps-bridged.8
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man3 deploy/cpps-bridge.3
	$(B)/cppsctl help --man | $(call put,$(PREFIX)/share/man/man1/cppsctl.1)
	$(B)/cppsctl help --completion | $(call put,$(PREFIX)/share/bash-completion/completions/cppsctl)

help:
	@echo 'make run [RUN_DIR=.run]  a bridge of your own, in the foreground'
	@echo 'make demo                a realistic day, shown'
	@echo 'make test                everything that must pass'
	@echo 'make test-ha             primaries and leaders killed on a Patroni cluster; HA_PRIMARY_KILLS=20, HA_LEADER_KILLS=20'
	@echo 'make torture [KILLS=200] [SECONDS=] [SEED=]   a campaign of faults over a bridge at work; torture-mutants proves that it finds'
	@echo 'make faults [ONLY=TEXT]  every allocation, libpq and zmq call of the daemon made to fail, one a run (about 10 minutes)'
	@echo 'make simulate [SEEDS=N]  the daemon under simulated time, bus and database; SEED=n plays and tells one history'
	@echo 'make coverage            lines of the whole, branches of the rules'
	@echo 'make mutants             every rule broken once, and the test that notices'
	@echo 'make fuzz [FUZZ_SECONDS=10], make lint, make format'
	@echo 'make install [DESTDIR=] [PREFIX=/usr]'
	@echo 'BUILD=release|debug|asan|cov|fuzz chooses the build'

clean:
	rm -rf build

.PHONY: all links unit clean fuzzers fuzz deps simulate simulate-mutants test-ha test-ha-deps test-deps run demo test test-programs torture torture-mutants mutants coverage format lint install help faults
