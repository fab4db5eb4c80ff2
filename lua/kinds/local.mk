# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/kinds/policy_ffi.c \
	lua/kinds/script_kinds.c \
	lua/kinds/script_kinds.h \
	lua/kinds/waiting.c \
	lua/kinds/waiting.h \
	lua/kinds/waiting_listeners.c \
	lua/kinds/waiting_objects.c
