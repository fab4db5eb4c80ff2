// SPDX-License-Identifier: BSD-2-Clause
// Sending queries to a backend and getting their answers back: one worker's sockets, connections, in-flight tables.
//
// Thread: the worker. upstream_send() takes the query over (it is parked) or gives it back with q->drop set; later
// exactly one of the worker's walk hooks answer() or failed() is called with it.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_H
#define DNSPROXY_UPSTREAM_UPSTREAM_H

#include "dnsproxy/backends/backend.h"
#include "dnsproxy/core/query.h"

struct settings;

// The one door towards backends: the query goes the way of its backend, or, if that way does not exist, nowhere.
bool upstream_send(struct query *, struct backend *);

// What the rows of backends/protocol.h point at.
// Over UDP: q->packet is borrowed until upstream_flush(). False: not sent, q->drop says why, the caller keeps it.
bool upstream_datagram_send(struct query *, struct backend *);
// Over TCP: the packet is copied.
bool upstream_stream_send(struct query *, struct backend *);
// Hands what is queued to the kernel: at the end of each batch of work.
void upstream_flush(struct worker *);
// A backend was removed: its sockets close once nothing is in flight.
void upstream_retired(struct worker *);
void upstream_open(struct worker *);  // before the worker's loop starts
void upstream_close(struct worker *); // drops what is in flight with DROP_SHUTDOWN

// A transfer that had to wait for its client goes on (struct reply_route).
void upstream_transfer_resume(struct query *);

// Is this packet the answer to that query? Thread: the worker.

// QR set, and the question is the query's: name without casing, type, class. Without a question the answer must be an error
// (rcode neither NOERROR nor NXDOMAIN), unless setAllowEmptyResponse(true). semantics.md section 6.1.
bool answer_matches(const struct query *, const uint8_t *answer, size_t size);

#endif
