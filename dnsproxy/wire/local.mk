# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/wire/codes.h dnsproxy/wire/compose.h dnsproxy/wire/message.c dnsproxy/wire/message.h dnsproxy/wire/name.c \
	dnsproxy/wire/name.h dnsproxy/wire/name_bytes.c dnsproxy/wire/name_set.h dnsproxy/wire/qtypes.def \
	dnsproxy/wire/rewrite.h dnsproxy/wire/words.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/name tests/unit/message
TESTS += tests/unit/name tests/unit/message
tests_unit_name_SOURCES = tests/test_name.c
tests_unit_name_LDADD = $(TEST_LIBS)
tests_unit_message_SOURCES = tests/test_message.c
tests_unit_message_LDADD = $(TEST_LIBS)
endif
