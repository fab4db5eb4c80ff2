# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/classes/class_address.c \
	lua/classes/class_async.c \
	lua/classes/class_cache.c \
	lua/classes/classes.h \
	lua/classes/class_dynblock.c \
	lua/classes/class_dynblock_group.c \
	lua/classes/class_name.c \
	lua/classes/class_netmask.c \
	lua/classes/class_network.c \
	lua/classes/class_packet.c \
	lua/classes/class_policy.c \
	lua/classes/class_pool.c \
	lua/classes/class_question.c \
	lua/classes/class_ring_entry.c \
	lua/classes/class_server.c \
	lua/classes/class_shared.c \
	lua/classes/class_stat_node.c \
	lua/classes/class_svc.c \
	lua/classes/dynblock_suffix_rule.c \
	lua/classes/question_members.c

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/lua_question \
	tests/unit/lua_values
tests_unit_lua_question_SOURCES = tests/lua/classes/test_lua_question.c tests/fake_worker.c tests/fake_worker.h tests/hex.h tests/configuration_fixture.h tests/lua_fixture.h
tests_unit_lua_values_SOURCES = tests/lua/classes/test_lua_values.c
endif
