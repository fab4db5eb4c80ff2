# SPDX-License-Identifier: BSD-2-Clause
# What scripts call through ffi.C. Nothing in the program refers to it, so that it is linked by name.
FFI_SOURCES = \
	lua/ffi_absent.c \
	lua/ffi_async.c \
	lua/ffi_cache.c \
	lua/ffi_metrics.c \
	lua/ffi_network.c \
	lua/ffi_packet.c \
	lua/ffi_policy.c \
	lua/ffi_proxy.c \
	lua/ffi_question.c \
	lua/ffi_question_set.c \
	lua/ffi_response.c \
	lua/ffi_rings.c \
	lua/ffi_dynblocks.c \
	lua/ffi_stat_node.c \
	lua/ffi_svc.c
dnsproxy_dnsproxy_SOURCES += $(FFI_SOURCES)
libdnsproxy_a_SOURCES += \
	lua/act_lua.c \
	lua/argument_lists.c \
	lua/arguments.c \
	lua/arguments.h \
	lua/bench.c \
	lua/bench.h \
	lua/bind_acl.c \
	lua/bind_cache.c \
	lua/bind_chains.c \
	lua/bind_console.c \
	lua/bind_exceed.c \
	lua/bind_explain.c \
	lua/bind_grepq.c \
	lua/bind_interfaces.c \
	lua/bind_kinds.c \
	lua/bind_dynblocks.c \
	lua/bind_tcp.c \
	lua/bind_listeners.c \
	lua/class_dynblock.c \
	lua/class_dynblock_group.c \
	lua/dynblock_options.h \
	lua/dynblock_suffix_rule.c \
	lua/dynblock_suffix_rule.h \
	lua/bind_log.c \
	lua/bind_metrics.c \
	lua/bind_misc.c \
	lua/bind_password.c \
	lua/bind_objects.c \
	lua/bind_rings.c \
	lua/bind_query_counts.c \
	lua/bind_rules.c \
	lua/bind_scripts.c \
	lua/bind_servers.c \
	lua/bind_services.c \
	lua/bind_settings.c \
	lua/bind_top.c \
	lua/bind_threads.c \
	lua/binder.c \
	lua/binder.h \
	lua/budget.c \
	lua/budget.h \
	lua/bytecode.c \
	lua/bytecode.h \
	lua/bytecode_loops.c \
	lua/cache_search.c \
	lua/cache_search.h \
	lua/callbacks.c \
	lua/callbacks.h \
	lua/class_address.c \
	lua/class_async.c \
	lua/class_cache.c \
	lua/class_edns_option.c \
	lua/class_header.c \
	lua/class_limiter.c \
	lua/class_name.c \
	lua/class_name_set.c \
	lua/class_netmask.c \
	lua/class_netmask_group.c \
	lua/class_network.c \
	lua/class_packet.c \
	lua/class_policy.c \
	lua/class_pool.c \
	lua/class_question.c \
	lua/class_response.c \
	lua/class_ring_entry.c \
	lua/class_server.c \
	lua/class_shared.c \
	lua/class_stat_node.c \
	lua/class_svc.c \
	lua/class_timed_ip_set.c \
	lua/class_timespec.c \
	lua/classes.h \
	lua/constants.c \
	lua/control_state.c \
	lua/control_state.h \
	lua/copies.c \
	lua/copies.h \
	lua/describe.c \
	lua/describe.h \
	lua/edns_view.h \
	lua/errors.c \
	lua/errors.h \
	lua/evaluate.c \
	lua/dnsproxy_ffi.h \
	lua/ffi_frame.h \
	lua/ffi_function.c \
	lua/ffi_function.h \
	lua/ffi_kinds.c \
	lua/ffi_state.c \
	lua/ffi_state.h \
	lua/ffi_text.c \
	lua/functions.c \
	lua/handles.c \
	lua/handles.h \
	lua/helpers.c \
	lua/helpers.h \
	lua/history.c \
	lua/history.h \
	lua/hooks.c \
	lua/hooks.h \
	lua/image.c \
	lua/image.h \
	lua/image_private.h \
	lua/image_read.c \
	lua/kinds.c \
	lua/library.c \
	lua/library.h \
	lua/load.h \
	lua/loose.c \
	lua/new_server.c \
	lua/new_server.h \
	lua/options.c \
	lua/policy_builtin.c lua/policy_builtin.h \
	lua/policy_ffi.c \
	lua/policy_lua.c \
	lua/policy_lua.h \
	lua/purity.c \
	lua/purity.h \
	lua/purity_access.c \
	lua/purity_calls.c \
	lua/purity_loops.c \
	lua/purity_private.h \
	lua/purity_registers.c \
	lua/purity_walk.c \
	lua/purity_walk.h \
	lua/query_filter.h \
	lua/question_access.c \
	lua/question_access.h \
	lua/question_attributes.c \
	lua/question_methods.c \
	lua/question_ops.c \
	lua/question_ops.h \
	lua/rule_verbs.h \
	lua/scratch.c \
	lua/scratch.h \
	lua/script.c \
	lua/script.h \
	lua/script_call.c \
	lua/script_call.h \
	lua/script_host.h \
	lua/script_error.c \
	lua/script_kinds.h \
	lua/select_lua.c \
	lua/service_hooks.c \
	lua/service_hooks.h \
	lua/signature.c \
	lua/signature.h \
	lua/stack_guard.c \
	lua/stack_guard.h \
	lua/stat_node.h \
	lua/thread_state.c \
	lua/thread_state.h \
	lua/members.c \
	lua/members.h \
	lua/members_calls.c \
	lua/members_text.c \
	lua/moot.c \
	lua/version.c \
	lua/waiting.c \
	lua/waiting.h \
	lua/waiting_encryption.c \
	lua/waiting_filters.c \
	lua/waiting_listeners.c \
	lua/waiting_observers.c

if HAVE_CMOCKA
LUA_TESTS = tests/unit/binder tests/unit/control_state tests/unit/history tests/unit/lua_policy tests/unit/lua_question \
	tests/unit/lua_threads tests/unit/lua_values
check_PROGRAMS += $(LUA_TESTS)
TESTS += $(LUA_TESTS)
tests_unit_binder_SOURCES = tests/test_binder.c
tests_unit_binder_LDADD = $(TEST_LIBS)
tests_unit_control_state_SOURCES = tests/test_control_state.c
tests_unit_control_state_LDADD = $(TEST_LIBS)
tests_unit_history_SOURCES = tests/test_history.c
tests_unit_history_LDADD = $(TEST_LIBS)
LUA_FIXTURE = tests/fake_worker.c tests/fake_worker.h tests/hex.h tests/lua_fixture.h
tests_unit_lua_policy_SOURCES = tests/test_lua_policy.c $(LUA_FIXTURE)
tests_unit_lua_policy_LDADD = $(TEST_LIBS)
tests_unit_lua_question_SOURCES = tests/test_lua_question.c $(LUA_FIXTURE)
tests_unit_lua_question_LDADD = $(TEST_LIBS)
tests_unit_lua_threads_SOURCES = tests/test_lua_threads.c $(LUA_FIXTURE)
tests_unit_lua_threads_LDADD = $(TEST_LIBS)
tests_unit_lua_values_SOURCES = tests/test_lua_values.c
tests_unit_lua_values_LDADD = $(TEST_LIBS)
endif
