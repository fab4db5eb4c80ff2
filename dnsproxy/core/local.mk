# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/core/cache_key.h \
	dnsproxy/core/counters.c \
	dnsproxy/core/counters.def \
	dnsproxy/core/counters.h \
	dnsproxy/core/drops.def \
	dnsproxy/core/observer.c \
	dnsproxy/core/observer.h \
	dnsproxy/core/query.c \
	dnsproxy/core/query.h \
	dnsproxy/core/settings.c \
	dnsproxy/core/settings.def \
	dnsproxy/core/settings.h \
	dnsproxy/core/transport.h \
	dnsproxy/core/version.c \
	dnsproxy/core/version.h \
	dnsproxy/core/worker.c \
	dnsproxy/core/worker.h

if HAVE_CMOCKA
UNIT_TESTS += tests/unit/query
tests_unit_query_SOURCES = tests/core/test_query.c tests/fake_worker.c tests/fake_worker.h tests/hex.h
endif
