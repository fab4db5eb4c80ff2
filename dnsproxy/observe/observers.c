// SPDX-License-Identifier: BSD-2-Clause
// The observers that are always there. Counters that a room decides about (which chain, which verdict) stay in the room.
#include "dnsproxy/observe/observers.h"

#include "dnsproxy/config/configuration.h"
#include "dnsproxy/guard/rings.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/observe/latency.h"
#include "dnsproxy/observe/verbose.h"
#include "dnsproxy/backends/backend.h"
#include "dnsproxy/wire/codes.h"

// ---- counters ----

static struct listener_counters *
observers_counters_at(const struct query *q)
{
  return q->arrival.listener->counters[q->worker->id];
}

static void
observers_counters_arrived(const struct observer *o, const struct query *q)
{
  (void)o;
  count(q->worker, COUNTER_QUERIES);
  counter_add(&observers_counters_at(q)->queries, 1);
}

static void
observers_counters_answered(const struct observer *o, const struct query *q)
{
  (void)o;
  switch (message_rcode(q->packet.data)) {
  case RCODE_NOERROR:
    count(q->worker, COUNTER_FRONTEND_NOERROR);
    break;
  case RCODE_NXDOMAIN:
    count(q->worker, COUNTER_FRONTEND_NXDOMAIN);
    break;
  case RCODE_SERVFAIL:
    count(q->worker, COUNTER_FRONTEND_SERVFAIL);
    break;
  }
  counter_add(&observers_counters_at(q)->responses, 1);
}

// The dialect's counter that goes with a drop reason, beside the reason's own.
static void
observers_counters_dropped(const struct observer *o, const struct query *q)
{
  (void)o;
  struct worker *w = q->worker;
  counter_add(&w->counters.drop[q->drop], 1);
  switch ((enum drop)q->drop) {
  case DROP_ACL:
    count(w, COUNTER_ACL_DROPS);
    break;
  case DROP_NOT_A_QUERY:
  case DROP_MALFORMED:
    count(w, COUNTER_NONCOMPLIANT_QUERIES);
    counter_add(&observers_counters_at(q)->noncompliant, 1);
    break;
  case DROP_RULE:
    count(w, COUNTER_RULE_DROP);
    break;
  case DROP_TIMEOUT:
  case DROP_SLOT_REUSED:
    count(w, COUNTER_DOWNSTREAM_TIMEOUTS);
    break;
  default:
    break;
  }
}

static const struct observer counters_observer = {
    .name = "counters",
    .told = {[EVENT_ARRIVED] = observers_counters_arrived,
             [EVENT_ANSWERED] = observers_counters_answered,
             [EVENT_DROPPED] = observers_counters_dropped},
};

// ---- rings: for inspection ----

static const struct transport *
observers_way_to_backend(const struct query *q)
{
  return backend_way(q->backend, q->over_tcp)->transport;
}

static void
observers_rings_seen(const struct observer *o, const struct query *q)
{
  (void)o;
  rings_record_query(q);
}

// Not the messages of a zone transfer, nor what had no question.
static void
observers_rings_answered(const struct observer *o, const struct query *q)
{
  (void)o;
  uint64_t us = q->worker->now_us - q->received_us;
  if (q->qname.size == 0)
    return;
  if (q->self_answered || q->from_cache)
    rings_record_answer(q, NULL, q->arrival.transport, 0);
  else if (!q->is_xfr || !q->over_tcp)
    rings_record_answer(q, &q->backend->options.address, observers_way_to_backend(q),
                        us < RING_TIMED_OUT ? (uint32_t)us : RING_TIMED_OUT - 1);
}

static void
observers_rings_timed_out(const struct observer *o, const struct query *q)
{
  (void)o;
  rings_record_timeout(q, &q->backend->options.address, observers_way_to_backend(q));
}

static const struct observer rings_observer = {
    .name = "rings",
    .told = {[EVENT_SEEN] = observers_rings_seen,
             [EVENT_ANSWERED] = observers_rings_answered,
             [EVENT_TIMED_OUT] = observers_rings_timed_out},
};

static void
observers_add(struct configuration *c)
{
  (void)c; // held
  configuration_observe(&counters_observer);
  configuration_observe(&latency_observer);
  configuration_observe(&rings_observer);
  configuration_observe(&verbose_observer);
}

const struct configuration_part observers_part = {.open = observers_add};
