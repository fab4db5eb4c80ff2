// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of UDP towards backends: sockets that break or are made anew while queries wait to be sent.
#include "dnsproxy/upstream/upstream_datagram.h"
#include "dnsproxy/config/snapshot.h"
#include "tests/dns_responder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
// cmocka wants the ones above first.
#include <cmocka.h>

enum { SOCKETS = 2, PATIENCE_S = 5 };

static struct worker *w;
static struct lease lease;
static struct settings settings;
static struct responder responder;
static struct backend *backend;
static uint8_t packets[SOCKETS * UPSTREAM_BATCH + 1][64];
static unsigned answers, failures, last_failure;

static void
on_answer(struct query *q)
{
  answers++;
  query_free(&q);
}

static void
on_failed(struct query *q, unsigned why)
{
  failures++;
  last_failure = why;
  query_free(&q);
}

static const struct walk_hooks hooks = {.answer = on_answer, .failed = on_failed};

static int
open_all(void **state)
{
  (void)state;
  struct backend_options o;
  answers = failures = last_failure = 0;
  settings_default(&settings);
  lease = (struct lease){.settings = &settings};
  responder_open(&responder, RESPOND_NOERROR);
  w = worker_new(&hooks);
  w->base = event_base_new();
  w->lease = &lease;
  w->end = upstream_flush;
  upstream_open(w);
  backend_options_default(&o);
  o.sockets = SOCKETS;
  assert_true(address_parse(&o.address, "127.0.0.1", responder.port, &(struct fault)FAULT_INIT));
  backend = backend_new(&o);
  return 0;
}

static int
close_all(void **state)
{
  (void)state;
  upstream_close(w);
  assert_int_equal(lease.queries, 0);
  assert_int_equal(atomic_load(&w->parked), 0);
  assert_int_equal(backend_outstanding(backend), 0);
  event_base_free(w->base);
  w->lease = NULL;
  worker_free(&w);
  object_unref(&backend);
  responder_close(&responder);
  return 0;
}

// A query for "a." in memory of its own, so that a flush may come at any time.
static void
ask(unsigned n)
{
  static const uint8_t bytes[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
  struct query *q = query_new(w);
  memcpy(packets[n], bytes, sizeof bytes);
  q->lease = lease_begin(w);
  q->packet = (struct wire_buffer){.data = packets[n], .size = sizeof bytes, .capacity = sizeof packets[n]};
  assert_true(query_reparse(q));
  assert_true(upstream_datagram_send(q, backend));
}

static void
run_until_ended(unsigned count)
{
  event_base_loopexit(w->base, &(struct timeval){.tv_sec = PATIENCE_S});
  while (answers + failures < count && !event_base_got_exit(w->base))
    event_base_loop(w->base, EVLOOP_ONCE);
  assert_int_equal(answers + failures, count);
}

static void
flush(void)
{
  worker_begin(w);
  worker_end(w);
}

static void
test_exchange(void **state)
{
  (void)state;
  ask(0);
  ask(1);
  assert_int_equal(backend_outstanding(backend), 2);
  flush();
  run_until_ended(2);
  assert_int_equal(answers, 2);
}

// One socket breaks with queries queued on both: its own query is lost and counted, the other's goes out on a new socket.
static void
test_broken_socket(void **state)
{
  (void)state;
  ask(0);
  ask(1);
  struct upstream *u = backend->upstream[w->id];
  unsigned first = u->sockets[0].is_pending && w->upstreams->pending == &u->sockets[0] ? 0 : 1;
  event_del(u->sockets[first].event);
  close(u->sockets[first].fd);
  flush();
  assert_int_equal(failures, 1);
  assert_int_equal(last_failure, DROP_SEND_ERROR);
  run_until_ended(2);
  assert_int_equal(answers, 1);
}

// The queue of a broken socket is full: the query that comes on top of it is not lost with it.
static void
test_full_queue_on_broken_socket(void **state)
{
  (void)state;
  for (unsigned i = 0; i < SOCKETS * UPSTREAM_BATCH; i++)
    ask(i);
  struct upstream *u = backend->upstream[w->id];
  struct upstream_socket *s = &u->sockets[u->turn % SOCKETS];
  assert_int_equal(s->pending_count, UPSTREAM_BATCH);
  event_del(s->event);
  close(s->fd);
  ask(SOCKETS * UPSTREAM_BATCH);
  flush();
  assert_int_equal(failures, UPSTREAM_BATCH);
  run_until_ended(SOCKETS * UPSTREAM_BATCH + 1);
  assert_int_equal(answers, (SOCKETS - 1) * UPSTREAM_BATCH + 1);
}

// reconnectOnUp: what is queued leaves over the old sockets first.
static void
test_generation(void **state)
{
  (void)state;
  ask(0);
  atomic_fetch_add(&backend->generation, 1);
  ask(1);
  flush();
  assert_int_equal(failures, 0);
  for (unsigned i = 0; i < 10000 && responder.udp_queries < 2; i++)
    usleep(500);
  assert_int_equal(responder.udp_queries, 2);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_exchange, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_broken_socket, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_full_queue_on_broken_socket, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_generation, open_all, close_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
