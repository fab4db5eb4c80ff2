# SPDX-License-Identifier: BSD-2-Clause
# `make check` replays fuzz/seeds/NAME through each target NAME. To look for more, in a build directory of its own:
#   CC=clang SOURCE/configure --enable-fuzzing && make fuzz
#   mkdir new && fuzz/bin/message -max_total_time=600 new SOURCE/fuzz/seeds/message
# --enable-fuzzing brings the address and undefined-behaviour sanitizers along. A find becomes a seed with its fix.
check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += fuzz/fuzz.h fuzz/make_seeds.py fuzz/seeds

if !FUZZING
TESTS += $(FUZZ_TARGETS)
endif

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS)
