# mtrain: see README.md. Targets: all, install, uninstall, test, check, check-asan,
# check-tsan, check-valgrind, check-bits, check-aarch64, check-math, check-onnx, mpi,
# fuzz, fuzz-fast, torture, cover, lint, bench, bench-kernels, bench-ckpt,
# bench-scale, clean.
# Objects go to build/ (or B=DIR); CC, OPT, CFLAGS, PREFIX and DESTDIR as usual;
# WERROR=1 makes warnings errors.

VERSION = 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
B ?= build
CC ?= gcc
ifeq ($(origin CC),default)
CC = gcc
endif
OPT ?= -O2 -g
SAN ?=

WARN = -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
       -Wpointer-arith -Wwrite-strings -Wundef -Wno-missing-field-initializers
ifdef WERROR
WARN += -Werror
endif
# The bits of every kernel rest on -ffp-contract=off: fma is explicit. Last of
# all flags, so that none before can undo them.
BITS = -ffp-contract=off -fno-fast-math
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DMT_VERSION='"$(VERSION)"' -Isrc -pthread \
             -MMD -MP $(WARN) $(OPT) $(SAN) $(CPPFLAGS) $(PREFIX_MAP) $(CFLAGS) \
             $(BITS)
# A build gives the same bytes in any folder.
PREFIX_MAP = '-ffile-prefix-map=$(CURDIR)=.'
LIBS = -lcjson -lz -lnettle -pthread -lm -ldl
# libpng and libjpeg are optional: without them (or with PNG=, JPEG=) `plot`
# writes no .png, and pictures of that kind are not read.
PNG ?= $(shell pkg-config --exists libpng 2>/dev/null && echo 1)
ifeq ($(PNG),1)
PNG_CFLAGS := -DMT_PNG $(shell pkg-config --cflags libpng)
LIBS += $(shell pkg-config --libs libpng)
endif
JPEG ?= $(shell pkg-config --exists libjpeg 2>/dev/null && echo 1)
ifeq ($(JPEG),1)
JPEG_CFLAGS := -DMT_JPEG $(shell pkg-config --cflags libjpeg)
LIBS += $(shell pkg-config --libs libjpeg)
endif
# MPI is optional and no part of the program: with mpicc (or MPI=mpicc.mpich,
# not with MPI=) it becomes a module that mpirun's processes load.
MPI ?= $(shell command -v mpicc 2>/dev/null)
TEST_LIBS = $(shell pkg-config --libs check 2>/dev/null)

# Kernels are compiled once per instruction set: src/kernels/isa/*.c
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ISAS_x86_64 = generic avx2 avx512
ISAS_aarch64 = generic neon
ISAS = $(or $(ISAS_$(ARCH)),generic)
ISA_FLAGS_generic =
ISA_FLAGS_avx2 = -mavx2 -mfma
ISA_FLAGS_avx512 = -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma \
                   -mprefer-vector-width=512
ISA_FLAGS_neon =
# The plain-C kernels are the same source as the others, and take compilers
# minutes with sanitizers: there they do without.
KERNEL_SAN_generic = $(SAN)

PROBE   = src/kernels/isa/probe.c
KERNELS = $(sort $(filter-out $(PROBE),$(wildcard src/kernels/isa/*.c)))
SOURCES = $(sort $(filter-out %_test.c src/cmd/main.c,$(wildcard src/*/*.c)))
TESTS   = $(sort $(wildcard src/*/*_test.c))

LIB_OBJS  = $(SOURCES:src/%.c=$(B)/%.o) $(B)/cmd/embedded.o \
            $(foreach isa,$(ISAS),$(KERNELS:src/kernels/isa/%.c=$(B)/kernels/isa/$(isa)/%.o))
MAIN_OBJ  = $(B)/cmd/main.o
TEST_OBJS = $(TESTS:src/%.c=$(B)/%.o) \
            $(foreach isa,$(ISAS),$(B)/kernels/isa/$(isa)/probe.o)

MODULE_OBJS = $(patsubst src/%.c,$(B)/%.o,$(wildcard src/comm/mpi/*.c))
MODULE      = $(if $(MPI),$(B)/mtrain-mpi.so)

all: $(B)/mtrain $(MODULE)

$(B)/mtrain: $(MAIN_OBJ) $(B)/libmtrain.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libmtrain.a: $(LIB_OBJS)
	@rm -f $@
	$(AR) rcsD $@ $^

$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Sanitizers want to be linked with the program: modules do without.
MODULE_CFLAGS = $(filter-out $(SAN),$(ALL_CFLAGS)) -fPIC -fvisibility=hidden

$(MODULE_OBJS): $(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(MPI) $(MODULE_CFLAGS) -c -o $@ $<

$(B)/mtrain-mpi.so: $(MODULE_OBJS)
	$(MPI) -shared $(LDFLAGS) -o $@ $^ -pthread

# Files that the binary has in it as text (cmd/texts.h): the specs that
# `mtrain init` starts from, and the completion scripts.
TEXTS = $(sort $(wildcard configs/*.json src/cmd/shells/*))

$(B)/cmd/embedded.c: Makefile $(TEXTS)
	@mkdir -p $(@D)
	@{ echo '#include "cmd/texts.h"'; \
	   echo 'const struct mt_named_text mt_texts[] = {'; \
	   for f in $(TEXTS); do \
	       echo "    { \"$$f\","; \
	       sed 's/[\\"]/\\&/g; s/.*/      "&\\n"/' $$f; \
	       echo '    },'; \
	   done; \
	   echo '    { 0, 0 } };'; } > $@.tmp && mv $@.tmp $@

