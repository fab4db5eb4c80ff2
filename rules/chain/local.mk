# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	rules/chain/chain.c \
	rules/chain/chain.h \
	rules/chain/chain_builder.c \
	rules/chain/chain_builder.h \
	rules/chain/chain_key.c \
	rules/chain/chain_key.h \
	rules/chain/chain_level.c \
	rules/chain/chain_level.h \
	rules/chain/chain_plan.c \
	rules/chain/chain_plan.h \
	rules/chain/chain_seats.c \
	rules/chain/chain_seats.h \
	rules/chain/chains.def \
	rules/chain/dialect.c \
	rules/chain/rule.c \
	rules/chain/rule.h \
	rules/chain/rule_cost.c \
	rules/chain/rule_cost.h \
	rules/chain/rule_list.c \
	rules/chain/rule_list.h \
	rules/chain/rule_table.c

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/chain \
	tests/unit/chain_index
tests_unit_chain_SOURCES = tests/rules/chain/test_chain.c tests/fake_worker.c tests/fake_worker.h tests/rule_spec.c tests/rule_spec.h
tests_unit_chain_index_SOURCES = tests/rules/chain/test_chain_index.c tests/random_rules.c tests/random_rules.h tests/fake_worker.c tests/fake_worker.h tests/rule_spec.c tests/rule_spec.h
endif
