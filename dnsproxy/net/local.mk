# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/net/channel.c dnsproxy/net/channel.h dnsproxy/net/datagram.c dnsproxy/net/datagram.h dnsproxy/net/delay.c \
	dnsproxy/net/framing.c dnsproxy/net/framing.h dnsproxy/net/listener.c dnsproxy/net/listener.h \
	dnsproxy/net/stream.c dnsproxy/net/stream.h dnsproxy/net/stream_connection.c
