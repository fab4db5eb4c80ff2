# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/front/describe.c \
	lua/front/describe.h \
	lua/front/evaluate.c \
	lua/front/functions.c \
	lua/front/hooks.c \
	lua/front/hooks.h \
	lua/front/version.c
