// SPDX-License-Identifier: BSD-2-Clause
// A connection to a backend: ids, answers in any order, broken sockets replaced, time-outs.
#include "dnsproxy/pool/upstream_connection.h"

#include "dnsproxy/pool/answer_match.h"
#include "dnsproxy/pool/backend_socket.h"
#include "dnsproxy/pool/upstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_US = 1000000, ANSWER_ROOM = 512 };

static struct backend_counters *
counters_of(const struct upstream_connection *c)
{
  return c->peer->backend->counters[c->peer->worker->id];
}

static const struct backend_options *
options_of(const struct upstream_connection *c)
{
  return &c->peer->backend->options;
}

// Ends the query's time in flight: whoever calls delivers it or fails it.
static void
unpark(struct upstream_connection *c, struct query *q)
{
  counter_add(&q->worker->parked, (uint64_t)-1);
  counter_add(&counters_of(c)->outstanding, (uint64_t)-1);
  message_put_u16(q->packet.data, q->id);
}

// ---- lists ----

static void
unlink_connection(struct upstream_connection *c)
{
  *c->link = c->next;
  if (c->next != NULL)
    c->next->link = c->link;
  c->next = NULL;
}

static void
link_connection(struct upstream_connection *c, struct upstream_connection **list)
{
  c->next = *list;
  if (c->next != NULL)
    c->next->link = &c->next;
  c->link = list;
  *list = c;
}

static bool
is_idle(const struct upstream_connection *c)
{
  return c->idle_us != 0;
}

static void
make_busy(struct upstream_connection *c)
{
  if (!is_idle(c))
    return;
  unlink_connection(c);
  link_connection(c, &c->peer->busy);
  c->peer->idle_count--;
  c->idle_us = 0;
}

static void
end_longest_idle(struct upstream_peer *peer)
{
  struct upstream_connection *last = peer->idle;
  while (last->next != NULL)
    last = last->next;
  upstream_connection_end(last, DROP_BACKEND_LOST);
}

void
upstream_connection_idle(struct upstream_connection *c)
{
  struct upstream_peer *peer = c->peer;
  if (c->ended || c->slots.queries > 0 || is_idle(c))
    return;
  bool retired = atomic_load_explicit(&peer->backend->retired, memory_order_relaxed);
  if (retired || c->exclusive || c->slots.abandoned > 0 || c->slots.ids_used >= QUERIES_PER_CONNECTION) {
    upstream_connection_end(c, DROP_BACKEND_LOST);
    return;
  }
  unlink_connection(c);
  link_connection(c, &peer->idle);
  c->idle_us = peer->worker->now_us;
  c->failures = 0;
  if (++peer->idle_count > peer->worker->lease->settings->tcp_max_idle_upstream)
    end_longest_idle(peer);
}

bool
upstream_connection_has_room(const struct upstream_connection *c)
{
  enum { SLOTS_HALF = 32768 }; // what upstream_slots_add() can take
  uint32_t most = options_of(c)->max_in_flight > 0 ? options_of(c)->max_in_flight : 1;
  if (most > SLOTS_HALF)
    most = SLOTS_HALF;
  return !c->exclusive && c->slots.queries + c->slots.abandoned < most && c->slots.ids_used < QUERIES_PER_CONNECTION;
}

// ---- the end ----

static void
fail(struct upstream_connection *c, struct query *q, enum drop why)
{
  unpark(c, q);
  q->transfer = NULL;
  counter_add(&counters_of(c)->drops, 1);
  q->worker->walk->failed(q, why);
}

static void
count_duration(struct upstream_connection *c)
{
  counter_add(&counters_of(c)->tcp_duration_us, c->peer->worker->now_us - c->opened_us);
}

void
upstream_connection_end(struct upstream_connection *c, enum drop why)
{
  if (c->ended)
    return;
  c->ended = true;
  if (is_idle(c))
    c->peer->idle_count--;
  unlink_connection(c);
  counter_add(&counters_of(c)->tcp_current, (uint64_t)-1);
  backend_place_back(c->peer->backend);
  count_duration(c);
  channel_close(&c->channel);
  // A failed query may be sent again at once, over another connection: this one is off the lists by now.
  for (uint32_t i = 0; i < c->slots.size; i++)
    if (c->slots.list[i].taken) {
      struct query *q = upstream_slots_clear(&c->slots, &c->slots.list[i]);
      if (q != NULL)
        fail(c, q, why);
    }
}

