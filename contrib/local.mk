# SPDX-License-Identifier: BSD-2-Clause
# Set-up shared by ./quickstart and ./run-tests, and the unit for systemd, which packages install; Debian packaging.
EXTRA_DIST += contrib/setup.sh contrib/dnsproxy.service contrib/debian contrib/dnsproxy.lua contrib/completion.txt .ci/run
