# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/backends/backend.c \
	dnsproxy/backends/backend.h \
	dnsproxy/backends/backend_socket.c \
	dnsproxy/backends/backend_socket.h \
	dnsproxy/backends/health.c \
	dnsproxy/backends/health.h \
	dnsproxy/backends/health_probe.c \
	dnsproxy/backends/health_probe.h \
	dnsproxy/backends/policy.c \
	dnsproxy/backends/policy.h \
	dnsproxy/backends/pool.c \
	dnsproxy/backends/pool.h \
	dnsproxy/backends/protocol.h

if HAVE_CMOCKA
EXTRA_DIST += tests/pool_fixture.h
UNIT_TESTS += \
	tests/unit/pool \
	tests/unit/backend \
	tests/unit/policies \
	tests/unit/health_state \
	tests/unit/health
tests_unit_backend_SOURCES = tests/backends/test_backend.c
tests_unit_pool_SOURCES = tests/backends/test_pool.c
tests_unit_policies_SOURCES = tests/backends/test_policies.c
tests_unit_health_state_SOURCES = tests/backends/test_health_state.c
tests_unit_health_SOURCES = tests/backends/test_health.c tests/dns_responder.c tests/dns_responder.h
endif
