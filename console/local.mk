# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	console/client.c console/client.h console/frame.c console/frame.h console/line.c console/line.h console/local.c \
	console/server.c console/server.h
