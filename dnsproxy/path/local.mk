# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/path/answer_path.c dnsproxy/path/ecs.c dnsproxy/path/ecs.h dnsproxy/path/blocked.c dnsproxy/path/blocked.h dnsproxy/path/latency.c dnsproxy/path/latency.h dnsproxy/path/proxied.c dnsproxy/path/proxied.h dnsproxy/path/log_limit.c \
	dnsproxy/path/log_limit.h dnsproxy/path/path.c dnsproxy/path/path.h dnsproxy/path/query_path.c \
	dnsproxy/path/explain.c dnsproxy/path/explain.h dnsproxy/path/explain_answer.c dnsproxy/path/explain_facts.c \
	dnsproxy/path/explain_rooms.c dnsproxy/path/explain_text.c dnsproxy/path/explain_walk.h \
	dnsproxy/path/rooms.def dnsproxy/path/rooms.h dnsproxy/path/suspended.c dnsproxy/path/suspended.h \
	dnsproxy/path/verbose.c dnsproxy/path/verbose.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/walk tests/unit/walk_drops
TESTS += tests/unit/walk tests/unit/walk_drops
WALK_SOURCES = tests/walk_world.c tests/walk_world.h tests/dns_responder.c \
	tests/dns_responder.h tests/rule_spec.c tests/rule_spec.h
tests_unit_walk_SOURCES = tests/test_walk.c $(WALK_SOURCES)
tests_unit_walk_drops_SOURCES = tests/test_walk_drops.c $(WALK_SOURCES)
tests_unit_walk_drops_LDADD = $(TEST_LIBS)
tests_unit_walk_LDADD = $(TEST_LIBS)
endif