static void
on_gone(struct channel *ch)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  struct upstream_peer *peer = c->peer;
  assert(c->slots.queries == 0);
  upstream_slots_fini(&c->slots);
  free(c->head);
  free(c);
  if (--peer->structures == 0 && atomic_load_explicit(&peer->backend->retired, memory_order_relaxed))
    upstream_peer_free(&peer);
}

static void
give_up(struct upstream_connection *c)
{
  counter_add(&counters_of(c)->tcp_gave_up, 1);
  upstream_connection_end(c, DROP_BACKEND_LOST);
}

// ---- sockets ----

static const struct channel_events connection_events;

static void arm_timer(struct upstream_connection *);

// Gives the connection a new socket.
static bool
connect_socket(struct upstream_connection *c)
{
  struct worker *w = c->peer->worker;
  int fd = backend_socket_open(options_of(c), SOCK_STREAM);
  if (fd < 0)
    return false;
  // With fast open nothing was sent yet: the first write connects.
  if (options_of(c)->tcp_fast_open)
    channel_open(&c->channel, w, &connection_events, fd);
  else
    channel_open_connecting(&c->channel, w, &connection_events, fd);
  c->fresh = true;
  c->opened_us = c->heard_us = w->now_us;
  counter_add(&counters_of(c)->tcp_new_connections, 1);
  arm_timer(c);
  if (c->head == NULL || channel_send_raw(&c->channel, c->head, c->head_size))
    return true;
  channel_reset(&c->channel);
  return false;
}

static void
count_opened(struct upstream_connection *c)
{
  struct backend_counters *own = counters_of(c);
  uint64_t now_open = 0;
  counter_add(&own->tcp_current, 1);
  for (unsigned i = 0; i < worker_count(); i++)
    now_open += atomic_load_explicit(&c->peer->backend->counters[i]->tcp_current, memory_order_relaxed);
  if (now_open > atomic_load_explicit(&own->tcp_max_concurrent, memory_order_relaxed))
    atomic_store_explicit(&own->tcp_max_concurrent, now_open, memory_order_relaxed);
}

static bool
keep_head(struct upstream_connection *c, const uint8_t *head, size_t size)
{
  if (head == NULL)
    return true;
  c->head = malloc(size);
  c->head_size = size;
  if (c->head != NULL)
    memcpy(c->head, head, size);
  return c->head != NULL;
}

bool
upstream_connection_begins(const struct upstream_connection *c, const uint8_t *head, size_t size)
{
  return c->head_size == size && (size == 0 || memcmp(c->head, head, size) == 0);
}

struct upstream_connection *
upstream_connection_open(struct upstream_peer *peer, const uint8_t *head, size_t head_size)
{
  struct upstream_connection *c = calloc(1, sizeof *c);
  if (c == NULL)
    return NULL;
  if (!keep_head(c, head, head_size)) {
    free(c);
    return NULL;
  }
  c->peer = peer;
  c->channel.fd = -1;
  if (!connect_socket(c)) {
    free(c->head);
    free(c);
    return NULL;
  }
  c->slots.next_id = (uint16_t)random_next(&peer->worker->random);
  peer->structures++;
  link_connection(c, &peer->busy);
  count_opened(c);
  upstream_stream_scan_later(peer->worker);
  return c;
}

// ---- queries out ----

bool
upstream_connection_send(struct upstream_connection *c, struct query *q)
{
  assert(q->packet.data == q->own && !c->ended);
  struct upstream_slot *slot = upstream_slots_add(&c->slots, q);
  if (slot == NULL)
    return false;
  if (c->slots.queries == 1)
    c->heard_us = c->peer->worker->now_us;
  if (c->exclusive)
    transfer_begin(&c->transfer, c, q);
  message_put_u16(q->packet.data, slot->id);
  if (!channel_send(&c->channel, q->packet.data, q->packet.size)) {
    upstream_slots_clear(&c->slots, slot);
    message_put_u16(q->packet.data, q->id);
    return false;
  }
  make_busy(c);
  counter_add(&counters_of(c)->tcp_queries, 1);
  if (!c->armed)
    arm_timer(c);
  return true;
}

static bool
send_again(struct upstream_connection *c)
{
  for (uint32_t i = 0; i < c->slots.size; i++) {
    const struct query *q = c->slots.list[i].query;
    if (q != NULL && !channel_send(&c->channel, q->packet.data, q->packet.size))
      return false;
  }
  return true;
}

