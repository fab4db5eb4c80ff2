// SPDX-License-Identifier: BSD-2-Clause
// One client connection: queries in, answers out, and the reasons for which it ends.
#include "dnsproxy/net/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
  UNSENT_MAX = 131072,         // a client that does not read its answers is not read from either
  UNSENT_LOW = 32768,          // ... and zone transfers go on below this
  RESTRICTED_READ_US = 500000, // semantics.md section 13
  RESTRICTED_LIFE_US = 5000000,
  LOOK_AGAIN_US = 2000000,     // when nothing is due: settings may have changed by then
  SECOND_US = 1000000,
};

static struct listener_counters *
counters_of(const struct stream *s)
{
  return s->listener->counters[s->channel.worker->id];
}

static const struct settings *
settings_of(const struct stream *s)
{
  return s->channel.worker->lease->settings;
}

// ---- the end ----

static void
stream_free(struct stream *s)
{
  free(s->proxy);
  object_unref(&s->listener);
  free(s);
}

// The socket is closed: frees the structure once no query refers to it.
static void
forget_if_done(struct stream *s)
{
  if (s->gone && s->in_flight == 0)
    stream_free(s);
}

static void
on_gone(struct channel *ch)
{
  struct stream *s = (struct stream *)ch;
  s->gone = true;
  forget_if_done(s);
}

static void
resume_all(struct stream *s)
{
  while (s->full != NULL) {
    struct query *q = s->full;
    s->full = q->next;
    q->next = NULL;
    s->resume(q);
  }
}

void
stream_end(struct stream *s)
{
  if (s->set == NULL)
    return;
  struct worker *w = s->channel.worker;
  struct listener_counters *c = counters_of(s);
  counter_add(&c->tcp_current, (uint64_t)-1);
  counter_add(&c->tcp_duration_us, w->now_us - s->opened_us);
  stream_left(w, s->listener, &s->peer);
  *s->link = s->next;
  if (s->next != NULL)
    s->next->link = s->link;
  s->set = NULL;
  channel_close(&s->channel);
  resume_all(s); // what comes next finds that the client is gone
}

// Closing a socket that holds unread bytes resets the connection, and the client may lose answers under way.
static void
end_gently(struct stream *s)
{
  uint8_t rest[4096];
  shutdown(s->channel.fd, SHUT_WR);
  for (int i = 0; i < 16; i++)
    if (recv(s->channel.fd, rest, sizeof rest, MSG_DONTWAIT) <= 0)
      break;
  stream_end(s);
}

void
stream_finish(struct stream *s)
{
  s->finishing = true;
  channel_pause(&s->channel);
  channel_touch(&s->channel);
}

static void
on_ended(struct channel *ch, enum channel_end why)
{
  struct stream *s = (struct stream *)ch;
  switch (why) {
  case CHANNEL_EOF:
    // Half-closed: what it has asked is still answered (in `turn`). A partial query can no longer be completed.
    if (framing_unread(&ch->framing) > 0 && !framing_has_message(&ch->framing))
      counter_add(&counters_of(s)->tcp_died_reading, 1);
    return;
  case CHANNEL_WRITE_ERROR:
    counter_add(&counters_of(s)->tcp_died_sending, 1);
    break;
  case CHANNEL_READ_ERROR:
  case CHANNEL_CONNECT_ERROR:
    counter_add(&counters_of(s)->tcp_died_reading, 1);
    break;
  }
  stream_end(s);
}

// ---- queries ----

static bool
too_old(const struct stream *s)
{
  uint64_t age = s->channel.worker->now_us - s->opened_us;
  uint64_t life_s = settings_of(s)->tcp_max_duration_s;
  return (life_s > 0 && age >= life_s * SECOND_US) || (s->restricted && age >= RESTRICTED_LIFE_US);
}

static bool
takes_queries(const struct stream *s)
{
  uint32_t limit = s->restricted || s->listener->max_in_flight == 0 ? 1 : s->listener->max_in_flight;
  return !s->finishing && s->in_flight < limit && channel_unsent(&s->channel) < UNSENT_MAX && !too_old(s);
}

static void
refuse_short(struct stream *s)
{
  struct worker *w = s->channel.worker;
  count(w, COUNTER_NONCOMPLIANT_QUERIES);
  counter_add(&counters_of(s)->noncompliant, 1);
  counter_add(&w->counters.drop[DROP_TOO_SHORT], 1);
  s->closing = true;
  stream_finish(s);
}

// There is no memory for the query: it was received, so it counts, and the client is told by the end of its connection.
static void
refuse_query(struct stream *s)
{
  struct worker *w = s->channel.worker;
  count(w, COUNTER_QUERIES);
  counter_add(&counters_of(s)->queries, 1);
  counter_add(&w->counters.drop[DROP_OUT_OF_MEMORY], 1);
  s->closing = true;
  stream_finish(s);
}

