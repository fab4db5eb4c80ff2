// SPDX-License-Identifier: BSD-2-Clause
// TCP towards clients: admitting connections, queries in, answers out, and the reasons for which a connection ends.
#include "dnsproxy/net/stream.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/permit.h"
#include "dnsproxy/core/query.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
  ACCEPT_MAX = 32, RETRY_MS = 100,
  UNSENT_MAX = 65536,          // a client that does not read its answers is not read from either
  UNSENT_LOW = 16384,          // ... and zone transfers go on below this
  ANSWER_USUAL = 512,          // until it is known better
  RESTRICTED_READ_US = 500000, // semantics.md section 13
  RESTRICTED_LIFE_US = 5000000,
  LOOK_AGAIN_US = 2000000,     // when nothing is due: settings may have changed by then
  LINGER_US = 2000000,         // for a client to read its last answers and close, too
  LINGER_IDLE_US = 200000,     // ... when there was nothing for it
  SECOND_US = 1000000,
};

static struct listener_counters *
stream_counters(const struct stream *s)
{
  return s->listener->counters[s->worker->id];
}

static const struct settings *
stream_settings(const struct stream *s)
{
  return s->worker->lease->settings;
}

// ---- descriptors ----
// Clients must not use up those that backends, checks and the console need.

static _Atomic uint32_t descriptors_used; // by clients, of all workers
static uint32_t descriptors_most;

static unsigned
stream_descriptors_open(void)
{
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL)
    return 64;
  while (readdir(folder) != NULL)
    count++;
  closedir(folder);
  return count - 3; // "." and ".." and itself
}

static void
stream_descriptors_limit(void)
{
  struct rlimit limit;
  uint64_t all = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : UINT32_MAX;
  uint64_t reserve = all / 4 < 16 ? 16 : all / 4 > 1024 ? 1024 : all / 4;
  uint64_t taken = stream_descriptors_open() + reserve;
  descriptors_most = all > taken + 4 ? (uint32_t)(all - taken) : 4;
}

static void
stream_descriptor_told(void)
{
  static atomic_bool told;
  if (!atomic_exchange(&told, true))
    log_warning("tcp", "TCP clients are refused: more than %u would use up the descriptors of the process (see ulimit -n)",
                descriptors_most);
}

static bool
stream_descriptor_take(struct worker *w, uint32_t *used)
{
  *used = atomic_fetch_add_explicit(&descriptors_used, 1, memory_order_relaxed) + 1;
  if (*used <= descriptors_most)
    return true;
  atomic_fetch_sub_explicit(&descriptors_used, 1, memory_order_relaxed);
  counter_add(&w->counters.drop[DROP_DESCRIPTORS], 1);
  stream_descriptor_told();
  return false;
}

static void
stream_descriptor_back(void)
{
  atomic_fetch_sub_explicit(&descriptors_used, 1, memory_order_relaxed);
}

// ---- places ----

uint64_t
stream_connections(const struct listener *l)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < WORKERS_MAX && l->counters[i] != NULL; i++)
    sum += atomic_load_explicit(&l->counters[i]->tcp_current, memory_order_relaxed);
  return sum;
}

// One of the connections that the listener may have at once, over all workers; *taken: how many are with it.
static bool
stream_take_place(struct listener *l, uint64_t *taken)
{
  *taken = 0;
  if (l->max_connections == 0)
    return true;
  *taken = atomic_fetch_add_explicit(&l->places, 1, memory_order_relaxed) + 1;
  if (*taken <= l->max_connections)
    return true;
  atomic_fetch_sub_explicit(&l->places, 1, memory_order_relaxed);
  return false;
}

static void
stream_place_back(struct listener *l)
{
  if (l->max_connections > 0)
    atomic_fetch_sub_explicit(&l->places, 1, memory_order_relaxed);
}

