// SPDX-License-Identifier: BSD-2-Clause
// The name and version that the program goes by.
//
// Whoever starts it as `dnsdist`, through a link, gets the name and version of the dialect in front, because scripts and
// tools around it parse that and decide by it what they may use; in any other case it is itself. Features are those of the
// build: libraries that `configure` found. Both are asked for by --version, the console's version functions and metrics.
// Constants; any thread.
#ifndef DNSPROXY_CORE_VERSION_H
#define DNSPROXY_CORE_VERSION_H

// "dnsproxy 0.1.0"; started under the name dnsdist: "dnsdist 2.1.1 (dnsproxy 0.1.0)".
const char *program_version(void);
// What the binary was built with, separated by spaces.
const char *program_features(void);

#endif