static struct query *
query_from_frame(struct stream *s, const struct frame *frame)
{
  struct worker *w = s->channel.worker;
  if (w->queries.available == 0)
    slab_refill(&w->queries);
  struct query *q = query_new(w);
  if (q == NULL)
    return NULL;
  size_t room = frame->size + 512u > PACKET_PIECE ? frame->size + 512u : PACKET_PIECE;
  if (!query_own_packet(q, frame->message, frame->size, room)) {
    query_free(&q);
    return NULL;
  }
  q->arrival.transport = s->listener->transport;
  q->received_us = w->now_us;
  q->arrival.listener = s->listener;
  q->arrival.route = &stream_route;
  q->arrival.peer = s->peer;
  q->arrival.client = s->peer;
  q->arrival.destination = s->destination;
  if (s->proxy != NULL && !query_take_proxy_header(q, s->proxy)) {
    query_free(&q);
    return NULL;
  }
  q->arrival.stream = s;
  q->arrival.sequence = s->queries;
  return q;
}

static enum channel_frame
on_frame(struct channel *ch, const struct frame *frame)
{
  struct stream *s = (struct stream *)ch;
  s->reads = 0;
  if (!takes_queries(s))
    return CHANNEL_LATER;
  if (frame->size < HEADER_SIZE) {
    refuse_short(s);
    return CHANNEL_PAUSE;
  }
  struct query *q = query_from_frame(s, frame);
  if (q == NULL) {
    refuse_query(s);
    return CHANNEL_PAUSE;
  }
  uint32_t most = settings_of(s)->tcp_max_queries;
  s->queries++;
  s->in_flight++;
  counter_add(&counters_of(s)->tcp_queries, 1);
  if (most > 0 && s->queries > most)
    s->finishing = true;
  listener_walk(s->listener, ch->worker)->query(q);
  return takes_queries(s) ? CHANNEL_NEXT : CHANNEL_PAUSE;
}

// ---- answers ----

static void
query_ended(struct stream *s)
{
  assert(s->in_flight > 0);
  s->in_flight--;
  s->active_us = s->channel.worker->now_us;
  if (s->set != NULL)
    channel_touch(&s->channel);
  else
    forget_if_done(s);
}

static void
stream_reply(struct query *q)
{
  struct stream *s = q->arrival.stream;
  if (s->set == NULL || s->closing) {
    listener_unsent(q, DROP_CLIENT_GONE);
  } else if (q->packet.size > UINT16_MAX) {
    listener_unsent(q, DROP_ANSWER_TOO_LARGE);
    s->closing = true;
  } else if (!channel_send(&s->channel, q->packet.data, q->packet.size)) {
    listener_unsent(q, DROP_OUT_OF_MEMORY);
    s->closing = true;
  }
  query_free(&q);
  query_ended(s);
}

// Part of a zone transfer: the query stays on the connection.
static enum part_sent
stream_part(struct query *q, void (*resume)(struct query *))
{
  struct stream *s = q->arrival.stream;
  if (s->set == NULL || s->closing)
    return PART_FAILED;
  if (q->packet.size > UINT16_MAX || !channel_send(&s->channel, q->packet.data, q->packet.size)) {
    s->closing = true;
    return PART_FAILED;
  }
  s->active_us = s->channel.worker->now_us;
  if (channel_unsent(&s->channel) < UNSENT_MAX)
    return PART_SENT;
  s->resume = resume;
  q->next = s->full;
  s->full = q;
  return PART_FULL;
}

static void
forget_full(struct stream *s, const struct query *q)
{
  for (struct query **at = &s->full; *at != NULL; at = &(*at)->next)
    if (*at == q) {
      *at = q->next;
      return;
    }
}

// A client that gets no answer is told so by the end of its connection.
static void
stream_dropped(struct query *q)
{
  struct stream *s = q->arrival.stream;
  forget_full(s, q);
  struct listener_counters *c = counters_of(s);
  if (q->drop == DROP_TIMEOUT)
    counter_add(&c->tcp_downstream_timeouts, 1);
  if (q->drop == DROP_BACKEND_LOST || q->drop == DROP_SEND_ERROR)
    counter_add(&c->tcp_gave_up, 1);
  s->closing = s->finishing = true;
  query_ended(s);
}

const struct reply_route stream_route = {.reply = stream_reply, .dropped = stream_dropped, .part = stream_part};

// ---- turns and time ----

static void
on_bytes(struct channel *ch, size_t count)
{
  struct stream *s = (struct stream *)ch;
  struct worker *w = ch->worker;
  uint32_t most = settings_of(s)->tcp_max_read_ios;
  (void)count;
  s->active_us = w->now_us;
  counter_add(&counters_of(s)->tcp_read_ios, 1);
  if (++s->reads <= most || most == 0 || framing_has_message(&ch->framing))
    return;
  const struct stream_guard *guard = listener_walk(s->listener, w)->stream_guard;
  if (guard != NULL)
    guard->too_many_reads(&s->peer, settings_of(s), w->now_s);
  stream_end(s);
}