// An admitted client is gone: limits forget it.
static void
stream_left(struct worker *w, struct listener *l, const struct address *peer)
{
  const struct stream_guard *guard = listener_walk(l, w)->stream_guard;
  if (guard != NULL)
    guard->closed(peer, w->lease->settings);
  stream_place_back(l);
}

// In the order of semantics.md section 2: ACL, listener's limit, client's limits.
static enum stream_verdict
stream_admit(struct stream_listener *sl, const struct address *peer)
{
  struct worker *w = sl->worker;
  struct listener *l = sl->listener;
  const struct walk_hooks *walk = listener_walk(l, w);
  uint64_t taken;
  if (!walk->admit_stream(w, l, peer) || !stream_take_place(l, &taken))
    return STREAM_REFUSED;
  const struct settings *settings = w->lease->settings;
  const struct stream_guard *guard = walk->stream_guard;
  enum stream_verdict verdict = guard == NULL ? STREAM_ADMITTED : guard->opened(peer, settings, w->now_s);
  if (verdict == STREAM_REFUSED)
    stream_place_back(l);
  bool near = l->max_connections > 0 && settings->tcp_overload_percent > 0 &&
              taken * 100 > (uint64_t)l->max_connections * settings->tcp_overload_percent;
  return verdict == STREAM_ADMITTED && near ? STREAM_RESTRICTED : verdict;
}

// ---- the end ----

static void
stream_free(struct stream *s)
{
  PERMIT("a client's connection");
  free(s->proxy);
  object_unref(&s->listener);
  free(s);
}

// The socket is closed: frees the structure once no query refers to it.
static void
stream_forget_if_done(struct stream *s)
{
  if (s->gone && s->in_flight == 0)
    stream_free(s);
}

static void
stream_on_gone(struct connection *c)
{
  struct stream *s = (struct stream *)c;
  s->gone = true;
  stream_descriptor_back();
  stream_forget_if_done(s);
}

static void
stream_resume_all(struct stream *s)
{
  while (s->full != NULL) {
    struct query *q = s->full;
    s->full = q->next;
    q->next = NULL;
    s->resume(q);
  }
}

static void
stream_unlink(struct stream *s)
{
  struct listener_counters *c = stream_counters(s);
  if (s->begun) {
    counter_add(&c->tcp_current, (uint64_t)-1);
    counter_add(&c->tcp_duration_us, s->worker->now_us - s->opened_us);
  } else {
    counter_add(&c->tcp_refused, 1);
  }
  stream_left(s->worker, s->listener, &s->peer);
  *s->link = s->next;
  if (s->next != NULL)
    s->next->link = s->link;
  s->set = NULL;
}

// Now: nothing more is read or written.
static void
stream_end(struct stream *s)
{
  if (s->set == NULL)
    return;
  stream_unlink(s);
  connection_close(&s->connection);
  stream_resume_all(s); // what comes next finds that the client is gone
}

// In order: what is queued still goes out.
static void
stream_leave(struct stream *s, uint64_t linger_us)
{
  stream_unlink(s);
  connection_finish(&s->connection, linger_us);
}

// No more queries; it ends when those in flight have.
static void
stream_finish(struct stream *s)
{
  s->finishing = true;
  connection_pause(&s->connection);
  connection_touch(&s->connection);
}

// What becomes of a connection one of whose queries gets no answer, whatever the reason (q->drop). The dialect ends it: that is
// how the client learns. Queries that it sent before or right behind that one are still answered.
static void
stream_after_drop(struct stream *s)
{
  connection_stop_reading(&s->connection);
}

static void
stream_on_ended(struct connection *c, enum connection_end why)
{
  struct stream *s = (struct stream *)c;
  switch (why) {
  case CONNECTION_EOF:
    // Half-closed: what it has asked is still answered (in `turn`). A partial query can no longer be completed.
    if (input_unread(&c->input) > 0 && !input_has_message(&c->input))
      counter_add(&stream_counters(s)->tcp_died_reading, 1);
    return;
  case CONNECTION_WRITE_ERROR:
    counter_add(&stream_counters(s)->tcp_died_sending, 1);
    break;
  case CONNECTION_READ_ERROR:
  case CONNECTION_BROKEN:
  case CONNECTION_CONNECT_ERROR:
    counter_add(&stream_counters(s)->tcp_died_reading, 1);
    break;
  }
  stream_end(s);
}

