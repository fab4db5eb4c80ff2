# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/net/byte_layer.c \
	dnsproxy/net/byte_layer.h \
	dnsproxy/net/connection.c \
	dnsproxy/net/connection.h \
	dnsproxy/net/datagram.c \
	dnsproxy/net/datagram.h \
	dnsproxy/net/delay.c \
	dnsproxy/net/input.c \
	dnsproxy/net/input.h \
	dnsproxy/net/listener.c \
	dnsproxy/net/listener.h \
	dnsproxy/net/protocol.c \
	dnsproxy/net/protocol.h \
	dnsproxy/net/send_batch.c \
	dnsproxy/net/send_batch.h \
	dnsproxy/net/stream.c \
	dnsproxy/net/stream.h \
	dnsproxy/net/tee.c \
	dnsproxy/net/tee.h \
	dnsproxy/net/transport.c

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/connection \
	tests/unit/input \
	tests/unit/listener \
	tests/unit/stream \
	tests/unit/send_batch
tests_unit_connection_SOURCES = tests/net/test_connection.c
tests_unit_input_SOURCES = tests/net/test_input.c
tests_unit_listener_SOURCES = tests/net/test_listener.c
tests_unit_stream_SOURCES = tests/net/test_stream.c tests/stream_world.c tests/stream_world.h
tests_unit_send_batch_SOURCES = tests/net/test_send_batch.c
endif

FUZZ_TARGETS += fuzz/bin/tcp_framing
fuzz_bin_tcp_framing_SOURCES = fuzz/fuzz_tcp_framing.c $(FUZZ_MAIN)
fuzz_bin_tcp_framing_LDADD = $(FUZZ_LIBS)
fuzz_bin_tcp_framing_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