$(B)/cmd/embedded.o: $(B)/cmd/embedded.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Splitting and joining byte planes, hashing tensors and the range of tokens want
# vectors, which -O2 holds back.
$(B)/ckpt/byteplanes.o $(B)/train/audit.o $(B)/data/check.o: ALL_CFLAGS += -O3

$(B)/plot/png.o $(B)/plot/png_test.o $(B)/data/picture_png.o: \
    ALL_CFLAGS += $(PNG_CFLAGS)
$(B)/data/picture_jpeg.o: ALL_CFLAGS += $(JPEG_CFLAGS)

define kernel_rule
$(B)/kernels/isa/$(1)/%.o: src/kernels/isa/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(filter-out $$(KERNEL_SAN_$(1)),$$(ALL_CFLAGS)) $$(ISA_FLAGS_$(1)) \
	    -DMT_ISA=$(1) -DMT_ISA_$(1) -c -o $$@ $$<
endef
$(foreach isa,$(ISAS),$(eval $(call kernel_rule,$(isa))))

# Each src/*/foo_test.c exports `Suite *foo_suite(void)`; the list of suites is
# made from the file names.
SUITES = $(notdir $(TESTS:%_test.c=%))

$(B)/suites.c: Makefile $(TESTS)
	@mkdir -p $(@D)
	@{ echo '#include "testdata/suites.h"'; \
	   for s in $(SUITES); do echo "Suite *$${s}_suite(void);"; done; \
	   echo 'const struct mt_suite mt_suites[] = {'; \
	   for s in $(SUITES); do echo "    { \"$$s\", $${s}_suite },"; done; \
	   echo '    { 0, 0 } };'; } > $@.tmp && mv $@.tmp $@

$(B)/suites.o: $(B)/suites.c
	$(CC) $(ALL_CFLAGS) -I. -c -o $@ $<

$(B)/testmain.o $(B)/inject.o: $(B)/%.o: testdata/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Calls of the tests that can be made to fail: testdata/inject.c has each.
WRAPS = malloc calloc realloc aligned_alloc free strdup realpath \
        pthread_create inflateInit2_ inflateReset inflate mt_arena_alloc \
        mt_arena_calloc mt_arena_strdup mt_arena_strndup open openat close \
        fdopendir fdopen read pread write pwrite readlink getrandom stat lstat \
        fstat fstatat faccessat flock fsync ftruncate fchmod fchown renameat \
        rename unlinkat unlink linkat symlink

# Modules without MPI, for the test of loading them.
FAKES = $(B)/comm/fake-good.so $(B)/comm/fake-old.so $(B)/comm/fake-none.so

$(FAKES): $(B)/comm/fake-%.so: testdata/mpi/fake.c src/comm/module.h \
                               src/comm/comm.h
	@mkdir -p $(@D)
	$(CC) $(filter-out $(SAN) -M%,$(ALL_CFLAGS)) -fPIC -shared -DFAKE_$* \
	    -o $@ $< -lm

