# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	rules/act_ecs.c rules/act_edns.c rules/act_flow.c rules/act_log.c rules/act_negative.c rules/act_pool.c \
	rules/act_rcode.c rules/act_set.c rules/act_spoof.c rules/act_spoof_raw.c rules/act_spoof_svc.c rules/act_tag.c \
	rules/act_tee.c rules/act_ttl.c rules/act_waiting.c rules/action.c rules/action.h rules/actions.c rules/chain.c \
	rules/chain.h rules/chain_builder.c rules/chain_builder.h rules/chain_key.c rules/chain_key.h \
	rules/chain_level.c rules/chain_level.h rules/chain_plan.c rules/chain_plan.h rules/chain_seats.c \
	rules/chain_seats.h rules/chains.def rules/dialect.c rules/log_file.c rules/log_file.h rules/pattern.c \
	rules/pattern.h rules/proxy_kinds.c rules/rate.h rules/rate_table.c rules/rate_table.h rules/rule.c \
	rules/rule.h rules/rule_cost.c rules/rule_cost.h rules/rule_list.c rules/rule_list.h rules/rule_table.c \
	rules/select_address.c rules/select_edns.c rules/select_header.c rules/select_logic.c rules/select_name.c \
	rules/select_packet.c rules/select_pattern.c rules/select_pool.c rules/select_rate.c rules/select_rate_ip.c \
	rules/select_tag.c rules/select_waiting.c rules/selector.c rules/selector.h rules/selectors.c \
	rules/self_answer.c rules/self_answer.h rules/svc_answer.c rules/svc_answer.h rules/timed_ip_set.c \
	rules/timed_ip_set.h rules/waiting.c rules/waiting.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/selectors tests/unit/actions tests/unit/chain tests/unit/chain_index tests/unit/rate_table
TESTS += tests/unit/selectors tests/unit/actions tests/unit/chain tests/unit/chain_index tests/unit/rate_table
RULE_TEST_SOURCES = tests/fake_worker.c tests/fake_worker.h tests/rule_spec.c tests/rule_spec.h
tests_unit_selectors_SOURCES = tests/test_selectors.c $(RULE_TEST_SOURCES)
tests_unit_selectors_LDADD = $(TEST_LIBS)
tests_unit_actions_SOURCES = tests/test_actions.c $(RULE_TEST_SOURCES)
tests_unit_actions_LDADD = $(TEST_LIBS)
tests_unit_chain_SOURCES = tests/test_chain.c $(RULE_TEST_SOURCES)
tests_unit_chain_LDADD = $(TEST_LIBS)
tests_unit_chain_index_SOURCES = tests/test_chain_index.c tests/random_rules.c tests/random_rules.h \
	$(RULE_TEST_SOURCES)
tests_unit_chain_index_LDADD = $(TEST_LIBS)
tests_unit_rate_table_SOURCES = tests/test_rate_table.c
tests_unit_rate_table_LDADD = $(TEST_LIBS)
endif
