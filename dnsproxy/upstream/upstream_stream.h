// SPDX-License-Identifier: BSD-2-Clause
// TCP towards backends, as one worker keeps it: which connection a query takes, and how long idle ones are kept.
//
//   query --> an idle connection, the one used last --> one that has room --> a new one, if a place is left
//             (maxInFlight not given: new ones come first, up to as many as are kept)
//
// What comes in one turn of the loop goes out in few writes: the connection that was chosen last is chosen again while it
// waits to be written. With PROXY headers only those count that began with the client's header. Connections that nobody uses
// are kept for a while, a few per backend. Places under maxConcurrentTCPConnections are of all workers together.
//
// Internal to upstream/. Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_STREAM_H
#define DNSPROXY_UPSTREAM_UPSTREAM_STREAM_H

#include "dnsproxy/core/worker.h"

void upstream_stream_open(struct worker *);
void upstream_stream_retired(struct worker *); // idle connections to removed backends close; others once they are idle
void upstream_stream_close(struct worker *);   // drops what is in flight with DROP_SHUTDOWN

#endif
