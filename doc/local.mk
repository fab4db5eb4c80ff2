# SPDX-License-Identifier: BSD-2-Clause
dist_man_MANS = doc/dnsproxy.1
EXTRA_DIST += doc/HOUSE.md doc/HACKING.md
