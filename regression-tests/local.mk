# SPDX-License-Identifier: BSD-2-Clause
# Tests of the whole program, run by ./run-tests: not part of `make check`, because they need Python's DNS library
# and other packages that builders do not have. A release carries them.
EXTRA_DIST += regression-tests
