# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/net/datagram.c dnsproxy/net/datagram.h dnsproxy/net/delay.c dnsproxy/net/listener.c dnsproxy/net/listener.h
