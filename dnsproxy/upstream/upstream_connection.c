// SPDX-License-Identifier: BSD-2-Clause
// A connection to a backend: its life, queries out, broken sockets replaced. Answers and time-outs have files of their own.
#include "dnsproxy/upstream/upstream_connection_private.h"

#include "dnsproxy/backends/backend_socket.h"
#include "dnsproxy/upstream/upstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

void
upstream_connection_fail(struct upstream_connection *c, struct query *q, enum drop why)
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
on_gone(struct connection *ch)
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

static const struct connection_events connection_events;

// Gives the connection a new socket.
static bool
connect_socket(struct upstream_connection *c)
{
  struct worker *w = c->peer->worker;
  int fd = backend_socket_open(c->peer->backend, SOCK_STREAM);
  if (fd < 0)
    return false;
  // With fast open nothing was sent yet: the first write connects.
  if (options_of(c)->tcp_fast_open)
    connection_open(&c->connection, w->connections, &connection_events, &protocol_dns, fd);
  else
    connection_open_connecting(&c->connection, w->connections, &connection_events, &protocol_dns, fd);
  c->fresh = true;
  c->opened_us = c->heard_us = w->now_us;
  counter_add(&counters_of(c)->tcp_new_connections, 1);
  upstream_connection_arm(c);
  if (c->head == NULL || connection_send_raw(&c->connection, c->head, c->head_size))
    return true;
  connection_reset(&c->connection);
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
  connection_init(&c->connection);
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
  if (!connection_send(&c->connection, q->packet.data, q->packet.size)) {
    upstream_slots_clear(&c->slots, slot);
    message_put_u16(q->packet.data, q->id);
    return false;
  }
  make_busy(c);
  counter_add(&counters_of(c)->tcp_queries, 1);
  if (!c->armed)
    upstream_connection_arm(c);
  return true;
}

static bool
send_again(struct upstream_connection *c)
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
reconnect(struct upstream_connection *c)
{
  if (c->transfer.began) { // the client has some of it
    give_up(c);
    return;
  }
  count_duration(c);
  connection_reset(&c->connection);
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
on_ended(struct connection *ch, enum connection_end why)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  if (c->slots.queries == 0) {
    upstream_connection_end(c, DROP_BACKEND_LOST);
    return;
  }
  if (why == CONNECTION_EOF && ch->paused)
    return; // what is here of the transfer waits for the client: on_turn() sees the end of it
  if (why == CONNECTION_WRITE_ERROR || why == CONNECTION_CONNECT_ERROR)
    counter_add(&counters_of(c)->tcp_died_sending, 1);
  else
    counter_add(&counters_of(c)->tcp_died_reading, 1);
  reconnect(c);
}

// ---- events ----

static void
on_bytes(struct connection *ch, size_t size)
{
  (void)size;
  ((struct upstream_connection *)ch)->heard_us = connection_now(ch);
}

static void
on_turn(struct connection *ch)
{
  const struct upstream_connection *c = (struct upstream_connection *)ch;
  if (ch->eof && !ch->paused && c->slots.queries > 0 && !input_has_message(&ch->input))
    on_ended(ch, CONNECTION_EOF);
}

static void
on_connected(struct connection *ch)
{
  struct upstream_connection *c = (struct upstream_connection *)ch;
  c->heard_us = connection_now(ch);
  upstream_connection_arm(c);
}

static const struct connection_events connection_events = {.message = upstream_connection_on_frame,
                                                        .read = on_bytes,
                                                        .turn = on_turn,
                                                        .connected = on_connected,
                                                        .timer = upstream_connection_on_timer,
                                                        .ended = on_ended,
                                                        .gone = on_gone};
