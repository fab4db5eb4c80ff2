// SPDX-License-Identifier: BSD-2-Clause
// The name and version the program goes by. Any thread.
#ifndef DNSPROXY_CORE_VERSION_H
#define DNSPROXY_CORE_VERSION_H

// "dnsproxy 0.1.0"; started under the name dnsdist: "dnsdist 2.1.1 (dnsproxy 0.1.0)".
const char *program_version(void);
// What the binary was built with, separated by spaces.
const char *program_features(void);

#endif
