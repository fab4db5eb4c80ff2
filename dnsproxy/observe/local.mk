# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/observe/exporter.c \
	dnsproxy/observe/exporter.h \
	dnsproxy/observe/latency.c \
	dnsproxy/observe/latency.h \
	dnsproxy/observe/metrics.c \
	dnsproxy/observe/metrics.h \
	dnsproxy/observe/observers.c \
	dnsproxy/observe/observers.h \
	dnsproxy/observe/verbose.c \
	dnsproxy/observe/verbose.h

if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/exporter \
	tests/unit/metrics
tests_unit_exporter_SOURCES = tests/observe/test_exporter.c
tests_unit_metrics_SOURCES = tests/observe/test_metrics.c tests/walk_world.c tests/walk_world.h tests/dns_responder.c tests/dns_responder.h tests/rule_spec.c tests/rule_spec.h
endif
