# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	services/dns_request.c \
	services/dns_request.h \
	services/dns_service.c \
	services/dns_service.h \
	services/service.c \
	services/service.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/dns_service
tests_unit_dns_service_SOURCES = tests/services/test_dns_service.c
endif
