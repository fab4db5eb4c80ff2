// SPDX-License-Identifier: BSD-2-Clause
// Queries that come with a PROXY header. Thread: the worker.
#ifndef DNSPROXY_WALK_PROXIED_H
#define DNSPROXY_WALK_PROXIED_H

#include "dnsproxy/core/query.h"

struct snapshot;

// Must what comes from this peer have a header? It then need not be in the ACL.
bool proxied_expected(const struct snapshot *, const struct listener *, const struct address *peer);
// Takes the header off. False: q->drop says why.
bool proxied_take(struct query *);

#endif
