# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/base/address.h dnsproxy/base/clock.h dnsproxy/base/epoch.h dnsproxy/base/fault.h dnsproxy/base/log.h \
	dnsproxy/base/memory.c dnsproxy/base/memory.h dnsproxy/base/netmask.h dnsproxy/base/object.h dnsproxy/base/param.h dnsproxy/base/random.h \
	dnsproxy/base/slab.h dnsproxy/base/text.h dnsproxy/base/token_bucket.h dnsproxy/base/uuid.h

# A unit test of this folder looks like this:
# if HAVE_CMOCKA
# check_PROGRAMS += tests/unit/address
# TESTS += tests/unit/address
# tests_unit_address_SOURCES = tests/test_address.c
# tests_unit_address_LDADD = $(TEST_LIBS)
# endif
