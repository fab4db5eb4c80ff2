# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/scripts/bytecode.c \
	lua/scripts/bytecode.h \
	lua/scripts/callbacks.c \
	lua/scripts/callbacks.h \
	lua/scripts/control_state.c \
	lua/scripts/control_state.h \
	lua/scripts/copies.c \
	lua/scripts/copies.h \
	lua/scripts/dnsproxy_ffi.h \
	lua/scripts/edns_view.h \
	lua/scripts/ffi_frame.h \
	lua/scripts/ffi_state.c \
	lua/scripts/ffi_state.h \
	lua/scripts/helpers.c \
	lua/scripts/helpers.h \
	lua/scripts/history.c \
	lua/scripts/history.h \
	lua/scripts/image.c \
	lua/scripts/image.h \
	lua/scripts/members_calls.c \
	lua/scripts/policy_builtin.c \
	lua/scripts/policy_builtin.h \
	lua/scripts/policy_lua.c \
	lua/scripts/policy_lua.h \
	lua/scripts/purity.c \
	lua/scripts/purity.h \
	lua/scripts/purity_calls.c \
	lua/scripts/purity_private.h \
	lua/scripts/purity_walk.c \
	lua/scripts/question_access.c \
	lua/scripts/question_access.h \
	lua/scripts/question_ops.c \
	lua/scripts/question_ops.h \
	lua/scripts/script.c \
	lua/scripts/script.h \
	lua/scripts/script_call.c \
	lua/scripts/script_call.h \
	lua/scripts/script_host.h \
	lua/scripts/scripts.h \
	lua/scripts/service_hooks.c \
	lua/scripts/service_hooks.h \
	lua/scripts/thread_state.c \
	lua/scripts/thread_state.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/copies \
	tests/unit/control_state \
	tests/unit/history \
	tests/unit/lua_policy \
	tests/unit/lua_threads
tests_unit_copies_SOURCES = tests/lua/scripts/test_copies.c
tests_unit_control_state_SOURCES = tests/lua/scripts/test_control_state.c
tests_unit_history_SOURCES = tests/lua/scripts/test_history.c
tests_unit_lua_policy_SOURCES = tests/lua/scripts/test_lua_policy.c tests/fake_worker.c tests/fake_worker.h tests/hex.h tests/configuration_fixture.h tests/lua_fixture.h
tests_unit_lua_threads_SOURCES = tests/lua/scripts/test_lua_threads.c tests/fake_worker.c tests/fake_worker.h tests/hex.h tests/configuration_fixture.h tests/lua_fixture.h
endif
