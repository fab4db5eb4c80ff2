# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/pool/answer_match.c dnsproxy/pool/answer_match.h dnsproxy/pool/backend.c dnsproxy/pool/backend.h \
	dnsproxy/pool/backend_socket.c dnsproxy/pool/backend_socket.h \
	dnsproxy/pool/health.c dnsproxy/pool/health.h dnsproxy/pool/health_probe.c dnsproxy/pool/health_probe.h \
	dnsproxy/pool/health_state.c dnsproxy/pool/health_state.h \
	dnsproxy/pool/in_flight.c dnsproxy/pool/in_flight.h dnsproxy/pool/policy.c dnsproxy/pool/policy.h \
	dnsproxy/pool/policy_chashed.c dnsproxy/pool/policy_least.c dnsproxy/pool/policy_roundrobin.c \
	dnsproxy/pool/policy_weighted.c dnsproxy/pool/pool.c dnsproxy/pool/pool.h dnsproxy/pool/pool_draft.c \
	dnsproxy/pool/transfer.c dnsproxy/pool/transfer.h dnsproxy/pool/upstream.c dnsproxy/pool/upstream.h dnsproxy/pool/upstream_datagram.c \
	dnsproxy/pool/upstream_datagram.h dnsproxy/pool/upstream_connection.c dnsproxy/pool/upstream_connection.h dnsproxy/pool/upstream_connection_private.h dnsproxy/pool/upstream_answers.c dnsproxy/pool/upstream_timeouts.c \
	dnsproxy/pool/upstream_proxy.c dnsproxy/pool/upstream_proxy.h dnsproxy/pool/upstream_slots.c dnsproxy/pool/upstream_slots.h \
	dnsproxy/pool/upstream_stream.c dnsproxy/pool/upstream_stream.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/in_flight tests/unit/transfer
TESTS += tests/unit/in_flight tests/unit/transfer
tests_unit_transfer_SOURCES = tests/test_transfer.c
tests_unit_transfer_LDADD = $(TEST_LIBS)
tests_unit_in_flight_SOURCES = tests/test_in_flight.c
tests_unit_in_flight_LDADD = $(TEST_LIBS)
tests_unit_upstream_datagram_SOURCES = tests/test_upstream_datagram.c tests/dns_responder.c tests/dns_responder.h
tests_unit_upstream_datagram_LDADD = $(TEST_LIBS)
POOL_TESTS = tests/unit/upstream_datagram tests/unit/pool tests/unit/policies tests/unit/health_state tests/unit/health
check_PROGRAMS += $(POOL_TESTS)
TESTS += $(POOL_TESTS)
EXTRA_DIST += tests/pool_fixture.h
tests_unit_pool_SOURCES = tests/test_pool.c
tests_unit_pool_LDADD = $(TEST_LIBS)
tests_unit_policies_SOURCES = tests/test_policies.c
tests_unit_policies_LDADD = $(TEST_LIBS)
tests_unit_health_state_SOURCES = tests/test_health_state.c
tests_unit_health_state_LDADD = $(TEST_LIBS)
tests_unit_health_SOURCES = tests/test_health.c tests/dns_responder.c tests/dns_responder.h
tests_unit_health_LDADD = $(TEST_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/upstream_stream
TESTS += tests/unit/upstream_stream
tests_unit_upstream_stream_SOURCES = tests/test_upstream_stream.c tests/stream_world.c tests/stream_world.h
tests_unit_upstream_stream_LDADD = $(TEST_LIBS)
endif
