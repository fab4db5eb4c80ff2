# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/pool/answer_match.c dnsproxy/pool/answer_match.h dnsproxy/pool/in_flight.c dnsproxy/pool/in_flight.h \
	dnsproxy/pool/upstream.c dnsproxy/pool/upstream.h dnsproxy/pool/upstream_datagram.c \
	dnsproxy/pool/upstream_datagram.h
