# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/config/draft.c \
	dnsproxy/config/draft.h \
	dnsproxy/config/snapshot.c \
	dnsproxy/config/snapshot.h
