# SPDX-License-Identifier: BSD-2-Clause
bin_PROGRAMS += dnsproxy/dnsproxy
dnsproxy_dnsproxy_SOURCES = dnsproxy/run/main.c
dnsproxy_dnsproxy_LDADD = libdnsproxy.a $(ALL_LIBS)
# Scripts find FFI functions in the executable.
dnsproxy_dnsproxy_LDFLAGS = $(AM_LDFLAGS) -rdynamic
libdnsproxy_a_SOURCES += \
	dnsproxy/run/control.c \
	dnsproxy/run/control.h \
	dnsproxy/run/explain.c \
	dnsproxy/run/explain.h \
	dnsproxy/run/keeper.c \
	dnsproxy/run/keeper.h \
	dnsproxy/run/listeners.c \
	dnsproxy/run/listeners.h \
	dnsproxy/run/options.c \
	dnsproxy/run/options.h \
	dnsproxy/run/post.c \
	dnsproxy/run/post.h \
	dnsproxy/run/privileges.c \
	dnsproxy/run/privileges.h \
	dnsproxy/run/start.c \
	dnsproxy/run/start.h \
	dnsproxy/run/worker_thread.c \
	dnsproxy/run/worker_thread.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/options
tests_unit_options_SOURCES = tests/run/test_options.c
endif
