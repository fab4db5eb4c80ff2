# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/net/channel.c \
	dnsproxy/net/channel.h \
	dnsproxy/net/datagram.c \
	dnsproxy/net/datagram.h \
	dnsproxy/net/delay.c \
	dnsproxy/net/framing.c \
	dnsproxy/net/framing.h \
	dnsproxy/net/listener.c \
	dnsproxy/net/listener.h \
	dnsproxy/net/proxied_stream.c \
	dnsproxy/net/proxied_stream.h \
	dnsproxy/net/send_batch.c \
	dnsproxy/net/send_batch.h \
	dnsproxy/net/stream.c \
	dnsproxy/net/stream.h \
	dnsproxy/net/stream_connection.c \
	dnsproxy/net/tee.c \
	dnsproxy/net/tee.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/channel \
	tests/unit/framing \
	tests/unit/listener \
	tests/unit/stream \
	tests/unit/send_batch
tests_unit_channel_SOURCES = tests/net/test_channel.c
tests_unit_framing_SOURCES = tests/net/test_framing.c
tests_unit_listener_SOURCES = tests/net/test_listener.c
tests_unit_stream_SOURCES = tests/net/test_stream.c tests/stream_world.c tests/stream_world.h
tests_unit_send_batch_SOURCES = tests/net/test_send_batch.c
endif

FUZZ_TARGETS += fuzz/bin/tcp_framing
fuzz_bin_tcp_framing_SOURCES = fuzz/fuzz_tcp_framing.c $(FUZZ_MAIN)
fuzz_bin_tcp_framing_LDADD = $(FUZZ_LIBS)
fuzz_bin_tcp_framing_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
