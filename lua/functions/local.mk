# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/functions/bench.c \
	lua/functions/functions.h \
	lua/functions/bind_acl.c \
	lua/functions/bind_cache.c \
	lua/functions/bind_chains.c \
	lua/functions/bind_console.c \
	lua/functions/bind_dynblocks.c \
	lua/functions/bind_explain.c \
	lua/functions/bind_interfaces.c \
	lua/functions/bind_kinds.c \
	lua/functions/bind_listeners.c \
	lua/functions/bind_log.c \
	lua/functions/bind_metrics.c \
	lua/functions/bind_misc.c \
	lua/functions/bind_objects.c \
	lua/functions/bind_password.c \
	lua/functions/bind_query_counts.c \
	lua/functions/bind_rings.c \
	lua/functions/bind_rules.c \
	lua/functions/bind_scripts.c \
	lua/functions/bind_servers.c \
	lua/functions/bind_services.c \
	lua/functions/bind_settings.c \
	lua/functions/bind_tcp.c \
	lua/functions/bind_threads.c \
	lua/functions/new_server.c
