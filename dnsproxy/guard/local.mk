# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += dnsproxy/guard/connections.c dnsproxy/guard/connections.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/connections
TESTS += tests/unit/connections
tests_unit_connections_SOURCES = tests/test_connections.c
tests_unit_connections_LDADD = $(TEST_LIBS)
endif
