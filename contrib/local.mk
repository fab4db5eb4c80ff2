# SPDX-License-Identifier: BSD-2-Clause
# Set-up shared by ./quickstart and ./run-tests.
EXTRA_DIST += contrib/setup.sh .ci/run
