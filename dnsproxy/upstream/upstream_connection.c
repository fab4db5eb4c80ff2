// SPDX-License-Identifier: BSD-2-Clause
// Connections to backends: lists, the end, time, sockets that break and are replaced, queries out, answers in.
#include "dnsproxy/upstream/upstream_connection.h"

#include "dnsproxy/backends/backend_socket.h"
#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/permit.h"
#include "dnsproxy/upstream/upstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
  QUERIES_PER_CONNECTION = 65534,
  SLOTS_HALF = 32768,       // what upstream_slots_add() can take
  SHARED_MOST = 256,        // in flight on one connection, where maxInFlight does not say
  SINGLE_US = 60000000,     // one at a time, once it was seen that more is not understood
  IDLE_GRACE_US = 1000000,  // idle ones beyond those that are kept: a crowd comes back sooner
  PATIENCE_US = 1000000,    // without a byte
  SECOND_US = 1000000,
  ANSWER_ROOM = 512,
};

static struct backend_counters *
upstream_connection_counters(const struct upstream_connection *c)
{
  return c->peer->backend->counters[c->peer->worker->id];
}

static const struct backend_options *
upstream_connection_options(const struct upstream_connection *c)
{
  return &c->peer->backend->options;
}

// ---- by what they begin with: PROXY headers ----

static void
upstream_connection_put_alike(struct upstream_peer *peer, struct upstream_connection *c)
{
  struct upstream_connection **list = &peer->alike[c->head_hash & (peer->alike_size - 1)];
  c->next_alike = *list;
  c->alike_link = list;
  if (c->next_alike != NULL)
    c->next_alike->alike_link = &c->next_alike;
  *list = c;
}

// Without memory the lists stay as they are, and get longer.
static void
upstream_connection_grow_alike(struct upstream_peer *peer)
{
  enum { LEAST = 64 };
  PERMIT("a backend's connection");
  uint32_t size = peer->alike_size == 0 ? LEAST : 2 * peer->alike_size, old_size = peer->alike_size;
  struct upstream_connection **old = peer->alike, **new = calloc(size, sizeof(struct upstream_connection *));
  if (new == NULL)
    return;
  peer->alike = new;
  peer->alike_size = size;
  for (uint32_t i = 0; i < old_size; i++)
    for (struct upstream_connection *c = old[i], *next; c != NULL; c = next) {
      next = c->next_alike;
      upstream_connection_put_alike(peer, c);
    }
  free(old);
}

static void
upstream_connection_list_alike(struct upstream_connection *c)
{
  struct upstream_peer *peer = c->peer;
  if (c->head == NULL)
    return;
  if (peer->alike_count >= peer->alike_size)
    upstream_connection_grow_alike(peer);
  if (peer->alike_size == 0)
    return;
  peer->alike_count++;
  upstream_connection_put_alike(peer, c);
}

static void
upstream_connection_unlist_alike(struct upstream_connection *c)
{
  if (c->alike_link == NULL)
    return;
  *c->alike_link = c->next_alike;
  if (c->next_alike != NULL)
    c->next_alike->alike_link = c->alike_link;
  c->alike_link = NULL;
  c->peer->alike_count--;
}

struct upstream_connection *
upstream_connection_alike(const struct upstream_peer *peer, const uint8_t *head, size_t size)
{
  if (peer->alike_size == 0)
    return NULL;
  uint64_t hash = hash_bytes(head, size, peer->alike_seed);
  struct upstream_connection *c = peer->alike[hash & (peer->alike_size - 1)];
  while (c != NULL && !(c->head_hash == hash && c->head_size == size && memcmp(c->head, head, size) == 0 &&
                        upstream_connection_has_room(c)))
    c = c->next_alike;
  return c;
}

// ---- lists ----

static void
upstream_connection_unlink(struct upstream_connection *c)
{
  TAILQ_REMOVE(&c->peer->at[c->place], c, entry);
  upstream_connection_unlist_alike(c);
  if (c->peer->filling == c && c->ended)
    c->peer->filling = NULL;
  c->peer->open--;
  if (c->place == PLACE_IDLE)
    c->peer->idle--;
}

