# SPDX-License-Identifier: BSD-2-Clause
# Micro benchmarks: not built by default, `make bench-NAME` builds and runs one.
EXTRA_PROGRAMS += bench/cache_bench
bench_cache_bench_SOURCES = bench/cache_bench.c
bench_cache_bench_LDADD = libdnsproxy.a $(ALL_LIBS)

.PHONY: bench-cache
bench-cache: bench/cache_bench
	bench/cache_bench
