// SPDX-License-Identifier: BSD-2-Clause
// The rooms as functions: made from rooms.def. Internal to path/.
#ifndef DNSPROXY_PATH_ROOMS_H
#define DNSPROXY_PATH_ROOMS_H

#include "dnsproxy/path/path.h"
#include "dnsproxy/pool/backend.h"
#include "rules/chain.h"

#define ROOM(id, function, label, help) enum room function(struct query *);
#include "dnsproxy/path/rooms.def"
#undef ROOM

// How it goes to its backend, as rings tell it.
static inline enum transport
backend_transport(const struct query *q)
{
  return q->over_tcp || q->backend->options.tcp_only ? TRANSPORT_TCP : TRANSPORT_UDP;
}

// A chain of the query's configuration. VERDICT_PARKED: the query is somebody else's, and must not be looked at again.
enum verdict run_chain(struct query *, enum chain_id);

#endif
