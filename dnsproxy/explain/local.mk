# SPDX-License-Identifier: BSD-2-Clause
libdnsproxy_a_SOURCES += \
	dnsproxy/explain/explain.c \
	dnsproxy/explain/explain.h \
	dnsproxy/explain/explain_facts.c \
	dnsproxy/explain/explain_facts.h \
	dnsproxy/explain/explain_text.c