// The socket broke under queries: they go out again over a new one. Failures count as long as sockets bring nothing;
// one that had been in use may have been closed by a backend that was tired of it.
static void
reconnect(struct upstream_connection *c)
{
  if (c->transfer.began) { // the client has some of it
    give_up(c);
    return;
  }
  count_duration(c);
  channel_reset(&c->channel);
  upstream_slots_forget_abandoned(&c->slots);
  uint32_t attempts = options_of(c)->retries > 0 ? options_of(c)->retries : 1;
  do {
    c->failures = c->fresh ? c->failures + 1 : 0;
    if (c->failures >= attempts) {
      give_up(c);
      return;
    }
    c->fresh = true;
  } while (!connect_socket(c));
  if (!send_again(c))
    give_up(c);
}

static void
on_ended(struct channel *ch, enum channel_end why)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  if (c->slots.queries == 0) {
    upstream_connection_end(c, DROP_BACKEND_LOST);
    return;
  }
  if (why == CHANNEL_EOF && ch->paused)
    return; // what is here of the transfer waits for the client: on_turn() sees the end of it
  if (why == CHANNEL_WRITE_ERROR || why == CHANNEL_CONNECT_ERROR)
    counter_add(&counters_of(c)->tcp_died_sending, 1);
  else
    counter_add(&counters_of(c)->tcp_died_reading, 1);
  reconnect(c);
}

// ---- answers in ----

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
static enum channel_frame
refuse(struct upstream_connection *c)
{
  count(c->peer->worker, COUNTER_NONCOMPLIANT_RESPONSES);
  counter_add(&counters_of(c)->tcp_died_reading, 1);
  upstream_connection_end(c, DROP_BACKEND_LOST);
  return CHANNEL_PAUSE;
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
static enum channel_frame
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
    return CHANNEL_PAUSE;
  }
  q->transfer = &c->transfer;
  w->walk->answer(q);
  if (c->transfer.went_on)
    return c->transfer.full ? CHANNEL_PAUSE : CHANNEL_NEXT;
  // It is gone, and what follows has nobody to go to.
  upstream_slots_abandon(&c->slots, slot);
  counter_add(&w->parked, (uint64_t)-1);
  counter_add(&counters_of(c)->outstanding, (uint64_t)-1);
  upstream_connection_end(c, DROP_CLIENT_GONE);
  return CHANNEL_PAUSE;
}

void
upstream_transfer_resume(struct query *q)
{
  struct upstream_connection *c = q->transfer->connection;
  c->heard_us = c->peer->worker->now_us;
  channel_resume(&c->channel);
  if (!c->armed)
    arm_timer(c);
}

static bool
belongs(const struct upstream_connection *c, const struct query *q, const struct frame *frame)
{
  // Later messages of a transfer may come without the question (RFC 5936 2.2).
  bool bare = c->transfer.began && message_count(frame->message, 0) == 0 && (frame->message[2] & FLAG2_QR) != 0;
  return bare || answer_matches(q, frame->message, frame->size);
}

static enum channel_frame
on_frame(struct channel *ch, const struct frame *frame)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  struct upstream_slot *slot = frame->size >= HEADER_SIZE ? upstream_slots_find(&c->slots, message_id(frame->message)) : NULL;
  if (slot == NULL)
    return refuse(c);
  if (slot->query == NULL) {
    upstream_slots_clear(&c->slots, slot);
    return CHANNEL_NEXT;
  }
  if (!belongs(c, slot->query, frame))
    return refuse(c);
  if (c->exclusive && query_is_stream(slot->query) && !transfer_last(&c->transfer, frame->message, frame->size))
    return deliver_part(c, slot, frame);
  deliver(c, upstream_slots_clear(&c->slots, slot), frame);
  return CHANNEL_NEXT;
}

static void
on_bytes(struct channel *ch, size_t size)
{
  (void)size;
  ((struct upstream_connection *)ch)->heard_us = ch->worker->now_us;
}

static void
on_turn(struct channel *ch)
{
  const struct upstream_connection *c = (struct upstream_connection *)ch;
  if (ch->eof && !ch->paused && c->slots.queries > 0 && !framing_has_message(&ch->framing))
    on_ended(ch, CHANNEL_EOF);
}

