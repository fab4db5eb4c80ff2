# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	console/client.c \
	console/client.h \
	console/frame.c \
	console/frame.h \
	console/line.c \
	console/line.h \
	console/server.c \
	console/server.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/line \
	tests/unit/console_server
tests_unit_line_SOURCES = tests/console/test_line.c
tests_unit_console_server_SOURCES = tests/console/test_console_server.c
endif

FUZZ_TARGETS += fuzz/bin/console_frame
fuzz_bin_console_frame_SOURCES = fuzz/fuzz_console_frame.c $(FUZZ_MAIN)
fuzz_bin_console_frame_LDADD = $(FUZZ_LIBS)
fuzz_bin_console_frame_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
