# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/walk/answer_path.c \
	dnsproxy/walk/ecs.c \
	dnsproxy/walk/ecs.h \
	dnsproxy/walk/path.c \
	dnsproxy/walk/path.h \
	dnsproxy/walk/query_path.c \
	dnsproxy/walk/rooms.def \
	dnsproxy/walk/rooms.h \
	dnsproxy/walk/suspended.c \
	dnsproxy/walk/suspended.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/walk \
	tests/unit/walk_drops
tests_unit_walk_SOURCES = tests/walk/test_walk.c tests/walk_world.c tests/walk_world.h tests/dns_responder.c tests/dns_responder.h tests/rule_spec.c tests/rule_spec.h
tests_unit_walk_drops_SOURCES = tests/walk/test_walk_drops.c tests/walk_world.c tests/walk_world.h tests/dns_responder.c tests/dns_responder.h tests/rule_spec.c tests/rule_spec.h
endif
