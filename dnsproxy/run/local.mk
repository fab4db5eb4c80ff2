# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/run/control.c dnsproxy/run/control.h dnsproxy/run/keeper.c dnsproxy/run/keeper.h \
	dnsproxy/run/listeners.c dnsproxy/run/listeners.h dnsproxy/run/options.c dnsproxy/run/options.h \
	dnsproxy/run/post.c dnsproxy/run/post.h dnsproxy/run/privileges.c dnsproxy/run/privileges.h dnsproxy/run/start.c dnsproxy/run/start.h \
	dnsproxy/run/worker_thread.c dnsproxy/run/worker_thread.h
