// SPDX-License-Identifier: BSD-2-Clause
// Sending queries to a backend and getting their answers back: one worker's sockets, connections, in-flight tables.
//
//   room forward --upstream_send()--> the row of backends/protocol --> UDP: upstream_datagram   queued, sent per batch
//                                                                  --> TCP: upstream_stream     pipelined connections
//   answer --answer_matches()? --> walk_hooks.answer()          none: walk_hooks.failed(why)
//
// upstream_send() takes the query over (it is parked) or gives it back with q->drop set; later exactly one of the worker's
// walk hooks answer() or failed() is called with it. An answer must have QR set and the question that was asked, besides its
// id: anything else on the socket is counted and ignored, and the query goes on waiting.
//
// A way that is not built has no `send`: the query is dropped, and never goes in the clear because something is missing.
//
// Sockets and connections to a backend are made by the worker that needs them, and closed when the backend is retired and
// nothing is in flight. Thread: the worker.
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
