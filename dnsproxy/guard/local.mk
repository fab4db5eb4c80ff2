# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/guard/connections.c dnsproxy/guard/connections.h \
	dnsproxy/guard/ring_entry.h dnsproxy/guard/ring_reader.c \
	dnsproxy/guard/rings.c dnsproxy/guard/rings.h

if HAVE_CMOCKA
GUARD_TESTS = tests/unit/connections tests/unit/rings
check_PROGRAMS += $(GUARD_TESTS)
TESTS += $(GUARD_TESTS)
tests_unit_connections_SOURCES = tests/test_connections.c
tests_unit_connections_LDADD = $(TEST_LIBS)
tests_unit_rings_SOURCES = tests/test_rings.c tests/fake_worker.c tests/fake_worker.h tests/hex.h
tests_unit_rings_LDADD = $(TEST_LIBS)
endif
