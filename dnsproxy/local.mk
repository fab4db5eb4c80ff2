# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/cache_key.h dnsproxy/counters.c dnsproxy/counters.h dnsproxy/query.c dnsproxy/query.h dnsproxy/settings.c \
	dnsproxy/settings.h dnsproxy/version.c dnsproxy/version.h dnsproxy/worker.c dnsproxy/worker.h \
	dnsproxy/counters.def dnsproxy/drops.def dnsproxy/settings.def dnsproxy/transports.def
