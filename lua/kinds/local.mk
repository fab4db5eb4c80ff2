# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/kinds/act_lua.c \
	lua/kinds/ffi_kinds.c \
	lua/kinds/kinds.c \
	lua/kinds/policy_ffi.c \
	lua/kinds/script_kinds.h \
	lua/kinds/select_lua.c \
	lua/kinds/waiting.c \
	lua/kinds/waiting.h \
	lua/kinds/waiting_encryption.c \
	lua/kinds/waiting_filters.c \
	lua/kinds/waiting_listeners.c \
	lua/kinds/waiting_observers.c
