# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/observe/custom_metrics.c \
	dnsproxy/observe/custom_metrics.h \
	dnsproxy/observe/latency_average.c \
	dnsproxy/observe/latency_average.h \
	dnsproxy/observe/metrics.c \
	dnsproxy/observe/metrics.h
