# SPDX-License-Identifier: BSD-2-Clause
# Checks that keep the structure and the prose true. They need python3.
STRUCTURE_CHECKS = tests/check_includes tests/check_headers tests/check_prose tests/check_listed tests/check_described tests/check_examples
TESTS += $(STRUCTURE_CHECKS)
dist_check_SCRIPTS = $(STRUCTURE_CHECKS)
EXTRA_DIST += tests/check_lib.py
# Built by the regression tests that use it.
EXTRA_DIST += tests/chaos/kernel_chaos.c tests/watch/worker_watch.c

# How a header is compiled alone.
AM_TESTS_ENVIRONMENT += CC='$(CC)'; CHECK_CFLAGS='$(AM_CFLAGS) -D_GNU_SOURCE -I$(abs_top_srcdir) -I$(abs_top_builddir) \
	$(LIBEVENT_CFLAGS) $(OPENSSL_CFLAGS) $(SODIUM_CFLAGS) $(LUAJIT_CFLAGS) $(PCRE2_CFLAGS) $(EDIT_CFLAGS) \
	$(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS) $(CAP_CFLAGS)'; export CC CHECK_CFLAGS; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE;