static void
on_turn(struct channel *ch)
{
  struct stream *s = (struct stream *)ch;
  if (s->full != NULL && channel_unsent(ch) < UNSENT_LOW)
    resume_all(s);
  bool no_more = s->finishing || too_old(s) || (ch->eof && !framing_has_message(&ch->framing));
  if (channel_unsent(ch) == 0 && (s->closing || (no_more && s->in_flight == 0)))
    end_gently(s);
  else if (ch->paused && takes_queries(s))
    channel_resume(ch);
}

static uint64_t
until(uint64_t now, uint64_t due)
{
  return due > now ? due - now : 0;
}

// Time left until the client's patience with us, or ours with it, is over. 0: it is.
static uint64_t
patience(const struct stream *s)
{
  const struct settings *settings = settings_of(s);
  uint64_t now = s->channel.worker->now_us, left = LOOK_AGAIN_US;
  uint64_t read_us = settings->tcp_recv_timeout_s * (uint64_t)SECOND_US;
  uint64_t send_us = settings->tcp_send_timeout_s * (uint64_t)SECOND_US;
  if (s->restricted && (read_us == 0 || read_us > RESTRICTED_READ_US))
    read_us = RESTRICTED_READ_US;
  if (channel_unsent(&s->channel) > 0) {
    uint64_t due = until(now, s->channel.progress_us + send_us);
    return send_us > 0 && due < left ? due : left;
  }
  // With queries in flight it is we who are waited for.
  if (s->in_flight == 0 && read_us > 0) {
    uint64_t due = until(now, s->active_us + read_us);
    left = due < left ? due : left;
  }
  return left;
}

// Time left to live; long when there is no limit.
static uint64_t
life(const struct stream *s)
{
  uint64_t life_us = settings_of(s)->tcp_max_duration_s * (uint64_t)SECOND_US;
  if (s->restricted && (life_us == 0 || life_us > RESTRICTED_LIFE_US))
    life_us = RESTRICTED_LIFE_US;
  return life_us == 0 ? LOOK_AGAIN_US : until(s->channel.worker->now_us, s->opened_us + life_us);
}

static void
on_timer(struct channel *ch)
{
  struct stream *s = (struct stream *)ch;
  uint64_t left = patience(s);
  if (left == 0) {
    counter_add(&counters_of(s)->tcp_client_timeouts, 1);
    stream_end(s);
    return;
  }
  uint64_t rest = life(s);
  if (rest == 0)
    stream_finish(s);
  else if (rest < left)
    left = rest;
  channel_timer(ch, left);
}

static const struct channel_events stream_events = {
    .frame = on_frame, .read = on_bytes, .turn = on_turn, .timer = on_timer, .ended = on_ended, .gone = on_gone};

// ---- the start ----

static void
count_opened(struct stream *s)
{
  struct listener_counters *c = counters_of(s);
  counter_add(&c->tcp_connections, 1);
  counter_add(&c->tcp_current, 1);
  uint64_t now_open = stream_connections(s->listener);
  if (now_open > atomic_load_explicit(&c->tcp_max_concurrent, memory_order_relaxed))
    atomic_store_explicit(&c->tcp_max_concurrent, now_open, memory_order_relaxed);
}

// What the client connected to: a wildcard socket has to ask.
static void
read_destination(struct stream *s)
{
  socklen_t size = sizeof s->destination;
  s->destination = s->listener->address;
  if (address_is_any(&s->destination) && getsockname(s->channel.fd, &s->destination.sa, &size) != 0)
    s->destination = s->listener->address;
}

// A copy with its values behind.
static struct proxy_header *
keep_header(const struct proxy_header *header)
{
  struct proxy_header *copy = malloc(sizeof *copy + header->values_size);
  if (copy == NULL)
    return NULL;
  *copy = *header;
  if (header->values_size > 0)
    memcpy(copy + 1, header->values, header->values_size);
  copy->values = (const uint8_t *)(copy + 1);
  return copy;
}

bool
stream_open(struct stream_listener *sl, int fd, const struct address *peer, bool restricted, const struct proxy_header *header)
{
  struct worker *w = sl->worker;
  bool proxied = header != NULL && !header->local;
  struct stream *s = calloc(1, sizeof *s);
  struct proxy_header *kept = proxied ? keep_header(header) : NULL;
  if (s == NULL || (proxied && kept == NULL)) {
    free(kept);
    free(s);
    return false;
  }
  s->proxy = kept;
  s->listener = object_ref(sl->listener);
  s->peer = *peer;
  s->opened_us = s->active_us = w->now_us;
  s->restricted = restricted;
  s->set = w->streams;
  s->link = &s->set->streams;
  s->next = s->set->streams;
  if (s->next != NULL)
    s->next->link = &s->next;
  s->set->streams = s;
  s->channel.fd = -1;
  channel_open(&s->channel, w, &stream_events, fd);
  read_destination(s);
  count_opened(s);
  channel_timer(&s->channel, patience(s) < life(s) ? patience(s) : life(s));
  channel_read_now(&s->channel);
  return true;
}
