# SPDX-License-Identifier: Apache-2.0
# One Makefile, no recursion: every build mode has its own folder below build/, made by the template
# MODE_RULES, so that one run of make can build several. `make help` says what there is.

prefix     ?= /usr/local
sbindir    ?= $(prefix)/sbin
bindir     ?= $(prefix)/bin
libdir     ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir     ?= $(prefix)/share/man
bashcompdir ?= $(prefix)/share/bash-completion/completions
fishcompdir ?= $(prefix)/share/fish/vendor_completions.d
zshcompdir  ?= $(prefix)/share/zsh/site-functions
sysconfdir ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
unitdir     ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
apparmordir ?= $(sysconfdir)/apparmor.d
PYTHON     ?= /usr/bin/python3
CLANG      ?= clang
OBJCOPY    ?= objcopy
V          ?= 0
# Empty for who builds with another compiler than ours, as distributions do.
WERROR     ?= -Werror

VERSION := 0.1.0
# The number of the ABI: raised by an incompatible change of include/trail.h alone.
SONAME  := libtrail.so.1
BUILD_DEPS := gcc libc6-dev pkg-config protobuf-c-compiler protobuf-compiler libsodium-dev liblmdb-dev \
	libevent-dev libprotobuf-c-dev libssl-dev libzstd-dev libjansson-dev libseccomp-dev libconfuse-dev
DEV_DEPS := clang clang-format clang-tidy libclang-rt-14-dev cppcheck valgrind strace lmdb-utils libcmocka-dev \
	python3 python3-pytest python3-protobuf zstd openssl golang-go golang-golang-x-mod-dev mandoc \
	util-linux universal-ctags less tzdata abigail-tools g++ fish zsh iproute2 systemd apparmor \
	systemd-container mmdebstrap shellcheck pyflakes3
# What `make deb` needs besides, and the trial of what it makes.
PACKAGE_DEPS := debhelper dh-apparmor dpkg-dev lintian po-debconf libcmocka-dev python3

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' $(1) $@)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wswitch-enum -Wvla -Wundef -Wwrite-strings -Wcast-qual -Wpointer-arith -Wformat=2 $(WERROR)
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIC
LD_HARDEN := -pie -Wl,-z,relro,-z,now
LD_SHARED := -shared -Wl,-soname,$(SONAME) -Wl,--version-script=client/libtrail.map -Wl,-z,relro,-z,now
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all

MODES := release debug clang asan tsan fuzz
CC_release := $(CC)
CC_debug   := $(CC)
CC_clang   := $(CLANG)
CC_asan    := $(CLANG)
CC_tsan    := $(CLANG)
CC_fuzz    := $(CLANG)
FLAGS_release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 $(HARDEN)
FLAGS_debug   := -O0 -g3 -fPIC
FLAGS_clang   := -O2 -g -D_FORTIFY_SOURCE=2 $(HARDEN)
FLAGS_asan    := -O1 -g -fPIC -fno-omit-frame-pointer $(ASAN)
FLAGS_tsan    := -O1 -g -fPIC -fno-omit-frame-pointer -fsanitize=thread
FLAGS_fuzz    := -O1 -g -fPIC -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(ASAN)
# Sanitizers make system calls of their own, which the signer's seccomp filter would kill.
SANDBOX := seccomp
SANDBOX_asan := none
SANDBOX_tsan := none
SANDBOX_fuzz := none

# What libtrail needs itself, which a program that links it statically must name (libtrail.pc).
LIB_LIBS := -lsodium -lprotobuf-c -lcrypto
LIBS := -lsodium -llmdb -levent_core -lprotobuf-c -lcrypto -lzstd -lconfuse -lseccomp -lpthread
COURIER_LIBS := -levent_extra -levent_openssl -lssl
WITNESS_LIBS := -levent_extra -levent_core $(LIB_LIBS)
# On 32 bits, too, files, folders and years have no end that comes soon.
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DTRAIL_VERSION='"$(VERSION)"' -isystem build/gen
# Names of files are those in the tree: a build in another folder gives the same bytes.
CFLAGS   += -std=gnu2x -fvisibility=hidden -MMD -MP -ffile-prefix-map=$(CURDIR)=.

