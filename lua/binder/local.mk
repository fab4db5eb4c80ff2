# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	lua/binder/argument_lists.c \
	lua/binder/arguments.c \
	lua/binder/arguments.h \
	lua/binder/binder.c \
	lua/binder/binder.h \
	lua/binder/budget.c \
	lua/binder/budget.h \
	lua/binder/classes.h \
	lua/binder/constants.c \
	lua/binder/errors.c \
	lua/binder/errors.h \
	lua/binder/handles.c \
	lua/binder/handles.h \
	lua/binder/library.c \
	lua/binder/library.h \
	lua/binder/load.h \
	lua/binder/loose.c \
	lua/binder/members.c \
	lua/binder/members.h \
	lua/binder/members_text.c \
	lua/binder/moot.c \
	lua/binder/options.c \
	lua/binder/script_value.h \
	lua/binder/scratch.c \
	lua/binder/scratch.h \
	lua/binder/sense.c \
	lua/binder/sense.h \
	lua/binder/signature.c \
	lua/binder/standard.c \
	lua/binder/standard.h \
	lua/binder/signature.h \
	lua/binder/stack_guard.c \
	lua/binder/stack_guard.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/binder
tests_unit_binder_SOURCES = tests/lua/binder/test_binder.c
endif