// ---- queries ----

static bool
stream_is_too_old(const struct stream *s)
{
  uint64_t age = s->worker->now_us - s->opened_us;
  uint64_t life_s = stream_settings(s)->tcp_max_duration_s;
  return (life_s > 0 && age >= life_s * SECOND_US) || (s->restricted && age >= RESTRICTED_LIFE_US);
}

// Would the answers that it waits for be more than is kept for a client?
static bool
stream_is_full(const struct stream *s)
{
  return connection_unsent(&s->connection) + (uint64_t)s->in_flight * s->answer_size >= UNSENT_MAX &&
         (s->in_flight > 0 || connection_unsent(&s->connection) >= UNSENT_MAX);
}

static bool
stream_takes_queries(const struct stream *s)
{
  uint32_t limit = s->restricted || s->listener->max_in_flight == 0 ? 1 : s->listener->max_in_flight;
  return !s->finishing && s->in_flight < limit && !stream_is_full(s) && !stream_is_too_old(s);
}

static void
stream_refuse_short(struct stream *s)
{
  struct worker *w = s->worker;
  count(w, COUNTER_NONCOMPLIANT_QUERIES);
  counter_add(&stream_counters(s)->noncompliant, 1);
  counter_add(&w->counters.drop[DROP_TOO_SHORT], 1);
  stream_finish(s);
}

// There is no memory for the query: it was received, so it counts, and the client is told by the end of its connection.
static void
stream_refuse_query(struct stream *s)
{
  struct worker *w = s->worker;
  count(w, COUNTER_QUERIES);
  counter_add(&stream_counters(s)->queries, 1);
  counter_add(&w->counters.drop[DROP_OUT_OF_MEMORY], 1);
  stream_finish(s);
}

