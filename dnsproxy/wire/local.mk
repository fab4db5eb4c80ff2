# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/wire/client_subnet.c \
	dnsproxy/wire/client_subnet.h \
	dnsproxy/wire/codes.c \
	dnsproxy/wire/codes.h \
	dnsproxy/wire/compose.c \
	dnsproxy/wire/compose.h \
	dnsproxy/wire/message.c \
	dnsproxy/wire/message.h \
	dnsproxy/wire/name.c \
	dnsproxy/wire/name.h \
	dnsproxy/wire/name_set.c \
	dnsproxy/wire/name_set.h \
	dnsproxy/wire/presentation.c \
	dnsproxy/wire/presentation.h \
	dnsproxy/wire/proxy_header.c \
	dnsproxy/wire/proxy_header.h \
	dnsproxy/wire/qtypes.def \
	dnsproxy/wire/rcodes.def \
	dnsproxy/wire/rewrite.c \
	dnsproxy/wire/rewrite.h \
	dnsproxy/wire/svc_record.c \
	dnsproxy/wire/svc_record.h \
	dnsproxy/wire/words.h

if HAVE_CMOCKA
EXTRA_DIST += tests/hex.h
UNIT_TESTS += \
	tests/unit/name \
	tests/unit/message \
	tests/unit/codes \
	tests/unit/rewrite \
	tests/unit/compose \
	tests/unit/name_set \
	tests/unit/client_subnet \
	tests/unit/presentation \
	tests/unit/svc_record
tests_unit_name_SOURCES = tests/wire/test_name.c
tests_unit_message_SOURCES = tests/wire/test_message.c
tests_unit_codes_SOURCES = tests/wire/test_codes.c
tests_unit_rewrite_SOURCES = tests/wire/test_rewrite.c
tests_unit_compose_SOURCES = tests/wire/test_compose.c
tests_unit_name_set_SOURCES = tests/wire/test_name_set.c
tests_unit_client_subnet_SOURCES = tests/wire/test_client_subnet.c
tests_unit_presentation_SOURCES = tests/wire/test_presentation.c
tests_unit_svc_record_SOURCES = tests/wire/test_svc_record.c
endif

FUZZ_TARGETS += fuzz/bin/proxy_header
fuzz_bin_proxy_header_SOURCES = fuzz/fuzz_proxy_header.c $(FUZZ_MAIN)
fuzz_bin_proxy_header_LDADD = $(FUZZ_LIBS)
fuzz_bin_proxy_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += fuzz/bin/client_subnet fuzz/bin/message fuzz/bin/name fuzz/bin/rewrite
fuzz_bin_client_subnet_SOURCES = fuzz/fuzz_client_subnet.c $(FUZZ_MAIN)
fuzz_bin_client_subnet_LDADD = $(FUZZ_LIBS)
fuzz_bin_client_subnet_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_bin_message_SOURCES = fuzz/fuzz_message.c $(FUZZ_MAIN)
fuzz_bin_message_LDADD = $(FUZZ_LIBS)
fuzz_bin_message_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_bin_name_SOURCES = fuzz/fuzz_name.c $(FUZZ_MAIN)
fuzz_bin_name_LDADD = $(FUZZ_LIBS)
fuzz_bin_name_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
fuzz_bin_rewrite_SOURCES = fuzz/fuzz_rewrite.c $(FUZZ_MAIN)
fuzz_bin_rewrite_LDADD = $(FUZZ_LIBS)
fuzz_bin_rewrite_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
FUZZ_TARGETS += fuzz/bin/presentation
fuzz_bin_presentation_SOURCES = fuzz/fuzz_presentation.c $(FUZZ_MAIN)
fuzz_bin_presentation_LDADD = $(FUZZ_LIBS)
fuzz_bin_presentation_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
