# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/guard/connections.c \
	dnsproxy/guard/connections.h \
	dnsproxy/guard/dynblock.c \
	dnsproxy/guard/dynblock.h \
	dnsproxy/guard/dynblock_group.c \
	dnsproxy/guard/dynblock_group.h \
	dnsproxy/guard/dynblock_table.c \
	dnsproxy/guard/dynblock_table.h \
	dnsproxy/guard/query_counts.c \
	dnsproxy/guard/query_counts.h \
	dnsproxy/guard/ring_reports.c \
	dnsproxy/guard/ring_reports.h \
	dnsproxy/guard/rings.c \
	dnsproxy/guard/rings.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/connections \
	tests/unit/dynblock \
	tests/unit/query_counts \
	tests/unit/ring_counts \
	tests/unit/ring_grep \
	tests/unit/rings
tests_unit_connections_SOURCES = tests/guard/test_connections.c
tests_unit_dynblock_SOURCES = tests/guard/test_dynblock.c
tests_unit_query_counts_SOURCES = tests/guard/test_query_counts.c tests/fake_worker.c tests/fake_worker.h tests/hex.h
tests_unit_ring_counts_SOURCES = tests/guard/test_ring_counts.c tests/fake_worker.c tests/fake_worker.h tests/hex.h
tests_unit_ring_grep_SOURCES = tests/guard/test_ring_grep.c tests/fake_worker.c tests/fake_worker.h tests/hex.h
tests_unit_rings_SOURCES = tests/guard/test_rings.c tests/fake_worker.c tests/fake_worker.h tests/hex.h
endif
