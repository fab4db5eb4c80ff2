// SPDX-License-Identifier: BSD-2-Clause
// What dynamic blocks do to a query. Thread: the worker.
#ifndef DNSPROXY_WALK_BLOCKED_H
#define DNSPROXY_WALK_BLOCKED_H

#include "rules/act/action.h"

// The verdict of the block of its address, then of that of its name. VERDICT_NEXT: the rules come next;
// VERDICT_STOP: they are skipped, the query is answered or walks on.
enum verdict blocked_run(struct query *);

#endif
