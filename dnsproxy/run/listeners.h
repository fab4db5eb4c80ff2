// SPDX-License-Identifier: BSD-2-Clause
// The list of listeners to bind: what the configuration said, -l, or the default. Main thread, before workers start.
#ifndef DNSPROXY_RUN_LISTENERS_H
#define DNSPROXY_RUN_LISTENERS_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/run/options.h"

// -l replaces every plain listener; without any, 127.0.0.1:53 over UDP and TCP.
bool listeners_complete(const struct options *, struct fault *);
bool listeners_bind(unsigned total, struct fault *);
void listeners_close(void);

#endif
