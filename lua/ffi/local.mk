# SPDX-License-Identifier: BSD-2-Clause
# What scripts call through ffi.C. Nothing in the program refers to it, so that it is linked by name.
dnsproxy_dnsproxy_SOURCES += \
	lua/ffi/ffi_absent.c \
	lua/ffi/ffi_async.c \
	lua/ffi/ffi_cache.c \
	lua/ffi/ffi_dynblocks.c \
	lua/ffi/ffi_metrics.c \
	lua/ffi/ffi_network.c \
	lua/ffi/ffi_packet.c \
	lua/ffi/ffi_policy.c \
	lua/ffi/ffi_proxy.c \
	lua/ffi/ffi_question.c \
	lua/ffi/ffi_question_set.c \
	lua/ffi/ffi_response.c \
	lua/ffi/ffi_rings.c \
	lua/ffi/ffi_stat_node.c \
	lua/ffi/ffi_svc.c
libdnsproxy_a_SOURCES += \
	lua/ffi/ffi_function.c \
	lua/ffi/ffi_function.h \
	lua/ffi/ffi_text.c