$(B)/tests: | $(FAKES)
$(B)/tests: $(B)/testmain.o $(B)/inject.o $(B)/suites.o $(TEST_OBJS) \
            $(B)/libmtrain.a
	$(CC) $(SAN) $(LDFLAGS) $(WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(TEST_LIBS) \
	    $(LIBS)

# --- checks ---------------------------------------------------------------

# While working: units without the attacks, and command cases; T=NAME: only those
# whose name has it.
test: $(B)/mtrain $(B)/tests
	scripts/test $(B) $(T)

check: $(B)/mtrain $(B)/tests $(B)/bench-eval shims mpi
	scripts/run-tests $(B)

# The same with the address and undefined-behaviour sanitizers.
check-asan:
	$(MAKE) B=$(B)/asan OPT="-O1 -g" \
	    SAN="-fsanitize=address,undefined -fno-sanitize-recover=all" \
	    WERROR=$(WERROR) all $(B)/asan/tests $(B)/asan/bench-eval
	ASAN_OPTIONS=allocator_may_return_null=1 scripts/run-tests $(B)/asan

# The tests of all that threads share, and a training, under gcc's or clang's
# thread sanitizer.
check-tsan:
	$(MAKE) B=$(B)/tsan OPT="-O1 -g" SAN="-fsanitize=thread" WERROR=$(WERROR) \
	    WERROR=$(WERROR) $(B)/tsan/mtrain $(B)/tsan/tests
	scripts/torture/threads $(B)/tsan

# What scripts/run-mpi needs: a program of ranks, and the module with pieces so
# short that every message has several.
mpi: $(MODULE) $(if $(MPI),$(B)/mtrain-mpi-short.so $(B)/mpi-comm)

$(B)/mtrain-mpi-short.so: $(wildcard src/comm/mpi/*.c src/comm/mpi/*.h \
                          src/comm/*.h)
	$(MPI) $(filter-out -M%,$(MODULE_CFLAGS)) -DMT_MPI_PIECE=4096 \
	    -DMT_MPI_DIRECT=500 -shared -o $@ $(filter %.c,$^) -pthread

$(B)/mpi-comm: testdata/mpi/comm.c $(B)/libmtrain.a
	$(CC) $(filter-out -M%,$(ALL_CFLAGS)) $(LDFLAGS) -o $@ $^ $(LIBS)

# What the attacks preload under the program.
SHIMS = $(B)/torture/faults.so $(B)/torture/allocs.so

$(B)/torture/%.so: scripts/torture/%.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -g -fPIC -shared -o $@ $<

shims: $(SHIMS)

# Every attack on checkpoints at its full length, and a hundred million runs of
# each fuzz target; check has the short forms.
torture: $(B)/mtrain shims
	scripts/torture/run $(B)
	scripts/fuzz --runs 100000000

# Which lines and branches the tests and the short attacks reach.
cover:
	$(MAKE) B=$(B)/cover OPT="-O1 -g" SAN=--coverage WERROR=$(WERROR) \
	    $(B)/cover/mtrain $(B)/cover/tests
	$(MAKE) B=$(B)/cover shims
	scripts/cover $(B)/cover

# Trainings and resumes under valgrind (needs a build without AVX-512,
# which valgrind does not know).
check-valgrind: all
	scripts/run-valgrind $(B)/mtrain

# Compilers and levels of optimisation give the same bits.
check-bits:
	scripts/check-bits

# The ONNX that `save` writes gives in ONNX Runtime what `predict` gives; needs
# node and npm, which install it into build/.
check-onnx: $(B)/mtrain
	scripts/check-onnx $(B)/mtrain $(B)/onnxruntime

# AArch64 gives the same bits: cross-built, and run by qemu.
check-aarch64: $(B)/mtrain
	scripts/check-aarch64 $(B)/mtrain

# The elementary functions over all floats; minutes for each of them.
check-math: $(B)/tests
	scripts/check-math $(B)

# Fuzzing: one program for each file in testdata/fuzz, in build/fuzz/; in
# build/fuzz-fast/ those for very many runs, in which the fuzzer sees edges but
# not comparisons, at twice the speed. They need clang and its libFuzzer;
# scripts/fuzz runs them. The linker puts the input in the place of files, see
# testdata/fuzz/files.h.
FUZZ_CC ?= clang
FUZZ_TARGETS = $(basename $(notdir $(sort $(wildcard testdata/fuzz/*.c))))
FUZZ_SAN = -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_WRAPS = open stat fstat pread close

fuzz: FUZZ_SAN += -fsanitize=fuzzer-no-link
fuzz: FUZZ_OPT = -O1 -g
fuzz-fast: FUZZ_SAN += -fsanitize-coverage=inline-8bit-counters,pc-table
fuzz-fast: FUZZ_OPT = -O2 -g

fuzz fuzz-fast:
	$(MAKE) B=$(B)/$@ CC="$(FUZZ_CC)" OPT="$(FUZZ_OPT)" SAN="$(FUZZ_SAN)" \
	    $(ISAS:%="KERNEL_SAN_%=$(FUZZ_SAN)") fuzz-programs

fuzz-programs: $(FUZZ_TARGETS:%=$(B)/%)

$(FUZZ_TARGETS:%=$(B)/%): $(B)/%: testdata/fuzz/%.c $(B)/libmtrain.a
	$(CC) $(ALL_CFLAGS) -Itestdata/fuzz -fsanitize=fuzzer \
	    $(FUZZ_WRAPS:%=-Wl,--wrap=%) -o $@ \
	    testdata/fuzz/$*.c $(B)/libmtrain.a $(LIBS)

lint:
	scripts/lint

bench: $(B)/mtrain $(B)/bench-ckpt $(B)/bench-eval
	scripts/bench/run --json $(B)/bench.json $(B)/mtrain

$(B)/bench-eval: scripts/bench/evaluate.c $(B)/libmtrain.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Products beside OpenBLAS's, for each instruction set with OpenBLAS's best
# kernels of the same.
bench-kernels: $(B)/bench-kernels
	scripts/bench/run-kernels $(B)/bench-kernels

$(B)/bench-kernels: scripts/bench/kernels.c $(B)/libmtrain.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Speed and size of checkpoints: of CKPT=FILE.mtc, or of 70 MB of trained
# weights with Adam's state.
CKPT = $(B)/bench-ckpt.mtc

bench-ckpt: $(B)/bench-ckpt $(CKPT)
	$(B)/bench-ckpt $(CKPT)

$(B)/bench-ckpt.mtc: | $(B)/mtrain
	$(B)/mtrain train -q configs/bench/mlp-big.json train.steps=30 -o $@

$(B)/bench-ckpt: scripts/bench/ckpt.c $(B)/libmtrain.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# How time and memory grow with depth, width, batch, length and tensors.
bench-scale: $(B)/mtrain
	scripts/bench/scale $(B)/mtrain

# --- installing -----------------------------------------------------------

BASH_COMPLETION = bash-completion/completions/mtrain
ZSH_COMPLETION = zsh/site-functions/_mtrain
FISH_COMPLETION = fish/vendor_completions.d/mtrain.fish
COMPLETIONS = $(dir $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))

install: $(B)/mtrain $(MODULE)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 755 $(B)/mtrain $(DESTDIR)$(PREFIX)/bin/mtrain
ifneq ($(MODULE),)
	install -d $(DESTDIR)$(PREFIX)/lib/mtrain
	install -m 644 $(MODULE) $(DESTDIR)$(PREFIX)/lib/mtrain
endif
	install -m 644 $(wildcard man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(wildcard man/*.5) $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 $(wildcard man/*.7) $(DESTDIR)$(PREFIX)/share/man/man7
	install -d $(COMPLETIONS:%=$(DESTDIR)$(PREFIX)/share/%)
	$(B)/mtrain completion bash >$(B)/completion.bash
	install -m 644 $(B)/completion.bash \
	    $(DESTDIR)$(PREFIX)/share/$(BASH_COMPLETION)
	$(B)/mtrain completion zsh >$(B)/completion.zsh
	install -m 644 $(B)/completion.zsh \
	    $(DESTDIR)$(PREFIX)/share/$(ZSH_COMPLETION)
	$(B)/mtrain completion fish >$(B)/completion.fish
	install -m 644 $(B)/completion.fish \
	    $(DESTDIR)$(PREFIX)/share/$(FISH_COMPLETION)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/mtrain
	rm -f $(DESTDIR)$(PREFIX)/lib/mtrain/mtrain-mpi.so
	rmdir $(DESTDIR)$(PREFIX)/lib/mtrain 2>/dev/null || true
	cd $(DESTDIR)$(PREFIX)/share/man/man1 && rm -f $(notdir $(wildcard man/*.1))
	cd $(DESTDIR)$(PREFIX)/share/man/man5 && rm -f $(notdir $(wildcard man/*.5))
	cd $(DESTDIR)$(PREFIX)/share/man/man7 && rm -f $(notdir $(wildcard man/*.7))
	cd $(DESTDIR)$(PREFIX)/share && rm -f $(BASH_COMPLETION) \
	    $(ZSH_COMPLETION) $(FISH_COMPLETION)

# --- giving away ------------------------------------------------------------

# The tracked files as a tar, and a Debian package of them: scripts/package.
dist:
	scripts/package dist $(B)

deb:
	scripts/package deb $(B)

# Both of them, and the same bytes from builds in two folders.
check-package:
	scripts/check-package

clean:
	rm -rf $(B)

.PHONY: all test check check-asan check-tsan check-valgrind check-bits \
        check-aarch64 check-math check-onnx check-package mpi shims fuzz \
        fuzz-fast fuzz-programs torture cover lint bench bench-kernels \
        bench-ckpt bench-scale install uninstall dist deb clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
