// SPDX-License-Identifier: BSD-2-Clause
// Giving up what only start-up needed: user, group, capabilities. Main thread, before other threads start.
#ifndef DNSPROXY_RUN_PRIVILEGES_H
#define DNSPROXY_RUN_PRIVILEGES_H

#include "dnsproxy/base/fault.h"

#include <stddef.h>

// user and group by name or number, NULL: unchanged. Refused when a service manager is in charge (NOTIFY_SOCKET).
bool privileges_drop(const char *user, const char *group, struct fault *);
// Keeps only these capabilities ("CAP_NET_ADMIN"...), those the process has anyway.
bool capabilities_keep(char *const *names, size_t count, struct fault *);

#endif