# Sorted by bytes, not by the builder's locale: the order of the objects is that of the program.
PROTO_C   := $(sort $(wildcard proto/*.c))
DAEMON_C  := $(filter-out daemon/main.c,$(sort $(wildcard daemon/*.c daemon/index/*.c)))
SIGNER_C  := $(filter-out daemon/signer/main.c daemon/signer/sandbox_%.c,$(sort $(wildcard daemon/signer/*.c)))
# What the signer has from the floor below its own (tests/lint/floors.txt).
SIGNER_BELOW := daemon/handover.c daemon/log.c
COURIER_C := $(filter-out daemon/courier/main.c daemon/courier/confine_%.c,$(sort $(wildcard daemon/courier/*.c)))
# What the courier has from below, and what traild has from the courier: the words of their talk.
COURIER_BELOW := daemon/handover.c daemon/log.c
CLIENT_C  := $(sort $(wildcard client/*.c))
WITNESS_C := $(filter-out client/witness/main.c,$(sort $(wildcard client/witness/*.c)))
CLI_C     := $(filter-out client/cli/main.c,$(sort $(wildcard client/cli/*.c)))
SUPPORT_C := $(sort $(wildcard tests/support/*.c))
UNIT_C    := $(sort $(wildcard tests/unit/test_*.c))
FUZZERS   := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
BENCH_C   := $(sort $(wildcard tests/bench/*.c))
MANUALS   := $(sort $(wildcard daemon/*.7 daemon/*.8 daemon/signer/*.8 daemon/courier/*.8 client/*.1 client/*.3 \
	client/witness/*.8 proto/*.7))

.PHONY: all
all: release  ## build traild, its signer and courier, trail and trail-witness (build/release)

# $(1): the mode
define MODE_RULES
.PHONY: $(1) unit-$(1) fuzzers-$(1)
$(1): build/$(1)/traild build/$(1)/traild-signer build/$(1)/traild-courier build/$(1)/trail \
		build/$(1)/trail-witness build/$(1)/libtrail.so
unit-$(1): $(UNIT_C:tests/unit/%.c=build/$(1)/tests/unit/%) build/$(1)/traild-signer build/$(1)/traild-courier
replay-$(1): $(FUZZERS:%=build/$(1)/tests/fuzz/replay_%)

build/$(1)/traild: build/$(1)/daemon/main.o $(DAEMON_C:%.c=build/$(1)/%.o) \
		build/$(1)/daemon/signer/state.o build/$(1)/daemon/courier/talk.o \
		$(PROTO_C:%.c=build/$(1)/%.o) build/$(1)/trail.pb-c.o
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_HARDEN) -o $$@ $$^ $$(LIBS)

build/$(1)/traild-signer: build/$(1)/daemon/signer/main.o $(SIGNER_C:%.c=build/$(1)/%.o) \
		$(SIGNER_BELOW:%.c=build/$(1)/%.o) \
		build/$(1)/daemon/signer/sandbox_$(or $(SANDBOX_$(1)),$(SANDBOX)).o \
		$(PROTO_C:%.c=build/$(1)/%.o) build/$(1)/trail.pb-c.o
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_HARDEN) -o $$@ $$^ $$(LIBS)

build/$(1)/traild-courier: build/$(1)/daemon/courier/main.o $(COURIER_C:%.c=build/$(1)/%.o) \
		$(COURIER_BELOW:%.c=build/$(1)/%.o) \
		build/$(1)/daemon/courier/confine_$(or $(SANDBOX_$(1)),$(SANDBOX)).o \
		$(PROTO_C:%.c=build/$(1)/%.o) build/$(1)/trail.pb-c.o
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_HARDEN) -o $$@ $$^ $$(COURIER_LIBS) $$(LIBS)

# The tool is the library's first user: it can reach what is exported, and nothing else.
build/$(1)/trail: build/$(1)/client/cli/main.o $(CLI_C:%.c=build/$(1)/%.o) build/$(1)/libtrail.a
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_HARDEN) -o $$@ $$^ -ljansson $$(LIB_LIBS)

# A program of another house than the log's: nothing of the daemon or the library is in it.
build/$(1)/trail-witness: build/$(1)/client/witness/main.o $(WITNESS_C:%.c=build/$(1)/%.o) \
		$(PROTO_C:%.c=build/$(1)/%.o) build/$(1)/trail.pb-c.o
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_HARDEN) -o $$@ $$^ $$(WITNESS_LIBS)

# One object whose hidden symbols are local: an archive of many would have to show them.
build/$(1)/libtrail.o: $(CLIENT_C:%.c=build/$(1)/%.o) $(PROTO_C:%.c=build/$(1)/%.o) build/$(1)/trail.pb-c.o
	$$(call say,LD)
	$$(Q)$$(LD) -r -o $$@ $$^ && $$(OBJCOPY) --localize-hidden $$@

build/$(1)/libtrail.a: build/$(1)/libtrail.o
	$$(call say,AR)
	$$(Q)rm -f $$@ && $$(AR) rcsD $$@ $$^

build/$(1)/libtrail.so.$(VERSION): build/$(1)/libtrail.o client/libtrail.map
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_SHARED) -o $$@ $$< $$(LIB_LIBS)

build/$(1)/libtrail.so: build/$(1)/libtrail.so.$(VERSION)
	$$(Q)ln -sf $$(<F) build/$(1)/$(SONAME) && ln -sf $(SONAME) $$@

# Everything but the programs' main files, for the tests to take from.
build/$(1)/parts.a: $(PROTO_C:%.c=build/$(1)/%.o) $(DAEMON_C:%.c=build/$(1)/%.o) \
		$(SIGNER_C:%.c=build/$(1)/%.o) $(CLIENT_C:%.c=build/$(1)/%.o) $(CLI_C:%.c=build/$(1)/%.o) \
		$(COURIER_C:%.c=build/$(1)/%.o) $(WITNESS_C:%.c=build/$(1)/%.o) \
		build/$(1)/daemon/signer/sandbox_$(or $(SANDBOX_$(1)),$(SANDBOX)).o \
		$(SUPPORT_C:%.c=build/$(1)/%.o) build/$(1)/trail.pb-c.o
	$$(call say,AR)
	$$(Q)rm -f $$@ && $$(AR) rcsD $$@ $$^

build/$(1)/tests/unit/%: build/$(1)/tests/unit/%.o build/$(1)/parts.a
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_HARDEN) -o $$@ $$^ -lcmocka -ljansson $$(COURIER_LIBS) $$(LIBS)

build/$(1)/tests/fuzz/replay_%: build/$(1)/tests/fuzz/fuzz_%.o build/$(1)/tests/fuzz/replay.o build/$(1)/parts.a
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) $$(LD_HARDEN) -o $$@ $$^ $$(LIBS)

build/$(1)/tests/fuzz/fuzz_%: build/$(1)/tests/fuzz/fuzz_%.o build/$(1)/parts.a
	$$(call say,LD)
	$$(Q)$$(CC_$(1)) $$(FLAGS_$(1)) $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(LIBS)

build/$(1)/trail.pb-c.o: build/gen/trail.pb-c.c Makefile
	$$(call say,CC)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(CPPFLAGS) $$(CFLAGS) $$(FLAGS_$(1)) -c -o $$@ $$<

build/$(1)/%.o: %.c Makefile | build/gen/trail.pb-c.h
	$$(call say,CC)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_$(1)) $$(CPPFLAGS) $$(CFLAGS) $$(FLAGS_$(1)) $$(WARN) -c -o $$@ $$<
endef
$(foreach m,$(MODES),$(eval $(call MODE_RULES,$(m))))

# These goals promise to work on a bare machine; every object waits for the packages.
NEEDED := $(if $(filter test ci full mutants lint cross,$(MAKECMDGOALS)),deps-dev,$(if $(filter demo,$(MAKECMDGOALS)),deps)) \
	$(if $(filter full cross,$(MAKECMDGOALS)),deps-cross) $(if $(filter ci full,$(MAKECMDGOALS)),deps-deb)

build/gen/trail.pb-c.c build/gen/trail.pb-c.h &: proto/trail.proto | $(NEEDED)
	$(call say,GEN)
	@mkdir -p build/gen
	$(Q)protoc-c --proto_path=proto --c_out=build/gen trail.proto

# ---- proto/ on other machines: big-endian, and 32 bits ----

CROSS := s390x armhf
TRIPLE_s390x := s390x-linux-gnu
TRIPLE_armhf := arm-linux-gnueabihf
CROSS_DEPS := gcc-s390x-linux-gnu libc6-dev-s390x-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross \
	qemu-user-static
# The tests of a file of proto/ that need nothing above it.
CROSS_UNITS := $(filter-out tests/unit/test_findings.c,$(filter $(PROTO_C:proto/%=tests/unit/test_%),$(UNIT_C)))
CROSS_PARTS := $(PROTO_C:%.c=%.o) $(patsubst %,client/witness/%.o,judge loglist) \
	$(patsubst %,daemon/%.o,rounds courier/talk courier/visit) \
	$(patsubst %,tests/support/%.o,guard hex sealed_log vector) trail.pb-c.o
CROSS_CC = $(TRIPLE_$(1))-gcc $(CPPFLAGS) $(CFLAGS) -O2 -g -isystem build/cross/$(1)/root/usr/include \
	-isystem build/cross/$(1)/root/usr/include/$(TRIPLE_$(1))
CROSS_LIBS = -Lbuild/cross/$(1)/root/usr/lib/$(TRIPLE_$(1)) -lcmocka -lsodium -lprotobuf-c -lcrypto

# $(1): the architecture, as Debian calls it
define CROSS_RULES
.PHONY: cross-$(1)
cross-$(1): $(CROSS_UNITS:%.c=build/cross/$(1)/%) $(FUZZERS:%=build/cross/$(1)/tests/fuzz/replay_%)
build/cross/$(1)/root/usr: tests/cross/sysroot | $(NEEDED)
	$$(call say,APT)
	$$(Q)tests/cross/sysroot $(1) build/cross/$(1) >build/$(1).log 2>&1 || { cat build/$(1).log; false; }
	@touch $$@
build/cross/$(1)/trail.pb-c.o: build/gen/trail.pb-c.c Makefile build/cross/$(1)/root/usr
	$$(call say,CC)
	$$(Q)$$(call CROSS_CC,$(1)) -c -o $$@ $$<
build/cross/$(1)/%.o: %.c Makefile build/cross/$(1)/root/usr | build/gen/trail.pb-c.h
	$$(call say,CC)
	@mkdir -p $$(@D)
	$$(Q)$$(call CROSS_CC,$(1)) $$(WARN) -c -o $$@ $$<
build/cross/$(1)/parts.a: $(CROSS_PARTS:%=build/cross/$(1)/%)
	$$(call say,AR)
	$$(Q)rm -f $$@ && $(TRIPLE_$(1))-ar rcs $$@ $$^
build/cross/$(1)/tests/unit/%: build/cross/$(1)/tests/unit/%.o build/cross/$(1)/parts.a
	$$(call say,LD)
	$$(Q)$$(call CROSS_CC,$(1)) -o $$@ $$^ $$(call CROSS_LIBS,$(1))
build/cross/$(1)/tests/fuzz/replay_%: build/cross/$(1)/tests/fuzz/fuzz_%.o \
		build/cross/$(1)/tests/fuzz/replay.o build/cross/$(1)/parts.a
	$$(call say,LD)
	$$(Q)$$(call CROSS_CC,$(1)) -o $$@ $$^ $$(call CROSS_LIBS,$(1))
endef
$(foreach a,$(CROSS),$(eval $(call CROSS_RULES,$(a))))

# ---- measuring ----

# PostgreSQL stands beside us in bench-search, where its users' library is installed.
PQ_INCLUDE := $(patsubst %/libpq-fe.h,%,$(firstword $(wildcard /usr/include/postgresql/libpq-fe.h /usr/include/libpq-fe.h)))
PQ := $(if $(PQ_INCLUDE),libpq,none)
BENCH_MAIN  := load limit proof attack search rows
BENCH_PARTS := $(filter-out $(BENCH_MAIN:%=tests/bench/%.c) tests/bench/postgres_%.c,$(BENCH_C))
BENCHES := $(BENCH_MAIN:%=build/release/tests/bench/%)
$(BENCHES): build/release/tests/bench/%: build/release/tests/bench/%.o \
		$(BENCH_PARTS:%.c=build/release/%.o) build/release/parts.a
	$(call say,LD)
	$(Q)$(CC) $(FLAGS_release) $(LDFLAGS) $(LD_HARDEN) -o $@ $^ -lm $(if $(filter %/search,$@),$(PQ_INCLUDE:%=-lpq)) $(LIBS)
build/release/tests/bench/search: build/release/tests/bench/postgres_$(PQ).o
build/release/tests/bench/postgres_libpq.o build/tidy/tests/bench/postgres_libpq.ok: CPPFLAGS += -isystem $(PQ_INCLUDE)

.PHONY: bench
bench: release $(BENCHES)  ## measure: rates, latencies, bytes per event, next to the disk's own
	$(PYTHON) tests/bench/run.py

.PHONY: bench-search
bench-search: release $(BENCHES)  ## measure: ten million events, and what asking costs, next to PostgreSQL
	$(PYTHON) tests/bench/search.py $(BENCH_SEARCH)

.PHONY: bench-trust
bench-trust: release $(BENCHES)  ## measure: genesis, seals, waiting for witnesses, bundles
	$(PYTHON) tests/bench/trust.py

.PHONY: crowd
crowd: release $(BENCHES)  ## measure: what attackers do to one innocent peer and to memory (as root)
	$(PYTHON) tests/bench/crowd.py

# ---- trying and testing ----

.PHONY: demo
demo: release  ## start a daemon, import 20,000 real events, kill it, check it, flip a bit
	tests/demo.sh

# What somebody outside wrote: Debian's golang-golang-x-mod-dev checks our notes, proofs and tiles.
INTEROP := build/interop/check build/interop/tiles
$(INTEROP): build/interop/%: tests/interop/%.go | $(NEEDED)
	$(call say,GO)
	@mkdir -p build/interop/src
	$(Q)GO111MODULE=off GOFLAGS= GOTOOLCHAIN=local GOPATH=$(CURDIR)/build/interop:/usr/share/gocode \
		GOCACHE=$(CURDIR)/build/interop/cache \
		$(firstword $(wildcard /usr/lib/go-1.19/bin/go) /usr/bin/go) build -o $@ $<

# Programs of others that need a newer Go and its modules, each named by its version; and the tests
# that take them (tests/integration/foreign.py).
FOREIGN := $(addprefix github.com/transparency-dev/tessera/cmd/,fsck@v1.0.4 examples/posix-oneshot@v1.0.4) \
	$(addprefix filippo.io/torchwood/cmd/,litewitness@v0.6.1 witnessctl@v0.6.1)
.PHONY: interop
interop: release $(INTEROP)  ## programs of others judge our log, where Go modules can be had
	tests/interop/fetch build/interop/bin $(FOREIGN)
	$(PYTHON) -m pytest -q -rs -p no:cacheprovider $(sort $(wildcard tests/integration/test_interop*.py))

# Prometheus' own judge of what `trail status -o prom` writes: taken out of Debian's package, which,
# installed, would run a server.
build/promtool/promtool: | $(NEEDED)
	$(call say,GET)
	@mkdir -p $(@D)
	$(Q)cd $(@D) && apt-get -o APT::Sandbox::User=root download -q prometheus >/dev/null && \
		dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool.new && \
		rm prometheus_*.deb && chmod 0755 promtool.new && mv promtool.new promtool

TEST_NEEDS := release unit-release replay-release $(INTEROP)
CI_NEEDS   := $(TEST_NEEDS) build/promtool/promtool asan unit-asan replay-asan tsan unit-tsan
FULL_NEEDS := $(CI_NEEDS) clang unit-clang replay-clang debug unit-debug replay-debug \
	$(FUZZERS:%=build/fuzz/tests/fuzz/fuzz_%) $(CROSS:%=cross-%)

# Both cores, unless the caller says how many.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j2
endif

BEGAN := $(shell date +%s)
.PHONY: test ci full cross times mutants lint
test: $(TEST_NEEDS)  ## lints, unit tests, replayed corpora, integration tests (gcc release)
	$(PYTHON) tests/run.py test $(BEGAN)
ci: $(CI_NEEDS)  ## what CI runs: test, and again under ASan+UBSan and TSan
	$(PYTHON) tests/run.py ci $(BEGAN)
full: $(FULL_NEEDS)  ## ci, both compilers, valgrind, all under sanitizers, kills, damage, fuzzing, mutants, cross
	$(PYTHON) tests/run.py full $(BEGAN)
cross: $(CROSS:%=cross-%)  ## the tests of proto/, big-endian (s390x) and of 32 bits (armhf), under qemu
	$(PYTHON) tests/run.py cross $(BEGAN)
times:  ## what each step of the last test, ci and full took
	@$(PYTHON) tests/run.py times
mutants: release  ## apply each patch of tests/mutants to a copy; each must turn its test red
	$(PYTHON) tests/mutants/run.py
lint: release  ## layout, floors, doors, sizes, exports, settings, clang-tidy, cppcheck ...
	$(PYTHON) tests/run.py lint

# tests/lint/lint_tidy: a file is looked at again when it would be compiled again.
TIDY_C := $(filter-out $(if $(PQ_INCLUDE),,tests/bench/postgres_libpq.c),$(wildcard $(addsuffix /*.c,proto daemon daemon/index daemon/signer \
	daemon/courier client client/cli client/witness $(addprefix tests/,unit support fuzz bench integration))))
define TIDY
	$(call say,TIDY)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(CPPFLAGS) -Iinclude -std=gnu2x 2>$@.said || { cat $@.said; false; }
	@touch $@
endef
.PHONY: tidy
tidy: $(TIDY_C:%.c=build/tidy/%.ok)
# Users of the library, built by their tests.
build/tidy/tests/integration/%.ok: tests/integration/%.c include/trail.h .clang-tidy tests/.clang-tidy
	$(TIDY)
build/tidy/%.ok: %.c build/release/%.o .clang-tidy tests/.clang-tidy
	$(TIDY)

.PHONY: format
format:  ## lay all C out as .clang-format says
	find client daemon include proto tests -name '*.[ch]' -exec clang-format -i {} +

# The promise to programs that are already built: test_abi.py compares with it. A release renews it
# for what was added; an incompatible change raises SONAME first.
.PHONY: abi-baseline
abi-baseline: release  ## describe the library's ABI anew in tests/abi/libtrail.abi
	tests/abi/abi dump build/release/libtrail.so include tests/abi/libtrail.abi

# ---- what it takes ----

install_packages = if [ "$$(id -u)" = 0 ]; then \
		dpkg -s $(1) >/dev/null 2>&1 || { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qy --no-install-recommends $(1); }; \
	else dpkg -s $(1) >/dev/null 2>&1 || { echo "run as root: apt-get install -y $(1)" >&2; exit 1; }; fi

.PHONY: deps deps-dev deps-cross deps-deb
deps:  ## install what building needs (as root; else say what to install)
	@$(call install_packages,$(BUILD_DEPS))
deps-dev:  ## install what testing needs besides
	@$(call install_packages,$(BUILD_DEPS) $(DEV_DEPS))
deps-cross:  ## install what make cross needs besides
	@$(call install_packages,$(CROSS_DEPS))
deps-deb:  ## install what building packages needs besides
	@$(call install_packages,$(BUILD_DEPS) $(PACKAGE_DEPS))

PROGRAMS := $(addprefix $(sbindir)/,traild traild-signer traild-courier trail-witness) $(bindir)/trail
LIBRARY  := $(libdir)/libtrail.so.$(VERSION) $(libdir)/$(SONAME) $(libdir)/libtrail.so $(libdir)/libtrail.a
PAGES    := $(foreach m,$(MANUALS),$(mandir)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)))
PC       := $(libdir)/pkgconfig/libtrail.pc
HEADER   := $(includedir)/trail.h
COMPLETE := $(bashcompdir)/trail $(fishcompdir)/trail.fish $(zshcompdir)/_trail
UNITS    := $(sort $(wildcard systemd/*.service systemd/*.socket))
PROFILES := $(sort $(wildcard systemd/apparmor/*))
# The units name the programs and the configuration where a package has them.
place = sed -e 's|/usr/sbin/|$(sbindir)/|g; s|/etc/trail/|$(sysconfdir)/trail/|g' $(1) >$(DESTDIR)$(2) && \
	chmod 0644 $(DESTDIR)$(2)
# What install puts there for systemd and AppArmor.
SERVICE := $(addprefix $(unitdir)/,$(notdir $(UNITS))) $(sysusersdir)/traild.conf $(tmpfilesdir)/traild.conf \
	$(sysusersdir)/trail-witness.conf \
	$(addprefix $(apparmordir)/,$(notdir $(PROFILES)))
CONF := $(sysconfdir)/trail/traild.conf
WITNESS_CONF := $(sysconfdir)/trail/witness.logs

.PHONY: install uninstall
install: release  ## install programs, library, manuals, completion, units below $(DESTDIR)$(prefix)
	install -d $(sort $(dir $(addprefix $(DESTDIR),$(PROGRAMS) $(LIBRARY) $(PAGES) $(PC) $(HEADER) $(COMPLETE) $(SERVICE) $(CONF))))
	install -m 0755 $(addprefix build/release/,traild traild-signer traild-courier trail-witness) $(DESTDIR)$(sbindir)
	install -m 0755 build/release/trail $(DESTDIR)$(bindir)
	install -m 0644 build/release/libtrail.so.$(VERSION) build/release/libtrail.a $(DESTDIR)$(libdir)
	ln -sf libtrail.so.$(VERSION) $(DESTDIR)$(libdir)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libtrail.so
	install -m 0644 include/trail.h $(DESTDIR)$(HEADER)
	sed -e 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|' \
		-e 's|@VERSION@|$(VERSION)|; s|@LIB_LIBS@|$(LIB_LIBS)|' client/libtrail.pc.in >$(DESTDIR)$(PC) && \
		chmod 0644 $(DESTDIR)$(PC)
	install -m 0644 client/cli/trail.bash $(DESTDIR)$(bashcompdir)/trail
	install -m 0644 client/cli/trail.fish $(DESTDIR)$(fishcompdir)/trail.fish
	install -m 0644 client/cli/trail.zsh $(DESTDIR)$(zshcompdir)/_trail
	for m in $(MANUALS); do install -m 0644 $$m $(DESTDIR)$(mandir)/man$${m##*.}/; done
	$(foreach u,$(UNITS),$(call place,$(u),$(unitdir)/$(notdir $(u))) && ):
	$(foreach p,$(PROFILES),$(call place,$(p),$(apparmordir)/$(notdir $(p))) && ):
	install -m 0644 systemd/traild.sysusers $(DESTDIR)$(sysusersdir)/traild.conf
	install -m 0644 systemd/traild.tmpfiles $(DESTDIR)$(tmpfilesdir)/traild.conf
	install -m 0644 systemd/trail-witness.sysusers $(DESTDIR)$(sysusersdir)/trail-witness.conf
	[ -e $(DESTDIR)$(CONF) ] || install -m 0644 systemd/traild.conf $(DESTDIR)$(CONF)
	[ -e $(DESTDIR)$(WITNESS_CONF) ] || install -m 0644 systemd/witness.logs $(DESTDIR)$(WITNESS_CONF)
	[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig
uninstall:  ## remove what install put there, but for settings that were changed since
	rm -f $(addprefix $(DESTDIR),$(PROGRAMS) $(LIBRARY) $(PAGES) $(PC) $(HEADER) $(COMPLETE) $(SERVICE))
	! cmp -s systemd/traild.conf $(DESTDIR)$(CONF) || rm $(DESTDIR)$(CONF)
	! cmp -s systemd/witness.logs $(DESTDIR)$(WITNESS_CONF) || rm $(DESTDIR)$(WITNESS_CONF)

# ---- packages ----

# In a copy, since packaging writes into debian/. Tests during the build: unless DEB_BUILD_OPTIONS=nocheck.
.PHONY: deb
deb: deps-deb  ## build Debian packages into build/deb
	rm -rf build/deb && mkdir -p build/deb/src
	tar -c --exclude=./build --exclude=./.git --exclude=__pycache__ . | tar -x -C build/deb/src
	cd build/deb/src && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc
	rm -rf build/deb/src
	lintian --fail-on error,warning --info build/deb/*.changes

.PHONY: sbom
sbom: release  ## write what the programs consist of, as SPDX, into build/traild.spdx.json
	@$(call install_packages,dpkg-dev)
	$(PYTHON) debian/sbom.py build/release >build/traild.spdx.json

.PHONY: clean
clean:  ## remove what was built
	rm -rf build

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

-include $(shell find $(MODES:%=build/%) -name '*.d' 2>/dev/null)
.DELETE_ON_ERROR:
.SECONDARY:
