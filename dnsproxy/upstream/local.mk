# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/upstream/in_flight.c \
	dnsproxy/upstream/in_flight.h \
	dnsproxy/upstream/transfer.c \
	dnsproxy/upstream/transfer.h \
	dnsproxy/upstream/upstream.c \
	dnsproxy/upstream/upstream.h \
	dnsproxy/upstream/upstream_connection.c \
	dnsproxy/upstream/upstream_connection.h \
	dnsproxy/upstream/upstream_datagram.c \
	dnsproxy/upstream/upstream_datagram.h \
	dnsproxy/upstream/upstream_proxy.c \
	dnsproxy/upstream/upstream_proxy.h \
	dnsproxy/upstream/upstream_slots.c \
	dnsproxy/upstream/upstream_slots.h \
	dnsproxy/upstream/upstream_stream.c \
	dnsproxy/upstream/upstream_stream.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/in_flight \
	tests/unit/transfer \
	tests/unit/upstream_datagram \
	tests/unit/upstream_stream
tests_unit_in_flight_SOURCES = tests/upstream/test_in_flight.c
tests_unit_transfer_SOURCES = tests/upstream/test_transfer.c
tests_unit_upstream_datagram_SOURCES = tests/upstream/test_upstream_datagram.c tests/dns_responder.c tests/dns_responder.h
tests_unit_upstream_stream_SOURCES = tests/upstream/test_upstream_stream.c tests/stream_world.c tests/stream_world.h
endif
