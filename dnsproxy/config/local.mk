# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/config/configuration.c \
	dnsproxy/config/configuration.h \
	dnsproxy/config/snapshot.c \
	dnsproxy/config/snapshot.h
