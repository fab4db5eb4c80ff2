// SPDX-License-Identifier: BSD-2-Clause
// The list of listeners to bind: what the configuration said, -l, or the default.
//
//   addLocal(), setLocal() --complete--> -l replaces plain ones; none at all: 127.0.0.1:53 --bind--> a socket per worker
//
// Two things are decided here because they concern more than one listener. The pair that addLocal() makes, UDP and TCP on
// port 0, must get one port that is free for both. Repeated lines with reusePort are dealt out over the workers, in place of
// a socket on each.
//
// Binding happens before privileges are dropped; accepting begins later, when workers serve. Main thread, before workers
// start.
#ifndef DNSPROXY_RUN_LISTENERS_H
#define DNSPROXY_RUN_LISTENERS_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/run/options.h"

// -l replaces every plain listener; without any, 127.0.0.1:53 over UDP and TCP.
bool listeners_complete(const struct options *, struct fault *);
bool listeners_bind(unsigned total, struct fault *);
void listeners_close(void);

#endif
