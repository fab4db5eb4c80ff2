# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/config/configuration.c \
	dnsproxy/config/configuration.h \
	dnsproxy/config/snapshot.c \
	dnsproxy/config/snapshot.h

if HAVE_CMOCKA
UNIT_TESTS += tests/unit/configuration
tests_unit_configuration_SOURCES = tests/config/test_configuration.c tests/configuration_fixture.h tests/fake_worker.c tests/fake_worker.h tests/hex.h
endif
