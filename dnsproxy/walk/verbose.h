// SPDX-License-Identifier: BSD-2-Clause
// What verbose mode tells of each query: whom it was sent to, what answered it, why it was dropped.
//
// Workers; a flag is looked at and nothing else while verbose mode is off.
#ifndef DNSPROXY_WALK_VERBOSE_H
#define DNSPROXY_WALK_VERBOSE_H

#include "dnsproxy/core/query.h"

void verbose_forwarded(const struct query *); // to its backend
void verbose_answered(const struct query *);  // by the backend, the cache or a rule
void verbose_dropped(const struct query *);
void verbose_refused_stream(const struct address *peer); // by the ACL

#endif
