# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += dnsproxy/guard/connections.c dnsproxy/guard/connections.h