static struct query *
stream_query(struct stream *s, const struct frame *frame)
{
  struct worker *w = s->worker;
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

static enum message_use
stream_on_message(struct connection *c, const struct frame *frame)
{
  struct stream *s = (struct stream *)c;
  s->reads = 0;
  if (!stream_takes_queries(s))
    return MESSAGE_LATER;
  if (frame->size < HEADER_SIZE) {
    stream_refuse_short(s);
    return MESSAGE_PAUSE;
  }
  struct query *q = stream_query(s, frame);
  if (q == NULL) {
    stream_refuse_query(s);
    return MESSAGE_PAUSE;
  }
  uint32_t most = stream_settings(s)->tcp_max_queries;
  s->queries++;
  s->in_flight++;
  counter_add(&stream_counters(s)->tcp_queries, 1);
  if (most > 0 && s->queries > most)
    s->finishing = true;
  listener_walk(s->listener, s->worker)->query(q);
  return stream_takes_queries(s) ? MESSAGE_NEXT : MESSAGE_PAUSE;
}

// ---- answers ----

static void
stream_query_ended(struct stream *s)
{
  assert(s->in_flight > 0);
  s->in_flight--;
  s->active_us = s->worker->now_us;
  if (s->set != NULL)
    connection_touch(&s->connection);
  else
    stream_forget_if_done(s);
}

static void
stream_reply(struct query *q)
{
  struct stream *s = q->arrival.stream;
  uint32_t size = q->packet.size;
  if (s->set == NULL) {
    listener_unsent(q, DROP_CLIENT_GONE);
  } else if (size <= UINT16_MAX && connection_send(&s->connection, q->packet.data, size)) {
    s->answer_size = size >= s->answer_size ? size : s->answer_size - (s->answer_size - size) / 16;
  } else {
    listener_unsent(q, size > UINT16_MAX ? DROP_ANSWER_TOO_LARGE : DROP_OUT_OF_MEMORY);
    stream_after_drop(s);
  }
  query_free(&q);
  stream_query_ended(s);
}

// Part of a zone transfer: the query stays on the connection.
static enum part_sent
stream_part(struct query *q, void (*resume)(struct query *))
{
  struct stream *s = q->arrival.stream;
  if (s->set == NULL)
    return PART_FAILED;
  if (q->packet.size > UINT16_MAX || !connection_send(&s->connection, q->packet.data, q->packet.size)) {
    stream_after_drop(s);
    return PART_FAILED;
  }
  s->active_us = s->worker->now_us;
  if (connection_unsent(&s->connection) < UNSENT_MAX)
    return PART_SENT;
  s->resume = resume;
  q->next = s->full;
  s->full = q;
  return PART_FULL;
}

static void
stream_forget_full(struct stream *s, const struct query *q)
{
  for (struct query **at = &s->full; *at != NULL; at = &(*at)->next)
    if (*at == q) {
      *at = q->next;
      return;
    }
}

static void
stream_dropped(struct query *q)
{
  struct stream *s = q->arrival.stream;
  stream_forget_full(s, q);
  struct listener_counters *c = stream_counters(s);
  if (q->drop == DROP_TIMEOUT)
    counter_add(&c->tcp_downstream_timeouts, 1);
  if (q->drop == DROP_BACKEND_LOST || q->drop == DROP_SEND_ERROR)
    counter_add(&c->tcp_gave_up, 1);
  stream_after_drop(s);
  stream_query_ended(s);
}

const struct reply_route stream_route = {.reply = stream_reply, .dropped = stream_dropped, .part = stream_part};

// ---- turns and time ----

static void
stream_on_read(struct connection *c, size_t size)
{
  struct stream *s = (struct stream *)c;
  struct worker *w = s->worker;
  uint32_t most = stream_settings(s)->tcp_max_read_ios;
  (void)size;
  s->active_us = w->now_us;
  counter_add(&stream_counters(s)->tcp_read_ios, 1);
  if (++s->reads <= most || most == 0 || input_has_message(&c->input))
    return;
  const struct stream_guard *guard = listener_walk(s->listener, w)->stream_guard;
  if (guard != NULL)
    guard->too_many_reads(&s->peer, stream_settings(s), w->now_s);
  stream_end(s);
}

static void
stream_on_turn(struct connection *c)
{
  struct stream *s = (struct stream *)c;
  if (s->full != NULL && connection_unsent(c) < UNSENT_LOW)
    stream_resume_all(s);
  bool no_more = s->finishing || stream_is_too_old(s) || (c->eof && !input_has_message(&c->input));
  if (no_more && s->in_flight == 0)
    stream_leave(s, connection_unsent(c) == 0 && s->worker->draining ? LINGER_IDLE_US : LINGER_US);
  else if (c->paused && stream_takes_queries(s))
    connection_resume(c);
}

static uint64_t
stream_until(uint64_t now, uint64_t due)
{
  return due > now ? due - now : 0;
}

// Time left until the client's patience with us, or ours with it, is over. 0: it is.
static uint64_t
stream_patience(const struct stream *s)
{
  const struct settings *settings = stream_settings(s);
  uint64_t now = s->worker->now_us, left = LOOK_AGAIN_US;
  uint64_t read_us = settings->tcp_recv_timeout_s * (uint64_t)SECOND_US;
  uint64_t send_us = settings->tcp_send_timeout_s * (uint64_t)SECOND_US;
  if (s->restricted && (read_us == 0 || read_us > RESTRICTED_READ_US))
    read_us = RESTRICTED_READ_US;
  if (connection_unsent(&s->connection) > 0) {
    uint64_t due = stream_until(now, s->connection.progress_us + send_us);
    return send_us > 0 && due < left ? due : left;
  }
  // With queries in flight it is we who are waited for.
  if (s->in_flight == 0 && read_us > 0) {
    uint64_t due = stream_until(now, s->active_us + read_us);
    left = due < left ? due : left;
  }
  return left;
}

// Time left to live; long when there is no limit.
static uint64_t
stream_life(const struct stream *s)
{
  uint64_t life_us = stream_settings(s)->tcp_max_duration_s * (uint64_t)SECOND_US;
  if (s->restricted && (life_us == 0 || life_us > RESTRICTED_LIFE_US))
    life_us = RESTRICTED_LIFE_US;
  return life_us == 0 ? LOOK_AGAIN_US : stream_until(s->worker->now_us, s->opened_us + life_us);
}

static void
stream_on_timer(struct connection *c)
{
  struct stream *s = (struct stream *)c;
  uint64_t left = stream_patience(s);
  if (left == 0) {
    counter_add(&stream_counters(s)->tcp_client_timeouts, 1);
    stream_end(s);
    return;
  }
  uint64_t rest = stream_life(s);
  if (rest == 0)
    stream_finish(s);
  else if (rest < left)
    left = rest;
  connection_timer(c, left);
}

static const struct connection_events stream_events = {.message = stream_on_message,
                                                       .read = stream_on_read,
                                                       .turn = stream_on_turn,
                                                       .timer = stream_on_timer,
                                                       .ended = stream_on_ended,
                                                       .gone = stream_on_gone};

// ---- the start ----

static void
stream_count_opened(struct stream *s)
{
  struct listener_counters *c = stream_counters(s);
  counter_add(&c->tcp_connections, 1);
  counter_add(&c->tcp_current, 1);
  uint64_t now_open = stream_connections(s->listener);
  if (now_open > atomic_load_explicit(&c->tcp_max_concurrent, memory_order_relaxed))
    atomic_store_explicit(&c->tcp_max_concurrent, now_open, memory_order_relaxed);
}

static void
stream_begin(struct stream *s)
{
  s->begun = true;
  s->opened_us = s->active_us = s->worker->now_us;
  stream_count_opened(s);
  connection_timer(&s->connection, stream_patience(s) < stream_life(s) ? stream_patience(s) : stream_life(s));
}

// A copy with its values behind.
static struct proxy_header *
stream_keep_header(const struct proxy_header *header)
{
  PERMIT("a client's connection");
  struct proxy_header *copy = malloc(sizeof *copy + header->values_size);
  if (copy == NULL)
    return NULL;
  *copy = *header;
  if (header->values_size > 0)
    memcpy(copy + 1, header->values, header->values_size);
  copy->values = (const uint8_t *)(copy + 1);
  return copy;
}

// ---- a PROXY header first ----

static void
stream_refuse_header(struct stream *s)
{
  count(s->worker, COUNTER_PROXY_PROTOCOL_INVALID);
  stream_end(s);
}

static enum message_use
stream_on_header(struct connection *c, const struct frame *frame)
{
  struct stream *s = (struct stream *)c;
  struct worker *w = s->worker;
  struct proxy_header header;
  if (proxy_header_parse(frame->message, frame->size, stream_settings(s)->proxy_maximum_size, &header) != PROXY_COMPLETE) {
    stream_refuse_header(s);
    return MESSAGE_PAUSE;
  }
  bool admitted = header.local || !stream_settings(s)->proxy_apply_acl ||
                  listener_walk(s->listener, w)->admit_stream(w, s->listener, &header.source);
  if (admitted && !header.local)
    s->proxy = stream_keep_header(&header);
  if (!admitted || (!header.local && s->proxy == NULL)) {
    stream_end(s);
    return MESSAGE_PAUSE;
  }
  connection_speak(c, &stream_events, &protocol_dns, 0);
  stream_begin(s);
  return MESSAGE_NEXT;
}

static void
stream_on_header_ended(struct connection *c, enum connection_end why)
{
  struct stream *s = (struct stream *)c;
  if (why == CONNECTION_BROKEN)
    stream_refuse_header(s);
  else
    stream_end(s);
}

static void
stream_on_header_late(struct connection *c)
{
  struct stream *s = (struct stream *)c;
  counter_add(&stream_counters(s)->tcp_client_timeouts, 1);
  stream_end(s);
}

static const struct connection_events header_events = {
    .message = stream_on_header, .timer = stream_on_header_late, .ended = stream_on_header_ended, .gone = stream_on_gone};

static void
stream_await_header(struct stream *s)
{
  const struct settings *settings = stream_settings(s);
  connection_speak(&s->connection, &header_events, &protocol_proxy_header, settings->proxy_maximum_size);
  // However slowly it comes.
  if (settings->tcp_recv_timeout_s > 0)
    connection_timer(&s->connection, settings->tcp_recv_timeout_s * (uint64_t)SECOND_US);
}

// ---- accepting ----

// What the client connected to: a wildcard socket has to ask.
static void
stream_read_destination(struct stream *s, int fd)
{
  socklen_t size = sizeof s->destination;
  s->destination = s->listener->address;
  if (address_is_any(&s->destination) && getsockname(fd, &s->destination.sa, &size) != 0)
    s->destination = s->listener->address;
}

// Takes the socket over. False: no memory.
static bool
stream_open(struct stream_listener *sl, int fd, const struct address *peer, bool restricted, bool header)
{
  struct worker *w = sl->worker;
  struct stream *s = calloc(1, sizeof *s);
  if (s == NULL)
    return false;
  s->worker = w;
  s->listener = object_ref(sl->listener);
  s->peer = *peer;
  s->restricted = restricted;
  s->answer_size = ANSWER_USUAL;
  s->set = w->streams;
  s->link = &s->set->streams;
  s->next = s->set->streams;
  if (s->next != NULL)
    s->next->link = &s->next;
  s->set->streams = s;
  stream_read_destination(s, fd);
  connection_init(&s->connection);
  connection_open(&s->connection, w->connections, &stream_events, &protocol_dns, fd);
  if (header)
    stream_await_header(s);
  else
    stream_begin(s);
  connection_read_now(&s->connection);
  return true;
}

// The socket is taken over, whatever comes of it.
static void
stream_take_connection(struct stream_listener *sl, int fd, const struct address *peer)
{
  PERMIT("a client's connection");
  struct worker *w = sl->worker;
  struct listener *l = sl->listener;
  uint32_t used;
  bool room = stream_descriptor_take(w, &used);
  enum stream_verdict verdict = room ? stream_admit(sl, peer) : STREAM_REFUSED;
  const struct walk_hooks *walk = listener_walk(l, w);
  bool header = walk->expects_header != NULL && walk->expects_header(w, l, peer);
  bool restricted = verdict == STREAM_RESTRICTED || used > descriptors_most / 10 * 9;
  if (verdict != STREAM_REFUSED && stream_open(sl, fd, peer, restricted, header))
    return;
  counter_add(&l->counters[w->id]->tcp_refused, 1);
  if (verdict != STREAM_REFUSED)
    stream_left(w, l, peer);
  if (room)
    stream_descriptor_back();
  close(fd);
}

// Without descriptors or memory the waiting connection stays readable: a pause keeps the loop from spinning on it.
static void
stream_accept_later(struct stream_listener *sl)
{
  struct timeval tv = {.tv_usec = RETRY_MS * 1000};
  event_del(sl->event);
  event_add(sl->retry, &tv);
  counter_add(&sl->worker->counters.drop[DROP_DESCRIPTORS], 1);
  stream_descriptor_told();
}

static bool
stream_accept_one(struct stream_listener *sl, int listening)
{
  struct address peer;
  socklen_t size = sizeof peer;
  int fd = accept4(listening, &peer.sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    stream_take_connection(sl, fd, &peer);
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    stream_accept_later(sl);
    return false;
  }
  // Others are of the one connection (ECONNABORTED and network errors): the next may be well.
  return errno != EAGAIN && errno != EBADF && errno != EINVAL;
}

// The budget grows while it is used up and shrinks when it is not, so that a lone connection costs a lone accept.
static void
stream_on_connection(evutil_socket_t fd, short what, void *arg)
{
  (void)what;
  struct stream_listener *sl = arg;
  worker_begin(sl->worker);
  unsigned n = 0;
  while (n < sl->budget && stream_accept_one(sl, fd))
    n++;
  if (n == sl->budget)
    sl->budget = sl->budget * 2 > ACCEPT_MAX ? ACCEPT_MAX : sl->budget * 2;
  else
    sl->budget = n > 0 ? n : 1;
  worker_end(sl->worker);
}

static void
stream_on_retry(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct stream_listener *sl = arg;
  if (event_add(sl->event, NULL) != 0)
    stream_accept_later(sl);
}

// ---- a worker's set ----

bool
stream_start(struct worker *w, struct listener *listener)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, stream_descriptors_limit);
  if (w->streams == NULL) {
    w->streams = memory_new(sizeof *w->streams);
    worker_connections_open(w);
  }
  int fd = listener->sockets[w->id];
  struct stream_listener *sl = memory_new(sizeof *sl);
  sl->worker = w;
  sl->listener = object_ref(listener);
  sl->budget = 1;
  sl->next = w->streams->listeners;
  w->streams->listeners = sl;
  sl->event = event_new(w->base, fd, EV_READ | EV_PERSIST, stream_on_connection, sl);
  sl->retry = evtimer_new(w->base, stream_on_retry, sl);
  return sl->event != NULL && sl->retry != NULL && event_add(sl->event, NULL) == 0;
}