static void
upstream_connection_link(struct upstream_connection *c, enum upstream_place place)
{
  c->place = place;
  TAILQ_INSERT_HEAD(&c->peer->at[place], c, entry);
  if (place != PLACE_FULL)
    upstream_connection_list_alike(c);
  c->peer->open++;
  if (place == PLACE_IDLE)
    c->peer->idle++;
}

bool
upstream_connection_has_room(const struct upstream_connection *c)
{
  const struct upstream_peer *peer = c->peer;
  uint32_t most = upstream_connection_options(c)->max_in_flight;
  if (most == 0)
    most = peer->worker->now_us < peer->single_until_us ? 1 : SHARED_MOST;
  if (most > SLOTS_HALF)
    most = SLOTS_HALF;
  return !c->exclusive && !c->silent && !c->moved && c->slots.queries + c->slots.abandoned < most &&
         c->slots.ids_used < QUERIES_PER_CONNECTION;
}

// More than are kept: the one that is idle longest goes, but not at once.
static void
upstream_connection_trim(struct upstream_peer *peer)
{
  uint32_t most = peer->worker->lease->settings->tcp_max_idle_upstream;
  while (peer->idle > most) {
    struct upstream_connection *last = TAILQ_LAST(&peer->at[PLACE_IDLE], upstream_connections);
    uint64_t over_us = last->idle_us + IDLE_GRACE_US, now_us = peer->worker->now_us;
    if (now_us < over_us) {
      upstream_stream_scan_in(peer->worker, over_us - now_us);
      return;
    }
    upstream_connection_end(last, DROP_BACKEND_LOST);
  }
}

static void
upstream_connection_become_idle(struct upstream_connection *c)
{
  struct upstream_peer *peer = c->peer;
  bool retired = atomic_load_explicit(&peer->backend->retired, memory_order_relaxed);
  if (retired || c->slots.abandoned > 0 || !upstream_connection_has_room(c)) {
    upstream_connection_end(c, DROP_BACKEND_LOST);
    return;
  }
  upstream_connection_unlink(c);
  upstream_connection_link(c, PLACE_IDLE);
  c->idle_us = peer->worker->now_us;
  c->failures = 0;
  upstream_connection_trim(peer);
}

void
upstream_connection_place(struct upstream_connection *c)
{
  if (c->ended)
    return;
  if (c->slots.queries == 0) {
    if (c->place != PLACE_IDLE)
      upstream_connection_become_idle(c);
    return;
  }
  enum upstream_place place = upstream_connection_has_room(c) ? PLACE_ROOM : PLACE_FULL;
  if (place == c->place)
    return;
  upstream_connection_unlink(c);
  upstream_connection_link(c, place);
}

void
upstream_peer_end_idle(struct upstream_peer *peer, uint64_t since_us)
{
  struct upstream_connection *c;
  // The last is idle longest.
  while ((c = TAILQ_LAST(&peer->at[PLACE_IDLE], upstream_connections)) != NULL && c->idle_us <= since_us)
    upstream_connection_end(c, DROP_BACKEND_LOST);
  upstream_connection_trim(peer);
}

void
upstream_peer_moved(struct upstream_peer *peer)
{
  struct upstream_connection *c;
  upstream_peer_end_idle(peer, UINT64_MAX);
  TAILQ_FOREACH(c, &peer->at[PLACE_FULL], entry)
    c->moved = true;
  while ((c = TAILQ_FIRST(&peer->at[PLACE_ROOM])) != NULL) {
    c->moved = true;
    upstream_connection_place(c);
  }
}

