# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/path/answer_path.c dnsproxy/path/latency.c dnsproxy/path/latency.h dnsproxy/path/log_limit.c \
	dnsproxy/path/log_limit.h dnsproxy/path/path.c dnsproxy/path/path.h dnsproxy/path/query_path.c \
	dnsproxy/path/rooms.def dnsproxy/path/rooms.h
