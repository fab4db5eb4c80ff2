# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	rules/act_flow.c rules/act_pool.c rules/act_rcode.c rules/action.c rules/action.h rules/actions.c rules/chain.c \
	rules/chain.h rules/chains.def rules/rule.c rules/rule.h rules/rule_table.c rules/select_logic.c rules/selector.c \
	rules/selector.h rules/selectors.c rules/self_answer.c rules/self_answer.h
