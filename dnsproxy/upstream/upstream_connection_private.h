// SPDX-License-Identifier: BSD-2-Clause
// What upstream_connection.c (life, queries out), upstream_answers.c and upstream_timeouts.c share. Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_CONNECTION_PRIVATE_H
#define DNSPROXY_UPSTREAM_UPSTREAM_CONNECTION_PRIVATE_H

#include "dnsproxy/upstream/upstream_connection.h"

static inline struct backend_counters *
counters_of(const struct upstream_connection *c)
{
  return c->peer->backend->counters[c->peer->worker->id];
}

static inline const struct backend_options *
options_of(const struct upstream_connection *c)
{
  return &c->peer->backend->options;
}

// Ends the query's time in flight: whoever calls delivers it or fails it.
static inline void
unpark(struct upstream_connection *c, struct query *q)
{
  counter_add(&q->worker->parked, (uint64_t)-1);
  counter_add(&counters_of(c)->outstanding, (uint64_t)-1);
  message_put_u16(q->packet.data, q->id);
}

// The query fails for this reason; it is off its slot by now.
void upstream_connection_fail(struct upstream_connection *, struct query *, enum drop why);
void upstream_connection_arm(struct upstream_connection *); // the timer, for what it waits for
// Events of the connection.
enum message_use upstream_connection_on_frame(struct connection *, const struct frame *);
void upstream_connection_on_timer(struct connection *);

#endif
