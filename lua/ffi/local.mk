# SPDX-License-Identifier: BSD-2-Clause
# What scripts call through ffi.C. Nothing in the program refers to it, so that it is linked by name.
dnsproxy_dnsproxy_SOURCES += \
	lua/ffi/ffi_async.c \
	lua/ffi/ffi_dynblocks.c \
	lua/ffi/ffi_objects.c \
	lua/ffi/ffi_packet.c \
	lua/ffi/ffi_question.c \
	lua/ffi/ffi_rings.c \
	lua/ffi/ffi_svc.c
libdnsproxy_a_SOURCES += \
	lua/ffi/ffi_function.c \
	lua/ffi/ffi_function.h \
	lua/ffi/ffi_text.c
