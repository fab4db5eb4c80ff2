// SPDX-License-Identifier: BSD-2-Clause
// The walk of a scripted DNS server's queries: decode, match, run, reply. Thread: the worker.
#ifndef SERVICES_DNS_WALK_H
#define SERVICES_DNS_WALK_H

#include "dnsproxy/core/worker.h"

extern const struct walk_hooks dns_walk_hooks;

#endif
