# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/base/address.c \
	dnsproxy/base/address.h \
	dnsproxy/base/buffers.c \
	dnsproxy/base/buffers.h \
	dnsproxy/base/clock.c \
	dnsproxy/base/clock.h \
	dnsproxy/base/epoch.c \
	dnsproxy/base/epoch.h \
	dnsproxy/base/fault.c \
	dnsproxy/base/fault.h \
	dnsproxy/base/hash.c \
	dnsproxy/base/hash.h \
	dnsproxy/base/ip_cipher.c \
	dnsproxy/base/ip_cipher.h \
	dnsproxy/base/log.c \
	dnsproxy/base/log.h \
	dnsproxy/base/log_sink.c \
	dnsproxy/base/log_sink.h \
	dnsproxy/base/memory.c \
	dnsproxy/base/memory.h \
	dnsproxy/base/neighbours.c \
	dnsproxy/base/neighbours.h \
	dnsproxy/base/netmask.c \
	dnsproxy/base/netmask.h \
	dnsproxy/base/object.c \
	dnsproxy/base/object.h \
	dnsproxy/base/param.h \
	dnsproxy/base/permit.c \
	dnsproxy/base/permit.h \
	dnsproxy/base/prefix_tree.c \
	dnsproxy/base/prefix_tree.h \
	dnsproxy/base/random.c \
	dnsproxy/base/random.h \
	dnsproxy/base/shared_table.c \
	dnsproxy/base/shared_table.h \
	dnsproxy/base/slab.c \
	dnsproxy/base/slab.h \
	dnsproxy/base/text.c \
	dnsproxy/base/text.h \
	dnsproxy/base/token_bucket.c \
	dnsproxy/base/token_bucket.h \
	dnsproxy/base/undo.c \
	dnsproxy/base/undo.h \
	dnsproxy/base/unix_datagram.c \
	dnsproxy/base/unix_datagram.h \
	dnsproxy/base/uuid.c \
	dnsproxy/base/uuid.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/address \
	tests/unit/base64 \
	tests/unit/buffers \
	tests/unit/epoch \
	tests/unit/fault \
	tests/unit/ip_cipher \
	tests/unit/log \
	tests/unit/log_sink \
	tests/unit/neighbours \
	tests/unit/netmask \
	tests/unit/object \
	tests/unit/random \
	tests/unit/shared_table \
	tests/unit/slab \
	tests/unit/token_bucket \
	tests/unit/undo \
	tests/unit/unix_datagram
tests_unit_address_SOURCES = tests/base/test_address.c
tests_unit_base64_SOURCES = tests/base/test_base64.c
tests_unit_buffers_SOURCES = tests/base/test_buffers.c
tests_unit_epoch_SOURCES = tests/base/test_epoch.c
tests_unit_fault_SOURCES = tests/base/test_fault.c
tests_unit_ip_cipher_SOURCES = tests/base/test_ip_cipher.c
tests_unit_log_SOURCES = tests/base/test_log.c
tests_unit_log_sink_SOURCES = tests/base/test_log_sink.c
tests_unit_neighbours_SOURCES = tests/base/test_neighbours.c
tests_unit_netmask_SOURCES = tests/base/test_netmask.c
tests_unit_object_SOURCES = tests/base/test_object.c
tests_unit_random_SOURCES = tests/base/test_random.c
tests_unit_shared_table_SOURCES = tests/base/test_shared_table.c
tests_unit_slab_SOURCES = tests/base/test_slab.c
tests_unit_token_bucket_SOURCES = tests/base/test_token_bucket.c
tests_unit_undo_SOURCES = tests/base/test_undo.c
tests_unit_unix_datagram_SOURCES = tests/base/test_unix_datagram.c
endif