struct upstream_peer *
upstream_peer_new(struct worker *w, struct backend *backend)
{
  PERMIT("a backend's connection");
  struct upstream_peer *peer = memory_new(sizeof *peer);
  peer->backend = object_ref(backend);
  peer->worker = w;
  peer->alike_seed = random_next(&w->random);
  peer->opened_generation = atomic_load_explicit(&backend->generation, memory_order_relaxed);
  for (unsigned i = 0; i < PLACES; i++)
    TAILQ_INIT(&peer->at[i]);
  peer->next = w->upstream_streams->peers;
  w->upstream_streams->peers = peer;
  backend->streams[w->id] = peer;
  return peer;
}

void
upstream_peer_free(struct upstream_peer **slot)
{
  PERMIT("a backend's connection");
  struct upstream_peer *peer = *slot;
  *slot = NULL;
  assert(peer->structures == 0);
  struct upstream_peer **at = &peer->worker->upstream_streams->peers;
  while (*at != peer)
    at = &(*at)->next;
  *at = peer->next;
  peer->backend->streams[peer->worker->id] = NULL;
  object_unref(&peer->backend);
  free(peer->alike);
  free(peer);
}

// ---- the end ----

// Ends the query's time in flight: whoever calls delivers it or fails it.
static void
upstream_connection_unpark(struct upstream_connection *c, struct query *q)
{
  counter_add(&q->worker->parked, (uint64_t)-1);
  counter_add(&upstream_connection_counters(c)->outstanding, (uint64_t)-1);
  message_put_u16(q->packet.data, q->id);
}

// It is off its slot by now.
static void
upstream_connection_fail(struct upstream_connection *c, struct query *q, enum drop why)
{
  upstream_connection_unpark(c, q);
  q->transfer = NULL;
  counter_add(&upstream_connection_counters(c)->drops, 1);
  q->worker->walk->failed(q, why);
}

static void
upstream_connection_count_duration(struct upstream_connection *c)
{
  counter_add(&upstream_connection_counters(c)->tcp_duration_us, c->peer->worker->now_us - c->opened_us);
}

void
upstream_connection_end(struct upstream_connection *c, enum drop why)
{
  if (c->ended)
    return;
  c->ended = true;
  upstream_connection_unlink(c);
  counter_add(&upstream_connection_counters(c)->tcp_current, (uint64_t)-1);
  backend_place_back(c->peer->backend);
  upstream_connection_count_duration(c);
  connection_close(&c->connection);
  // A failed query may be sent again at once, over another connection: this one is off the lists by now.
  for (uint32_t i = 0; i < c->slots.size; i++)
    if (c->slots.list[i].taken) {
      struct query *q = upstream_slots_clear(&c->slots, &c->slots.list[i]);
      if (q != NULL)
        upstream_connection_fail(c, q, why);
    }
}

static void
upstream_connection_on_gone(struct connection *connection)
{
  struct upstream_connection *c = (struct upstream_connection *)connection;
  PERMIT("a backend's connection");
  struct upstream_peer *peer = c->peer;
  assert(c->slots.queries == 0);
  upstream_slots_fini(&c->slots);
  free(c->head);
  free(c);
  if (--peer->structures == 0 && atomic_load_explicit(&peer->backend->retired, memory_order_relaxed))
    upstream_peer_free(&peer);
}

static void
upstream_connection_give_up(struct upstream_connection *c)
{
  counter_add(&upstream_connection_counters(c)->tcp_gave_up, 1);
  upstream_connection_end(c, DROP_BACKEND_LOST);
}

// ---- time ----

// Microseconds left; long when there is no time-out.
static uint64_t
upstream_connection_until(uint64_t now, uint64_t since, uint32_t seconds)
{
  uint64_t due = since + (uint64_t)seconds * SECOND_US;
  return seconds == 0 ? UINT32_MAX : due > now ? due - now : 0;
}

