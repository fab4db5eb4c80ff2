// SPDX-License-Identifier: BSD-2-Clause
// What comes over a connection from a backend: answers in any order, and the messages of zone transfers.
#include "dnsproxy/upstream/upstream_connection_private.h"

#include "dnsproxy/upstream/answer_match.h"
#include "dnsproxy/upstream/upstream.h"

enum { ANSWER_ROOM = 512 };

static void
measure(struct upstream_connection *c, const struct query *q)
{
  struct backend_counters *counters = counters_of(c);
  double now = (double)(q->worker->now_us - q->sent_us);
  double old = atomic_load_explicit(&counters->tcp_latency_us, memory_order_relaxed);
  atomic_store_explicit(&counters->tcp_latency_us, old == 0 ? now : old + (now - old) / 128, memory_order_relaxed);
  counter_add(&counters->responses, 1);
}

// What this backend says cannot be trusted to belong to anything that was asked: everything on the connection fails.
static enum message_use
refuse(struct upstream_connection *c)
{
  count(c->peer->worker, COUNTER_NONCOMPLIANT_RESPONSES);
  counter_add(&counters_of(c)->tcp_died_reading, 1);
  upstream_connection_end(c, DROP_BACKEND_LOST);
  return MESSAGE_PAUSE;
}

static void
deliver(struct upstream_connection *c, struct query *q, const struct frame *frame)
{
  struct worker *w = q->worker;
  size_t room = frame->size + (size_t)ANSWER_ROOM;
  if (!c->transfer.began)
    measure(c, q);
  q->transfer = NULL;
  bool copied = query_own_packet(q, frame->message, frame->size, room < PACKET_PIECE ? PACKET_PIECE : room);
  unpark(c, q);
  c->fresh = false;
  c->failures = 0;
  upstream_connection_idle(c); // may end it, and the memory that the answer was in
  if (copied)
    w->walk->answer(q);
  else
    w->walk->failed(q, DROP_OUT_OF_MEMORY);
}

// ---- zone transfers ----

// A message with more to come: the query walks back with it and stays in its slot, unless the walk ended it.
static enum message_use
deliver_part(struct upstream_connection *c, struct upstream_slot *slot, const struct frame *frame)
{
  struct query *q = slot->query;
  struct worker *w = q->worker;
  size_t room = frame->size + (size_t)ANSWER_ROOM;
  c->fresh = false;
  c->failures = 0;
  if (!c->transfer.began)
    measure(c, q);
  c->transfer.began = true;
  c->transfer.went_on = false;
  if (!query_own_packet(q, frame->message, frame->size, room < PACKET_PIECE ? PACKET_PIECE : room)) {
    upstream_connection_end(c, DROP_OUT_OF_MEMORY);
    return MESSAGE_PAUSE;
  }
  q->transfer = &c->transfer;
  w->walk->answer(q);
  if (c->transfer.went_on)
    return c->transfer.full ? MESSAGE_PAUSE : MESSAGE_NEXT;
  // It is gone, and what follows has nobody to go to.
  upstream_slots_abandon(&c->slots, slot);
  counter_add(&w->parked, (uint64_t)-1);
  counter_add(&counters_of(c)->outstanding, (uint64_t)-1);
  upstream_connection_end(c, DROP_CLIENT_GONE);
  return MESSAGE_PAUSE;
}

void
upstream_transfer_resume(struct query *q)
{
  struct upstream_connection *c = q->transfer->connection;
  c->heard_us = c->peer->worker->now_us;
  connection_resume(&c->connection);
  if (!c->armed)
    upstream_connection_arm(c);
}

static bool
belongs(const struct upstream_connection *c, const struct query *q, const struct frame *frame)
{
  // Later messages of a transfer may come without the question (RFC 5936 2.2).
  bool bare = c->transfer.began && message_count(frame->message, 0) == 0 && (frame->message[2] & FLAG2_QR) != 0;
  return bare || answer_matches(q, frame->message, frame->size);
}

enum message_use
upstream_connection_on_frame(struct connection *ch, const struct frame *frame)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  struct upstream_slot *slot = frame->size >= HEADER_SIZE ? upstream_slots_find(&c->slots, message_id(frame->message)) : NULL;
  if (slot == NULL)
    return refuse(c);
  if (slot->query == NULL) {
    upstream_slots_clear(&c->slots, slot);
    return MESSAGE_NEXT;
  }
  if (!belongs(c, slot->query, frame))
    return refuse(c);
  if (c->exclusive && query_is_tcp(slot->query) && !transfer_last(&c->transfer, frame->message, frame->size))
    return deliver_part(c, slot, frame);
  deliver(c, upstream_slots_clear(&c->slots, slot), frame);
  return MESSAGE_NEXT;
}
