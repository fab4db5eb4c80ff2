# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/control_state.h lua/describe.h lua/hooks.h lua/service_hooks.c lua/service_hooks.h lua/unbuilt.c lua/unbuilt.def lua/unbuilt.h lua/version.c