// Queries that are overdue although the connection is alive: others were answered since, these were forgotten.
// Returns the time until the next one is overdue.
static uint64_t
upstream_connection_expire(struct upstream_connection *c)
{
  uint64_t now = c->peer->worker->now_us, least = UINT32_MAX;
  if (c->exclusive) // nobody else is answered there, and a transfer may take long: silence alone counts
    return least;
  for (uint32_t i = 0; !c->ended && i < c->slots.size; i++) {
    struct query *q = c->slots.list[i].query;
    if (q == NULL)
      continue;
    uint64_t left = upstream_connection_until(now, q->sent_us, upstream_connection_options(c)->tcp_recv_timeout_s);
    if (left > 0) {
      least = left < least ? left : least;
      continue;
    }
    upstream_slots_abandon(&c->slots, &c->slots.list[i]);
    counter_add(&upstream_connection_counters(c)->tcp_read_timeouts, 1);
    upstream_connection_fail(c, q, DROP_TIMEOUT);
  }
  return least;
}

enum waiting { WAITING_CONNECT, WAITING_WRITE, WAITING_READ, WAITING_NOTHING };

static enum waiting
upstream_connection_waits_for(const struct upstream_connection *c)
{
  if (c->connection.state == CONNECTION_CONNECTING)
    return WAITING_CONNECT;
  if (c->connection.paused)
    return WAITING_NOTHING;
  if (connection_unsent(&c->connection) > 0)
    return WAITING_WRITE;
  return c->slots.queries > 0 ? WAITING_READ : WAITING_NOTHING;
}

static uint64_t
upstream_connection_time_left(const struct upstream_connection *c)
{
  const struct backend_options *o = upstream_connection_options(c);
  uint64_t now = c->peer->worker->now_us;
  switch (upstream_connection_waits_for(c)) {
  case WAITING_CONNECT:
    return upstream_connection_until(now, c->opened_us, o->tcp_connect_timeout_s);
  case WAITING_WRITE:
    return upstream_connection_until(now, c->connection.progress_us, o->tcp_send_timeout_s);
  case WAITING_READ:
    return upstream_connection_until(now, c->heard_us, o->tcp_recv_timeout_s);
  case WAITING_NOTHING:
    break;
  }
  return UINT32_MAX;
}

