# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/cache/cache_entry.c \
	dnsproxy/cache/cache_entry.h \
	dnsproxy/cache/cache_memory.c \
	dnsproxy/cache/cache_memory.h \
	dnsproxy/cache/cache_region.c \
	dnsproxy/cache/cache_region.h \
	dnsproxy/cache/cache_table.c \
	dnsproxy/cache/cache_table.h \
	dnsproxy/cache/packet_cache.c \
	dnsproxy/cache/packet_cache.h

if HAVE_CMOCKA
EXTRA_DIST += tests/cache_samples.h
UNIT_TESTS += \
	tests/unit/packet_cache \
	tests/unit/packet_cache_full \
	tests/unit/packet_cache_threads
tests_unit_packet_cache_SOURCES = tests/cache/test_packet_cache.c
tests_unit_packet_cache_full_SOURCES = tests/cache/test_packet_cache_full.c
tests_unit_packet_cache_threads_SOURCES = tests/cache/test_packet_cache_threads.c
endif

FUZZ_TARGETS += fuzz/bin/cache
fuzz_bin_cache_SOURCES = fuzz/fuzz_cache.c $(FUZZ_MAIN)
fuzz_bin_cache_LDADD = $(FUZZ_LIBS)
fuzz_bin_cache_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
