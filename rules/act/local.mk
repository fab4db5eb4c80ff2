# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	rules/act/act_ecs.c \
	rules/act/act_edns.c \
	rules/act/act_flow.c \
	rules/act/act_log.c \
	rules/act/act_pool.c \
	rules/act/act_rcode.c \
	rules/act/act_set.c \
	rules/act/act_spoof.c \
	rules/act/act_tag.c \
	rules/act/act_tee.c \
	rules/act/act_ttl.c \
	rules/act/act_waiting.c \
	rules/act/action.c \
	rules/act/action.h \
	rules/act/actions.c \
	rules/act/log_file.c \
	rules/act/log_file.h \
	rules/act/proxy_kinds.c \
	rules/act/self_answer.c \
	rules/act/self_answer.h \
	rules/act/svc_answer.c \
	rules/act/svc_answer.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/actions
tests_unit_actions_SOURCES = tests/rules/act/test_actions.c tests/fake_worker.c tests/fake_worker.h tests/rule_spec.c tests/rule_spec.h
endif
