// SPDX-License-Identifier: BSD-2-Clause
// What verbose mode tells of each query: whom it was sent to, what answered it, why it was dropped.
//
// An observer like others: off, it costs nothing, as snapshots have no function of it; setVerbose(true) publishes one that
// has. Lines go through the log (base/log), which makes no worker wait and counts what it loses. A stream that the ACL
// refuses is told by a function of its own, as there is no query yet that could be told to observers.
//
// For people who look at a few queries: every line is composed on the worker. Workers.
#ifndef DNSPROXY_OBSERVE_VERBOSE_H
#define DNSPROXY_OBSERVE_VERBOSE_H

#include "dnsproxy/core/observer.h"

extern const struct observer verbose_observer; // on in verbose mode
void verbose_refused_stream(const struct address *peer); // by the ACL: no query has come yet

#endif
