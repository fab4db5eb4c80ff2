// SPDX-License-Identifier: BSD-2-Clause
// The loop that walks, chains on the way, the ends of walks, and the hooks by which others begin and go on.
#include "dnsproxy/walk/path.h"

#include "dnsproxy/backends/health.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/guard/connections.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/observe/observers.h"
#include "dnsproxy/observe/verbose.h"
#include "dnsproxy/walk/rooms.h"

#include <assert.h>

const struct room_row room_rows[ROOM_COUNT] = {
#define ROOM(id, function, text, words) [ROOM_##id] = {.label = text, .help = words, .enter = function},
#include "dnsproxy/walk/rooms.def"
#undef ROOM
};

static void
path_end_dropped(struct query *q)
{
  tell(q, EVENT_DROPPED);
  q->arrival.route->dropped(q);
  query_free(&q);
}

void
path_drop(struct query *q, unsigned why)
{
  q->drop = (uint8_t)why;
  path_end_dropped(q);
}

enum verdict (*run_chain_dry)(const struct chain *, struct query *);

enum verdict
run_chain(struct query *q, enum chain_id id)
{
  const struct chain *chain = q->lease->snapshot->chains[id];
  if (q->rehearsal.dry)
    return run_chain_dry(chain, q);
  // Suspended in this room, it comes back to where its rule left it.
  if (q->resumed) {
    q->resumed = false;
    return VERDICT_STOP;
  }
  return chain->count == 0 ? VERDICT_NEXT : chain_run(chain, q);
}

static void
path_walk_until(struct query *q, enum room *room, enum room stop)
{
  while (*room < ROOM_COUNT && *room != stop) {
    q->room = (uint8_t)*room;
    *room = room_rows[*room].enter(q);
    if (*room < ROOM_COUNT) // it is still ours
      query_settle(q);
  }
}

void
path_walk(struct query *q, enum room room)
{
  assert(q->magic == QUERY_MAGIC);
  path_walk_until(q, &room, ROOM_COUNT);
  if (room == ROOM_DROP)
    path_end_dropped(q);
}

static void
path_begin_query(struct query *q)
{
  path_walk(q, ROOM_ADMIT);
}

// Up to the cache one by one, so that the cache lines of the whole batch are on their way before the first lookup.
static void
path_begin_queries(struct query **queries, unsigned n)
{
  unsigned waiting = 0;
  for (unsigned i = 0; i < n; i++) {
    struct query *q = queries[i];
    enum room room = ROOM_ADMIT;
    path_walk_until(q, &room, ROOM_CACHE_LOOKUP);
    if (room == ROOM_CACHE_LOOKUP)
      queries[waiting++] = q;
    else if (room == ROOM_DROP)
      path_end_dropped(q);
  }
  for (unsigned i = 0; i < waiting; i++) {
    packet_cache_prefetch_entry(queries[i]->cache, queries[i]->key.hash);
    if (queries[i]->subnet.zero_scope)
      packet_cache_prefetch_entry(queries[i]->cache, queries[i]->subnet.hash_for_all);
  }
  for (unsigned i = 0; i < waiting; i++)
    path_walk(queries[i], ROOM_CACHE_LOOKUP);
}

static void
path_answer(struct query *q)
{
  path_walk(q, ROOM_CHECK_ANSWER);
}

static void
path_failed(struct query *q, unsigned why)
{
  q->drop = (uint8_t)why;
  if (why == DROP_SEND_ERROR)
    count(q->worker, COUNTER_DOWNSTREAM_SEND_ERRORS);
  if (why != DROP_TIMEOUT && why != DROP_BACKEND_LOST && why != DROP_RECEIVE_OVERFLOW) {
    path_end_dropped(q);
    return;
  }
  // The backend left it unanswered, or its answer was lost here, which is not its fault.
  if (why != DROP_RECEIVE_OVERFLOW && atomic_load_explicit(&q->backend->mode, memory_order_relaxed) == HEALTH_LAZY)
    health_result(q->backend, true, 0);
  if (walk_send_elsewhere(q))
    return;
  if (why != DROP_BACKEND_LOST)
    tell(q, EVENT_TIMED_OUT);
  q->drop = (uint8_t)why;
  path_walk(q, ROOM_TIMEOUT_RULES);
}

static bool
path_admit_stream(struct worker *w, struct listener *listener, const struct address *peer)
{
  (void)listener;
  // As worker_begin() does it, so that a configuration that came since the batch began is not half taken.
  if (w->begin != NULL)
    w->begin(w);
  if (netmask_set_match(w->lease->snapshot->acl, peer))
    return true;
  count(w, COUNTER_ACL_DROPS);
  counter_add(&w->counters.drop[DROP_ACL], 1);
  verbose_refused_stream(peer);
  return false;
}

bool
walk_expects_header(const struct snapshot *s, const struct listener *listener, const struct address *peer)
{
  return netmask_set_count(s->proxy_acl) > 0 && listener->proxy_protocol && netmask_set_match(s->proxy_acl, peer);
}

static bool
path_expects_header(struct worker *w, const struct listener *listener, const struct address *peer)
{
  return walk_expects_header(w->lease->snapshot, listener, peer);
}

const struct walk_hooks path_hooks = {
    .query = path_begin_query,
    .queries = path_begin_queries,
    .answer = path_answer,
    .failed = path_failed,
    .elsewhere = walk_has_elsewhere,
    .admit_stream = path_admit_stream,
    .expects_header = path_expects_header,
    .stream_guard = &connections_guard,
};
