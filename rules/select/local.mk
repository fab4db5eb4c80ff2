# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	rules/select/pattern.c \
	rules/select/pattern.h \
	rules/select/rate.h \
	rules/select/rate_table.c \
	rules/select/rate_table.h \
	rules/select/select_address.c \
	rules/select/select_edns.c \
	rules/select/select_header.c \
	rules/select/select_logic.c \
	rules/select/select_name.c \
	rules/select/select_packet.c \
	rules/select/select_pattern.c \
	rules/select/select_pool.c \
	rules/select/select_rate.c \
	rules/select/select_tag.c \
	rules/select/select_waiting.c \
	rules/select/selector.c \
	rules/select/selector.h \
	rules/select/selectors.c \
	rules/select/timed_ip_set.c \
	rules/select/timed_ip_set.h \
	rules/select/waiting.c \
	rules/select/waiting.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/selectors \
	tests/unit/rate_table
tests_unit_selectors_SOURCES = tests/rules/select/test_selectors.c tests/fake_worker.c tests/fake_worker.h tests/rule_spec.c tests/rule_spec.h
tests_unit_rate_table_SOURCES = tests/rules/select/test_rate_table.c
endif
