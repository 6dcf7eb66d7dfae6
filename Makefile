# SPDX-License-Identifier: Apache-2.0
# One Makefile, no recursion. `make help` says what there is.

MODE    ?= release
CC      ?= gcc
prefix  ?= /usr/local
sbindir ?= $(prefix)/sbin
bindir  ?= $(prefix)/bin
libdir  ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir  ?= $(prefix)/share/man
unitdir ?= $(prefix)/lib/systemd/system
PYTHON  ?= /usr/bin/python3
V       ?= 0

VERSION := 0.1.0
PACKAGES := libsodium lmdb libevent_core libprotobuf-c libcrypto libzstd jansson libseccomp libconfuse
BUILD_DEPS := gcc pkg-config protobuf-c-compiler protobuf-compiler libsodium-dev liblmdb-dev \
	libevent-dev libprotobuf-c-dev libssl-dev libzstd-dev libjansson-dev libseccomp-dev libconfuse-dev
DEV_DEPS := clang clang-tidy libclang-rt-14-dev cppcheck valgrind strace lmdb-utils libcmocka-dev python3-pytest \
	python3-protobuf zstd golang-go golang-golang-x-mod-dev mandoc

B := build/$(MODE)
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' $(1) $@)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wswitch-enum -Wvla -Wundef -Wwrite-strings -Wcast-qual -Wpointer-arith -Wformat=2 -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE
LD_HARDEN := -pie -Wl,-z,relro,-z,now

ifeq ($(MODE),release)
MODE_FLAGS := -O2 -g -D_FORTIFY_SOURCE=3 $(HARDEN)
else ifeq ($(MODE),debug)
MODE_FLAGS := -O0 -g3 -fPIE
else ifeq ($(MODE),clang)
CC := clang
MODE_FLAGS := -O2 -g -D_FORTIFY_SOURCE=2 $(HARDEN)
else ifeq ($(MODE),asan)
CC := clang
MODE_FLAGS := -O1 -g -fPIE -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
else ifeq ($(MODE),tsan)
CC := clang
MODE_FLAGS := -O1 -g -fPIE -fno-omit-frame-pointer -fsanitize=thread
else
$(error MODE is release, debug, clang, asan or tsan)
endif

ifneq ($(filter-out deps deps-dev clean help,$(or $(MAKECMDGOALS),all)),)
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
endif
LIBS := -lsodium -llmdb -levent_core -lprotobuf-c -lcrypto -lzstd -lconfuse -lseccomp -lpthread

CPPFLAGS += -D_GNU_SOURCE -DTRAIL_VERSION='"$(VERSION)"' -isystem $(B)/gen $(PKG_CFLAGS)
CFLAGS   += -std=gnu2x $(MODE_FLAGS) -fvisibility=hidden -MMD -MP
LDFLAGS  += $(MODE_FLAGS) $(LD_HARDEN)

# Sanitizers make system calls of their own, which a seccomp filter would kill.
SANDBOX_OUT := $(if $(filter asan tsan,$(MODE)),sandbox_seccomp,sandbox_none)

objects = $(patsubst %.c,$(B)/%.o,$(1))
PROTO  := $(call objects,$(wildcard proto/*.c)) $(B)/gen/trail.pb-c.o
DAEMON := $(call objects,$(filter-out daemon/main.c,$(wildcard daemon/*.c)))
SIGNER := $(call objects,$(filter-out daemon/signer/main.c daemon/signer/$(SANDBOX_OUT).c,$(wildcard daemon/signer/*.c)))
CLIENT := $(call objects,$(wildcard client/*.c))
CLI    := $(call objects,$(wildcard client/cli/*.c))
UNITS  := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
SUPPORT := $(call objects,$(wildcard tests/support/*.c))
PROGRAMS := $(B)/traild $(B)/traild-signer $(B)/trail

.PHONY: all
all: $(PROGRAMS)  ## build traild, traild-signer and trail

$(B)/traild: $(B)/daemon/main.o $(DAEMON) $(B)/daemon/signer/state.o $(PROTO)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/traild-signer: $(B)/daemon/signer/main.o $(SIGNER) $(PROTO)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/trail: $(CLI) $(CLIENT) $(PROTO)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -ljansson $(LIBS)

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(SUPPORT) $(DAEMON) $(SIGNER) $(CLIENT) $(PROTO)
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

$(B)/gen/trail.pb-c.c $(B)/gen/trail.pb-c.h &: proto/trail.proto
	$(call say,GEN)
	@mkdir -p $(B)/gen
	$(Q)protoc-c --proto_path=proto --c_out=$(B)/gen trail.proto

$(B)/gen/trail.pb-c.o: $(B)/gen/trail.pb-c.c
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/%.o: %.c | $(B)/gen/trail.pb-c.h
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(WARN) -c -o $@ $<

.PHONY: unit
unit: $(UNITS)
	@set -e; for t in $(UNITS); do echo "$$t"; $$t; done

.PHONY: clean
clean:  ## remove what was built
	rm -rf build

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

-include $(shell find build -name '*.d' 2>/dev/null)
.DELETE_ON_ERROR:
.SECONDARY:
