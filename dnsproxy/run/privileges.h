// SPDX-License-Identifier: BSD-2-Clause
// Giving up what only start-up needed: user, group, capabilities.
//
//   bound to port 53 as root --> group, then user, keeping capabilities over the change --> only those that were asked for
//
// Order matters: the group first, as the user may not change it afterwards; supplementary groups become those of the user,
// or none, as those of the process would be root's. addCapabilitiesToRetain() names what stays; what the process did not
// have before it does not get. Refused under a service manager, which does all of this better.
//
// Main thread, before other threads start: the kernel's calls are of the thread that makes them.
#ifndef DNSPROXY_RUN_PRIVILEGES_H
#define DNSPROXY_RUN_PRIVILEGES_H

#include "dnsproxy/base/fault.h"

#include <stddef.h>

// user and group by name or number, NULL: unchanged. Refused when a service manager is in charge (NOTIFY_SOCKET).
bool privileges_drop(const char *user, const char *group, struct fault *);
// Keeps only these capabilities ("CAP_NET_ADMIN"...), those the process has anyway.
bool capabilities_keep(char *const *names, size_t count, struct fault *);

#endif
