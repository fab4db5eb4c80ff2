// SPDX-License-Identifier: BSD-2-Clause
// What a connection to a backend waits for, and for how long.
#include "dnsproxy/upstream/upstream_connection_private.h"

enum { SECOND_US = 1000000 };

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
  if (c->exclusive) // nobody else is answered there, and a transfer may take long: silence alone counts
    return least;
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
    upstream_connection_fail(c, q, DROP_TIMEOUT);
  }
  return least;
}

enum waiting { WAITING_CONNECT, WAITING_WRITE, WAITING_READ, WAITING_NOTHING };

static enum waiting
waiting_for(const struct upstream_connection *c)
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
time_left(const struct upstream_connection *c)
{
  const struct backend_options *o = options_of(c);
  uint64_t now = c->peer->worker->now_us;
  switch (waiting_for(c)) {
  case WAITING_CONNECT:
    return until(now, c->opened_us, o->tcp_connect_timeout_s);
  case WAITING_WRITE:
    return until(now, c->connection.progress_us, o->tcp_send_timeout_s);
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
  if (c->connection.state != CONNECTION_CONNECTING)
    left = shorter(left, shorter(until(0, 0, o->tcp_recv_timeout_s), until(0, 0, o->tcp_send_timeout_s)));
  c->armed = true;
  connection_timer(&c->connection, left);
}

void
upstream_connection_arm(struct upstream_connection *c)
{
  arm_timer_within(c, UINT32_MAX);
}

void
upstream_connection_on_timer(struct connection *ch)
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