static void
upstream_connection_time_out(struct upstream_connection *c)
{
  struct backend_counters *counters = upstream_connection_counters(c);
  switch (upstream_connection_waits_for(c)) {
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
upstream_connection_shorter(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

// Rather early than late: the timer is not moved when bytes flow, it looks again when it is over.
static void
upstream_connection_arm_within(struct upstream_connection *c, uint64_t most_us)
{
  const struct backend_options *o = upstream_connection_options(c);
  uint64_t left = upstream_connection_shorter(upstream_connection_time_left(c), most_us);
  if (c->slots.queries > 0 && !c->exclusive && !c->silent)
    left = upstream_connection_shorter(left, PATIENCE_US);
  if (c->connection.state != CONNECTION_CONNECTING)
    left = upstream_connection_shorter(left, upstream_connection_shorter(upstream_connection_until(0, 0, o->tcp_recv_timeout_s), upstream_connection_until(0, 0, o->tcp_send_timeout_s)));
  c->armed = true;
  connection_timer(&c->connection, left);
}

static void
upstream_connection_arm(struct upstream_connection *c)
{
  upstream_connection_arm_within(c, UINT32_MAX);
}

// It has brought nothing since these were sent, and they have waited for long enough: those that can go to another backend do.
// Returns the time until it has to be looked at again.
static uint64_t
upstream_connection_move_queries(struct upstream_connection *c)
{
  struct worker *w = c->peer->worker;
  uint64_t least = UINT32_MAX;
  bool silent = false;
  if (c->exclusive)
    return least;
  for (uint32_t i = 0; !c->ended && i < c->slots.size; i++) {
    struct query *q = c->slots.list[i].query;
    if (q == NULL || (c->bytes_us > q->sent_us && input_unread(&c->connection.input) == 0))
      continue;
    uint64_t since_us = c->bytes_us > q->sent_us ? c->bytes_us : q->sent_us; // of an answer that began and does not end
    if (w->now_us - since_us < PATIENCE_US) {
      least = upstream_connection_shorter(least, since_us + PATIENCE_US - w->now_us);
      continue;
    }
    silent = true;
    if (w->walk->elsewhere == NULL || !w->walk->elsewhere(q))
      continue;
    upstream_slots_abandon(&c->slots, &c->slots.list[i]);
    upstream_connection_fail(c, q, DROP_TIMEOUT);
  }
  if (silent && !c->silent && !c->ended) {
    c->silent = true;
    backend_stream_failed(c->peer->backend);
    upstream_connection_place(c);
  }
  return least;
}

static void
upstream_connection_on_timer(struct connection *connection)
{
  struct upstream_connection *c = (struct upstream_connection *)connection;
  c->armed = false;
  if (upstream_connection_time_left(c) == 0) {
    backend_stream_failed(c->peer->backend);
    upstream_connection_time_out(c);
    return;
  }
  uint64_t most = upstream_connection_move_queries(c);
  if (!c->ended && upstream_connection_waits_for(c) == WAITING_READ)
    most = upstream_connection_shorter(most, upstream_connection_expire(c));
  if (!c->ended && c->slots.queries == 0)
    upstream_connection_place(c);
  else if (!c->ended)
    upstream_connection_arm_within(c, most);
}

// ---- sockets ----

static const struct connection_events upstream_connection_events;

// Gives the connection a new socket.
static bool
upstream_connection_connect(struct upstream_connection *c)
{
  PERMIT("a backend's connection");
  struct worker *w = c->peer->worker;
  if (!backend_connect(c->peer->backend, &c->connection, w->connections, &upstream_connection_events, NULL))
    return false;
  c->fresh = true;
  c->answers = 0;
  c->opened_us = c->heard_us = w->now_us;
  counter_add(&upstream_connection_counters(c)->tcp_new_connections, 1);
  upstream_connection_arm(c);
  if (c->head == NULL || connection_send_raw(&c->connection, c->head, c->head_size))
    return true;
  connection_reset(&c->connection);
  return false;
}

static void
upstream_connection_count_opened(struct upstream_connection *c)
{
  struct backend_counters *own = upstream_connection_counters(c);
  uint64_t now_open = 0;
  counter_add(&own->tcp_current, 1);
  for (unsigned i = 0; i < worker_count(); i++)
    now_open += atomic_load_explicit(&c->peer->backend->counters[i]->tcp_current, memory_order_relaxed);
  if (now_open > atomic_load_explicit(&own->tcp_max_concurrent, memory_order_relaxed))
    atomic_store_explicit(&own->tcp_max_concurrent, now_open, memory_order_relaxed);
}

static bool
upstream_connection_keep_head(struct upstream_connection *c, const uint8_t *head, size_t size)
{
  if (head == NULL)
    return true;
  c->head = malloc(size);
  c->head_size = size;
  if (c->head == NULL)
    return false;
  memcpy(c->head, head, size);
  c->head_hash = hash_bytes(head, size, c->peer->alike_seed);
  return true;
}

struct upstream_connection *
upstream_connection_open(struct upstream_peer *peer, const uint8_t *head, size_t head_size)
{
  PERMIT("a backend's connection");
  struct upstream_connection *c = calloc(1, sizeof *c);
  if (c == NULL)
    return NULL;
  c->peer = peer;
  if (!upstream_connection_keep_head(c, head, head_size)) {
    free(c);
    return NULL;
  }
  connection_init(&c->connection);
  if (!upstream_connection_connect(c)) {
    free(c->head);
    free(c);
    return NULL;
  }
  c->slots.next_id = (uint16_t)random_next(&peer->worker->random);
  peer->structures++;
  upstream_connection_link(c, PLACE_FULL);
  upstream_connection_count_opened(c);
  upstream_stream_scan_in(peer->worker, (uint64_t)peer->worker->lease->settings->tcp_upstream_scan_s * SECOND_US);
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
  if (!connection_send(&c->connection, q->packet.data, q->packet.size)) {
    upstream_slots_clear(&c->slots, slot);
    message_put_u16(q->packet.data, q->id);
    return false;
  }
  upstream_connection_place(c);
  counter_add(&upstream_connection_counters(c)->tcp_queries, 1);
  // While it connects the timer is that of the connection: queries wait for less.
  if (!c->armed || (c->slots.queries == 1 && c->connection.state == CONNECTION_CONNECTING))
    upstream_connection_arm(c);
  return true;
}

static bool
upstream_connection_send_again(struct upstream_connection *c)
{
  for (uint32_t i = 0; i < c->slots.size; i++) {
    const struct query *q = c->slots.list[i].query;
    if (q != NULL && !connection_send(&c->connection, q->packet.data, q->packet.size))
      return false;
  }
  return true;
}

// The socket broke under queries: they go out again over a new one. Failures count as long as sockets bring nothing;
// one that had been in use may have been closed by a backend that was tired of it.
static void
upstream_connection_reconnect(struct upstream_connection *c)
{
  if (c->transfer.began) { // the client has some of it
    upstream_connection_give_up(c);
    return;
  }
  upstream_connection_count_duration(c);
  connection_reset(&c->connection);
  upstream_slots_forget_abandoned(&c->slots);
  uint32_t attempts = upstream_connection_options(c)->retries > 0 ? upstream_connection_options(c)->retries : 1;
  do {
    c->failures = c->fresh ? c->failures + 1 : 0;
    if (c->failures >= attempts) {
      upstream_connection_give_up(c);
      return;
    }
    c->fresh = true;
  } while (!upstream_connection_connect(c));
  if (!upstream_connection_send_again(c))
    upstream_connection_give_up(c);
}

// A backend that takes one query and closes behind its answer, whatever else was asked by then, is asked one at a time.
static void
upstream_connection_learn(struct upstream_connection *c)
{
  struct upstream_peer *peer = c->peer;
  for (uint32_t i = 0; c->answers == 1 && i < c->slots.size; i++)
    if (c->slots.list[i].query != NULL && c->slots.list[i].query->sent_us < c->bytes_us)
      peer->single_until_us = peer->worker->now_us + SINGLE_US;
  if (c->fresh)
    backend_stream_failed(peer->backend);
}

static void
upstream_connection_on_ended(struct connection *connection, enum connection_end why)
{
  struct upstream_connection *c = (struct upstream_connection *)connection;
  if (c->slots.queries == 0) {
    upstream_connection_end(c, DROP_BACKEND_LOST);
    return;
  }
  if (why == CONNECTION_EOF && connection->paused)
    return; // what is here of the transfer waits for the client: upstream_connection_on_turn() sees the end of it
  if (why == CONNECTION_WRITE_ERROR || why == CONNECTION_CONNECT_ERROR)
    counter_add(&upstream_connection_counters(c)->tcp_died_sending, 1);
  else
    counter_add(&upstream_connection_counters(c)->tcp_died_reading, 1);
  upstream_connection_learn(c);
  upstream_connection_reconnect(c);
}

// ---- answers ----

static void
upstream_connection_measure(struct upstream_connection *c, const struct query *q)
{
  struct backend_counters *counters = upstream_connection_counters(c);
  double now = (double)(q->worker->now_us - q->sent_us);
  double old = atomic_load_explicit(&counters->tcp_latency_us, memory_order_relaxed);
  atomic_store_explicit(&counters->tcp_latency_us, old == 0 ? now : old + (now - old) / 128, memory_order_relaxed);
  counter_add(&counters->responses, 1);
}

// What this backend says cannot be trusted to belong to anything that was asked: everything on the connection fails.
static enum message_use
upstream_connection_refuse(struct upstream_connection *c)
{
  count(c->peer->worker, COUNTER_NONCOMPLIANT_RESPONSES);
  counter_add(&upstream_connection_counters(c)->tcp_died_reading, 1);
  upstream_connection_end(c, DROP_BACKEND_LOST);
  return MESSAGE_PAUSE;
}

static void
upstream_connection_answered(struct upstream_connection *c)
{
  c->fresh = false;
  c->failures = 0;
  c->answers++;
  backend_stream_answered(c->peer->backend);
}

static void
upstream_connection_deliver(struct upstream_connection *c, struct query *q, const struct frame *frame)
{
  struct worker *w = q->worker;
  size_t room = frame->size + (size_t)ANSWER_ROOM;
  if (!c->transfer.began)
    upstream_connection_measure(c, q);
  q->transfer = NULL;
  bool copied = query_own_packet(q, frame->message, frame->size, room < PACKET_PIECE ? PACKET_PIECE : room);
  upstream_connection_unpark(c, q);
  upstream_connection_answered(c);
  upstream_connection_place(c); // may end it, and the memory that the answer was in
  if (copied)
    w->walk->answer(q);
  else
    w->walk->failed(q, DROP_OUT_OF_MEMORY);
}

// ---- zone transfers ----

// A message with more to come: the query walks back with it and stays in its slot, unless the walk ended it.
static enum message_use
upstream_connection_deliver_part(struct upstream_connection *c, struct upstream_slot *slot, const struct frame *frame)
{
  struct query *q = slot->query;
  struct worker *w = q->worker;
  size_t room = frame->size + (size_t)ANSWER_ROOM;
  upstream_connection_answered(c);
  if (!c->transfer.began)
    upstream_connection_measure(c, q);
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
  counter_add(&upstream_connection_counters(c)->outstanding, (uint64_t)-1);
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
upstream_connection_belongs(const struct upstream_connection *c, const struct query *q, const struct frame *frame)
{
  // Later messages of a transfer may come without the question (RFC 5936 2.2).
  bool bare = c->transfer.began && message_count(frame->message, 0) == 0 && (frame->message[2] & FLAG2_QR) != 0;
  return bare || answer_matches(q, frame->message, frame->size);
}

static enum message_use
upstream_connection_on_message(struct connection *connection, const struct frame *frame)
{
  struct upstream_connection *c = (struct upstream_connection *)connection;
  struct upstream_slot *slot = frame->size >= HEADER_SIZE ? upstream_slots_find(&c->slots, message_id(frame->message)) : NULL;
  if (slot == NULL)
    return upstream_connection_refuse(c);
  if (slot->query == NULL) {
    upstream_slots_clear(&c->slots, slot);
    return MESSAGE_NEXT;
  }
  if (!upstream_connection_belongs(c, slot->query, frame))
    return upstream_connection_refuse(c);
  if (c->exclusive && query_is_tcp(slot->query) && !transfer_last(&c->transfer, frame->message, frame->size))
    return upstream_connection_deliver_part(c, slot, frame);
  upstream_connection_deliver(c, upstream_slots_clear(&c->slots, slot), frame);
  return MESSAGE_NEXT;
}

// ---- events ----

static void
upstream_connection_on_bytes(struct connection *connection, size_t size)
{
  (void)size;
  struct upstream_connection *c = (struct upstream_connection *)connection;
  c->heard_us = c->bytes_us = connection_now(connection);
  if (c->silent) {
    c->silent = false;
    upstream_connection_place(c);
  }
}

static void
upstream_connection_on_turn(struct connection *connection)
{
  const struct upstream_connection *c = (struct upstream_connection *)connection;
  if (connection->eof && !connection->paused && c->slots.queries > 0 && !input_has_message(&connection->input))
    upstream_connection_on_ended(connection, CONNECTION_EOF);
}

static void
upstream_connection_on_connected(struct connection *connection)
{
  struct upstream_connection *c = (struct upstream_connection *)connection;
  c->heard_us = connection_now(connection);
  upstream_connection_arm(c);
}

static const struct connection_events upstream_connection_events = {.message = upstream_connection_on_message,
                                                                    .read = upstream_connection_on_bytes,
                                                                    .turn = upstream_connection_on_turn,
                                                                    .connected = upstream_connection_on_connected,
                                                                    .timer = upstream_connection_on_timer,
                                                                    .ended = upstream_connection_on_ended,
                                                                    .gone = upstream_connection_on_gone};
