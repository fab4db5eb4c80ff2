# SPDX-License-Identifier: BSD-2-Clause
# Micro benchmarks: not built by default, `make bench-NAME` builds and runs one.
EXTRA_PROGRAMS += bench/cache_bench bench/rules_bench
bench_cache_bench_SOURCES = bench/cache_bench.c
bench_cache_bench_LDADD = libdnsproxy.a $(ALL_LIBS)

bench_rules_bench_SOURCES = bench/rules_bench.c tests/fake_worker.c tests/rule_spec.c
bench_rules_bench_LDADD = libdnsproxy.a $(ALL_LIBS)

.PHONY: bench-cache bench-rules
bench-cache: bench/cache_bench
	bench/cache_bench

bench-rules: bench/rules_bench
	bench/rules_bench
