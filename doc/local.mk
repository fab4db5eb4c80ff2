# SPDX-License-Identifier: BSD-2-Clause
dist_man_MANS = doc/dnsproxy.1 doc/dnsproxy.conf.5
EXTRA_DIST += doc/EVALUATION.md doc/HACKING.md doc/HOUSE.md doc/INDEX.md doc/SCRIPTS.md
