# cpps-bridge. `make run` runs a bridge of your own, `make test` checks everything, `make help` lists the rest.
#
# One non-recursive Makefile. A room (daemon/<room>) is one static library that may include only itself and the rooms
# named after it in ROOMS; BUILD=release|debug|asan|cov|fuzz builds into build/$(BUILD), and build/cpps-bridged and build/cppsctl
# point at the programs built last.

.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

BUILD ?= release
PREFIX ?= /usr
DESTDIR ?=
RUN_DIR ?= .run
VERSION := 0.1.0

B := build/$(BUILD)
CC := gcc

# ---- Rooms, from the top of the building to its foundations ----
ROOMS := ctl service client flow store config wire core base

base_LIBS :=
core_LIBS :=
wire_LIBS := libprotobuf-c jansson libsodium
store_LIBS := libpq libsystemd
flow_LIBS := libzmq libsystemd
client_LIBS := libzmq
service_LIBS := libsystemd
config_LIBS := libcyaml
ctl_LIBS := smartcols

$(foreach room,$(ROOMS),$(eval $(room)_SOURCES := $(filter-out %/main.c,$(wildcard daemon/$(room)/*.c))))

PROGRAMS := $(B)/cpps-bridged $(B)/cppsctl
bridged_ROOMS := service flow store config wire core base
cppsctl_ROOMS := ctl client flow store config wire core base

# ---- Flags ----
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wswitch-enum
CPPFLAGS += -Idaemon -I$(B)/gen -I$(B)/gen/proto -D_GNU_SOURCE -DCPPS_VERSION='"$(VERSION)"' -DUTHASH_SEEDED
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_cov := -O0 -g --coverage
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined
LDFLAGS_release := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDFLAGS_debug :=
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_cov := --coverage
LDFLAGS_fuzz := -fsanitize=address,undefined
ifeq ($(BUILD),fuzz)
CC := clang
endif
CFLAGS := -std=gnu17 $(WARNINGS) $(if $(CI),-Werror) $(CFLAGS_$(BUILD))
LDFLAGS := $(LDFLAGS_$(BUILD))

pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)
room_libs = $(foreach room,$(1),$(B)/lib/$(room).a)
room_pkgs = $(sort $(foreach room,$(1),$($(room)_LIBS)))

all: $(PROGRAMS) links

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
$$(call objects,$(1)): ROOM_CFLAGS := $$(call pkg,--cflags,$$($(1)_LIBS))
endef
$(foreach room,$(ROOMS),$(eval $(call room_rules,$(room))))

$(B)/gen/%.o: $(B)/gen/%.c
	$(CC) $(CPPFLAGS) -std=gnu17 $(CFLAGS_$(BUILD)) -w -c $< -o $@

$(B)/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(ROOM_CFLAGS) -MMD -MP -c $< -o $@

$(B)/cpps-bridged: $(B)/daemon/service/main.o $(call room_libs,$(bridged_ROOMS))
	$(CC) $(LDFLAGS) $^ $(call pkg,--libs,$(call room_pkgs,$(bridged_ROOMS))) -o $@

$(B)/cppsctl: $(B)/daemon/ctl/main.o $(call room_libs,$(cppsctl_ROOMS))
	$(CC) $(LDFLAGS) $^ $(call pkg,--libs,$(call room_pkgs,$(cppsctl_ROOMS))) -lcsv -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- Unit tests: tests/unit/<room>/test_*.c, each a program linked to its room and those below it ----
below = $(if $(filter $(1),$(firstword $(2))),$(2),$(call below,$(1),$(wordlist 2,99,$(2))))
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SOURCES))
room_of = $(word 3,$(subst /, ,$(1)))

define unit_rules
$(B)/$(basename $(1)): $(B)/$(basename $(1)).o $(patsubst %.c,$(B)/%.o,$(filter-out $(wildcard tests/unit/$(call room_of,$(1))/test_%.c),$(wildcard tests/unit/$(call room_of,$(1))/*.c))) $(call room_libs,$(call below,$(call room_of,$(1)),$(ROOMS)))
	$$(CC) $$(LDFLAGS) $$^ $$(call pkg,--libs,cmocka $(call room_pkgs,$(call below,$(call room_of,$(1)),$(ROOMS)))) -lcsv -o $$@
endef
$(foreach source,$(UNIT_SOURCES),$(eval $(call unit_rules,$(source))))
$(B)/tests/%.o: CPPFLAGS += -Itests/unit

unit: $(UNIT_TESTS)
	@failed=0; for t in $(UNIT_TESTS); do $$t || failed=1; done; exit $$failed

clean:
	rm -rf build

.PHONY: all links unit clean