// Gives up its socket.
static void
stream_listener_free(struct stream_listener *sl)
{
  struct stream_listener **at = &sl->worker->streams->listeners;
  while (*at != sl)
    at = &(*at)->next;
  *at = sl->next;
  event_free(sl->event);
  event_free(sl->retry);
  listener_left(sl->worker, sl->listener);
  free(sl);
}

static void
stream_finish_or_end(struct stream *s)
{
  if (s->begun)
    stream_finish(s);
  else
    stream_end(s);
}

void
stream_stop(struct worker *w, struct listener *listener)
{
  struct stream_listener *sl = w->streams == NULL ? NULL : w->streams->listeners;
  while (sl != NULL && sl->listener != listener)
    sl = sl->next;
  if (sl == NULL)
    return;
  for (struct stream *s = w->streams->streams, *next; s != NULL; s = next) {
    next = s->next;
    if (s->listener == listener)
      stream_finish_or_end(s);
  }
  stream_listener_free(sl);
}

void
stream_drain(struct worker *w)
{
  struct stream_set *set = w->streams;
  if (set == NULL)
    return;
  for (struct stream_listener *sl = set->listeners; sl != NULL; sl = sl->next) {
    if (sl->listener->walk != NULL)
      continue;
    event_del(sl->event);
    event_del(sl->retry);
  }
  for (struct stream *s = set->streams, *next; s != NULL; s = next) {
    next = s->next;
    if (s->listener->walk == NULL || !s->begun)
      stream_finish_or_end(s);
  }
}

bool
streams_drained(const struct worker *w)
{
  for (const struct stream *s = w->streams == NULL ? NULL : w->streams->streams; s != NULL; s = s->next)
    if (s->listener->walk == NULL)
      return false;
  return w->connections == NULL || connection_set_unfinished(w->connections) == 0;
}

void
stream_close(struct worker *w)
{
  struct stream_set *set = w->streams;
  if (set == NULL)
    return;
  connection_set_flush(w->connections); // answers that are queued
  while (set->streams != NULL)
    stream_end(set->streams);
  worker_connections_close(w);
  while (set->listeners != NULL)
    stream_listener_free(set->listeners);
  free(set);
  w->streams = NULL;
}