// ---- time ----

// Microseconds left; long when there is no time-out.
static uint64_t
until(uint64_t now, uint64_t since, uint32_t seconds)
{
  uint64_t due = since + (uint64_t)seconds * SECOND_US;
  return seconds == 0 ? UINT32_MAX : due > now ? due - now : 0;
}

// Queries that are overdue although the connection is alive: others were answered since, these were forgotten.
// Returns the time until the next one is overdue.
static uint64_t
expire_forgotten(struct upstream_connection *c)
{
  uint64_t now = c->peer->worker->now_us, least = UINT32_MAX;
  for (uint32_t i = 0; !c->ended && i < c->slots.size; i++) {
    struct query *q = c->slots.list[i].query;
    if (q == NULL)
      continue;
    uint64_t left = until(now, q->sent_us, options_of(c)->tcp_recv_timeout_s);
    if (left > 0) {
      least = left < least ? left : least;
      continue;
    }
    upstream_slots_abandon(&c->slots, &c->slots.list[i]);
    counter_add(&counters_of(c)->tcp_read_timeouts, 1);
    fail(c, q, DROP_TIMEOUT);
  }
  return least;
}

enum waiting { WAITING_CONNECT, WAITING_WRITE, WAITING_READ, WAITING_NOTHING };

static enum waiting
waiting_for(const struct upstream_connection *c)
{
  if (c->channel.connecting)
    return WAITING_CONNECT;
  if (c->channel.paused)
    return WAITING_NOTHING;
  if (channel_unsent(&c->channel) > 0)
    return WAITING_WRITE;
  return c->slots.queries > 0 ? WAITING_READ : WAITING_NOTHING;
}

static uint64_t
time_left(const struct upstream_connection *c)
{
  const struct backend_options *o = options_of(c);
  uint64_t now = c->peer->worker->now_us;
  switch (waiting_for(c)) {
  case WAITING_CONNECT:
    return until(now, c->opened_us, o->tcp_connect_timeout_s);
  case WAITING_WRITE:
    return until(now, c->channel.progress_us, o->tcp_send_timeout_s);
  case WAITING_READ:
    return until(now, c->heard_us, o->tcp_recv_timeout_s);
  case WAITING_NOTHING:
    break;
  }
  return UINT32_MAX;
}

static void
time_out(struct upstream_connection *c)
{
  struct backend_counters *counters = counters_of(c);
  switch (waiting_for(c)) {
  case WAITING_CONNECT:
    counter_add(&counters->tcp_connect_timeouts, 1);
    break;
  case WAITING_WRITE:
    counter_add(&counters->tcp_write_timeouts, 1);
    break;
  case WAITING_READ:
  case WAITING_NOTHING:
    counter_add(&counters->tcp_read_timeouts, 1);
    break;
  }
  upstream_connection_end(c, DROP_TIMEOUT);
}

static uint64_t
shorter(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

// Rather early than late: the timer is not moved when bytes flow, it looks again when it is over.
static void
arm_timer_within(struct upstream_connection *c, uint64_t most_us)
{
  const struct backend_options *o = options_of(c);
  uint64_t left = shorter(time_left(c), most_us);
  if (!c->channel.connecting)
    left = shorter(left, shorter(until(0, 0, o->tcp_recv_timeout_s), until(0, 0, o->tcp_send_timeout_s)));
  c->armed = true;
  channel_timer(&c->channel, left);
}

static void
arm_timer(struct upstream_connection *c)
{
  arm_timer_within(c, UINT32_MAX);
}

static void
on_timer(struct channel *ch)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  c->armed = false;
  if (time_left(c) == 0) {
    time_out(c);
    return;
  }
  uint64_t most = waiting_for(c) == WAITING_READ ? expire_forgotten(c) : UINT32_MAX;
  if (!c->ended && waiting_for(c) == WAITING_NOTHING)
    upstream_connection_idle(c);
  else if (!c->ended)
    arm_timer_within(c, most);
}

static void
on_connected(struct channel *ch)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  c->heard_us = ch->worker->now_us;
  arm_timer(c);
}

static const struct channel_events connection_events = {.frame = on_frame,
                                                        .read = on_bytes,
                                                        .turn = on_turn,
                                                        .connected = on_connected,
                                                        .timer = on_timer,
                                                        .ended = on_ended,
                                                        .gone = on_gone};
