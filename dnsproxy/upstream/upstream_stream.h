// SPDX-License-Identifier: BSD-2-Clause
// TCP towards backends, as one worker keeps it. Internal to pool/.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_STREAM_H
#define DNSPROXY_UPSTREAM_UPSTREAM_STREAM_H

#include "dnsproxy/core/worker.h"

void upstream_stream_open(struct worker *);
void upstream_stream_retired(struct worker *); // idle connections to removed backends close; others once they are idle
void upstream_stream_close(struct worker *);   // drops what is in flight with DROP_SHUTDOWN

#endif
