// SPDX-License-Identifier: BSD-2-Clause
// TCP towards backends, on a worker's real loop: reuse, pipelining, order, broken connections, time-outs.
#include "dnsproxy/upstream/upstream_connection.h"
#include "dnsproxy/upstream/upstream_stream.h"
#include "tests/stream_world.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct backend_counters *
counters(void)
{
  return world.backend->counters[0];
}

static int
setup(void **state)
{
  (void)state;
  world_open();
  return 0;
}

static int
teardown(void **state)
{
  (void)state;
  world_close();
  return 0;
}

struct asked {
  uint8_t message[512];
  size_t size;
};

static bool
backend_reads(int fd, struct asked *asked)
{
  return world_backend_read(fd, asked->message, &asked->size) >= 0;
}

static void
backend_answers(int fd, const struct asked *asked)
{
  world_backend_answer(fd, asked->message, asked->size);
}

static bool
nobody_connects(void)
{
  world_run(30);
  int fd = accept4(world.backend_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0)
    close(fd);
  return fd < 0;
}

static void
reuses_an_idle_connection(void **state)
{
  (void)state;
  struct asked asked;
  world_start();
  int client = world_connect(), backend = -1;
  for (uint16_t i = 0; i < 3; i++) {
    world_ask(client, 100 + i, "fwd");
    if (backend < 0)
      backend = world_accept();
    assert_true(backend_reads(backend, &asked));
    assert_int_equal(counters()->outstanding, 1);
    backend_answers(backend, &asked);
    assert_int_equal(world_read_answer(client), 100 + i);
  }
  assert_int_equal(counters()->queries, 3);
  assert_int_equal(counters()->responses, 3);
  assert_int_equal(counters()->tcp_new_connections, 1);
  assert_int_equal(counters()->tcp_reused_connections, 2);
  assert_int_equal(counters()->outstanding, 0);
  assert_true(counters()->tcp_latency_us > 0);
  close(client), close(backend);
}

static void
one_in_flight_takes_a_connection_each(void **state)
{
  (void)state;
  struct asked a, b;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  world_ask(client, 2, "fwd");
  int first = world_accept(), second = world_accept();
  assert_true(backend_reads(first, &a) && backend_reads(second, &b));
  backend_answers(second, &b);
  int answered = world_read_answer(client);
  backend_answers(first, &a);
  assert_int_equal(answered + world_read_answer(client), 3);
  assert_int_equal(counters()->tcp_current, 2);
  assert_int_equal(counters()->tcp_max_concurrent, 2);
  close(client), close(first), close(second);
}

static void
pipelines_and_takes_answers_in_any_order(void **state)
{
  (void)state;
  enum { MANY = 20 };
  struct asked asked[MANY];
  world.options.max_in_flight = 50;
  world_start();
  int client = world_connect();
  for (uint16_t i = 0; i < MANY; i++)
    world_ask(client, i, "fwd");
  int backend = world_accept();
  for (int i = 0; i < MANY; i++)
    assert_true(backend_reads(backend, &asked[i]));
  assert_true(nobody_connects());
  for (int i = MANY - 1; i >= 0; i--) {
    backend_answers(backend, &asked[i]);
    assert_int_equal(world_read_answer(client), i);
  }
  close(client), close(backend);
}

// Ids towards the backend are ours: two clients may use the same one.
static void
clients_with_equal_ids_do_not_meet(void **state)
{
  (void)state;
  struct asked a, b;
  world.options.max_in_flight = 10;
  world_start();
  int one = world_connect(), two = world_connect();
  world_ask(one, 7, "fwd-one");
  int backend = world_accept();
  assert_true(backend_reads(backend, &a));
  world_ask(two, 7, "fwd-two");
  assert_true(backend_reads(backend, &b));
  assert_int_not_equal(message_id(a.message), message_id(b.message));
  backend_answers(backend, &b);
  assert_int_equal(world_read_answer(two), 7);
  assert_false(world.answers != 1);
  backend_answers(backend, &a);
  assert_int_equal(world_read_answer(one), 7);
  close(one), close(two), close(backend);
}

static void
backend_that_closes_in_mid_answer_is_asked_again(void **state)
{
  (void)state;
  struct asked a, b;
  world.options.max_in_flight = 10;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  world_ask(client, 2, "fwd-other");
  int backend = world_accept();
  assert_true(backend_reads(backend, &a) && backend_reads(backend, &b));
  world_send(backend, "\0\50half", 6);
  world_run(10);
  close(backend);
  backend = world_accept();
  assert_true(backend_reads(backend, &a) && backend_reads(backend, &b));
  backend_answers(backend, &b);
  backend_answers(backend, &a);
  assert_int_equal(world_read_answer(client) + world_read_answer(client), 3);
  assert_int_equal(counters()->tcp_died_reading, 1);
  assert_int_equal(counters()->tcp_gave_up, 0);
  assert_int_equal(world.failures, 0);
  close(client), close(backend);
}

static void
gives_up_after_the_retries(void **state)
{
  (void)state;
  struct asked asked;
  world.options.retries = 3;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  for (int i = 0; i < 3; i++) { // the first is one of them
    int backend = world_accept();
    assert_true(backend_reads(backend, &asked));
    close(backend);
  }
  assert_int_equal(world_read_answer(client), -1);
  assert_true(nobody_connects());
  assert_int_equal(world.last_failure, DROP_BACKEND_LOST);
  assert_int_equal(counters()->tcp_gave_up, 1);
  assert_int_equal(atomic_load(&world.listener->counters[0]->tcp_gave_up), 1);
  close(client);
}

// A connection that had served and is closed by a tired backend costs no retry.
static void
failures_of_reused_connections_are_free(void **state)
{
  (void)state;
  struct asked asked;
  world.options.retries = 0;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  backend_answers(backend, &asked);
  assert_int_equal(world_read_answer(client), 1);
  world_ask(client, 2, "fwd");
  assert_true(backend_reads(backend, &asked));
  close(backend);
  backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  backend_answers(backend, &asked);
  assert_int_equal(world_read_answer(client), 2);
  close(client), close(backend);
}

static void
refused_connections_fail_at_once(void **state)
{
  (void)state;
  world.options.retries = 2;
  world_start();
  close(world.backend_fd);
  int client = world_connect();
  world_ask(client, 1, "fwd");
  assert_int_equal(world_read_answer(client), -1);
  assert_int_equal(counters()->tcp_gave_up, 1);
  assert_int_equal(counters()->tcp_new_connections, 2);
  close(client);
  world.backend_fd = dup(0);
}

static void
silent_backend_times_out(void **state)
{
  (void)state;
  struct asked asked;
  world.options.tcp_recv_timeout_s = 1;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  assert_int_equal(world_read_answer(client), -1);
  assert_int_equal(world.last_failure, DROP_TIMEOUT);
  assert_int_equal(counters()->tcp_read_timeouts, 1);
  assert_int_equal(counters()->tcp_current, 0);
  assert_true(nobody_connects()); // time-outs are not retried
  close(client), close(backend);
}

static bool
one_failed(void)
{
  return world.failures == 1;
}

// One query is forgotten by a backend that goes on answering others: only it fails, and its late answer harms nobody.
static void
forgotten_query_fails_alone(void **state)
{
  (void)state;
  struct asked lost, asked;
  world.options.tcp_recv_timeout_s = 1;
  world.options.max_in_flight = 10;
  world_start();
  int forgotten = world_connect(), client = world_connect();
  world_ask(forgotten, 1, "fwd-lost");
  int backend = world_accept();
  assert_true(backend_reads(backend, &lost));
  for (uint16_t i = 0; i < 4; i++) {
    world_ask(client, i, "fwd");
    assert_true(backend_reads(backend, &asked));
    // Well before the second is over on a busy machine too; the last one is still young when it is over.
    if (i < 3) {
      world_run(150);
      assert_int_equal(world.failures, 0);
    } else {
      assert_true(world_run_until(one_failed));
      backend_answers(backend, &lost);
    }
    backend_answers(backend, &asked);
    assert_int_equal(world_read_answer(client), i);
  }
  assert_int_equal(world.last_failure, DROP_TIMEOUT);
  assert_int_equal(world.answers, 4);
  assert_int_equal(counters()->tcp_current, 1);
  assert_true(world_ended(forgotten));
  close(forgotten), close(client), close(backend);
}

static void
unconnectable_backend_times_out(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  // A listening socket with a full queue: the kernel lets further connections wait.
  int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct address any_port;
  socklen_t size = sizeof any_port;
  assert_true(address_parse(&any_port, "127.0.0.1", 0, &fault));
  assert_int_equal(bind(full, &any_port.sa, address_size(&any_port)), 0);
  assert_int_equal(listen(full, 0), 0);
  assert_int_equal(getsockname(full, &any_port.sa, &size), 0);
  int fillers[4];
  for (int i = 0; i < 4; i++) {
    fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connect(fillers[i], &any_port.sa, address_size(&any_port));
  }
  world.options.address = any_port;
  world.options.tcp_connect_timeout_s = 1;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  assert_int_equal(world_read_answer(client), -1);
  assert_int_equal(counters()->tcp_connect_timeouts, 1);
  assert_int_equal(world.last_failure, DROP_TIMEOUT);
  for (int i = 0; i < 4; i++)
    close(fillers[i]);
  close(full), close(client);
}

static void
unknown_id_fails_all_on_the_connection(void **state)
{
  (void)state;
  struct asked a, b;
  world.options.max_in_flight = 10;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  world_ask(client, 2, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &a) && backend_reads(backend, &b));
  a.message[0] ^= 0x55;
  backend_answers(backend, &a);
  assert_int_equal(world_read_answer(client), -1);
  assert_int_equal(world.failures, 2);
  assert_int_equal(world_count(COUNTER_NONCOMPLIANT_RESPONSES), 1);
  assert_true(world_ended(backend));
  close(client), close(backend);
}

// Right id, wrong question: not an answer to what was asked.
static void
answer_to_another_question_is_refused(void **state)
{
  (void)state;
  struct asked asked;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  asked.message[HEADER_SIZE + 1] = 'x';
  backend_answers(backend, &asked);
  assert_int_equal(world_read_answer(client), -1);
  assert_int_equal(world.answers, 0);
  close(client), close(backend);
}

static void
limits_connections(void **state)
{
  (void)state;
  struct asked asked;
  world.options.max_connections = 1;
  world_start();
  int one = world_connect(), two = world_connect();
  world_ask(one, 1, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  world_ask(two, 2, "fwd");
  assert_int_equal(world_read_answer(two), -1);
  assert_int_equal(counters()->tcp_too_many, 1);
  assert_int_equal(counters()->queries, 1);
  backend_answers(backend, &asked);
  assert_int_equal(world_read_answer(one), 1);
  close(one), close(two), close(backend);
}

static void
keeps_few_idle_connections_and_not_for_long(void **state)
{
  (void)state;
  struct asked asked[3];
  int backends[3];
  world.settings.tcp_max_idle_upstream = 2;
  world.options.max_in_flight = 1;
  world.settings.tcp_upstream_scan_s = 1;
  world.settings.tcp_upstream_idle_s = 2;
  world_start();
  int client = world_connect();
  for (uint16_t i = 0; i < 3; i++)
    world_ask(client, i, "fwd");
  for (int i = 0; i < 3; i++) {
    backends[i] = world_accept();
    assert_true(backend_reads(backends[i], &asked[i]));
  }
  for (int i = 0; i < 3; i++) {
    backend_answers(backends[i], &asked[i]);
    assert_true(world_read_answer(client) >= 0);
  }
  assert_int_equal(counters()->tcp_current, 3); // for a moment: a crowd comes back sooner
  world_run(1200);
  assert_true(world_ended(backends[0])); // the one that was idle longest
  assert_int_equal(counters()->tcp_current, 2);
  world_run(2200);
  assert_int_equal(counters()->tcp_current, 0);
  for (int i = 0; i < 3; i++)
    close(backends[i]);
  close(client);
}

static void
removed_backend_is_left_when_idle(void **state)
{
  (void)state;
  struct asked asked[2];
  world_start();
  int client = world_connect();
  world_ask(client, 0, "fwd");
  world_ask(client, 1, "fwd");
  int busy = world_accept(), idle = world_accept();
  assert_true(backend_reads(busy, &asked[0]) && backend_reads(idle, &asked[1]));
  backend_answers(idle, &asked[1]);
  assert_true(world_read_answer(client) >= 0);
  atomic_store(&world.backend->retired, true);
  worker_begin(world.worker);
  upstream_stream_retired(world.worker);
  worker_end(world.worker);
  assert_true(world_ended(idle));
  assert_int_equal(counters()->tcp_current, 1);
  backend_answers(busy, &asked[0]);
  assert_true(world_read_answer(client) >= 0);
  assert_true(world_ended(busy));
  assert_null(world.backend->streams[0]);
  assert_int_equal(object_refs(world.backend), 1);
  close(client), close(busy), close(idle);
}

static void
client_leaves_before_the_answer(void **state)
{
  (void)state;
  struct asked asked;
  struct linger now = {.l_onoff = 1};
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(client);
  world_run(20);
  backend_answers(backend, &asked);
  world_run(20);
  assert_int_equal(world_drops(DROP_CLIENT_GONE), 1);
  assert_int_equal(counters()->outstanding, 0);
  close(backend);
}

static void
large_answers_come_through(void **state)
{
  (void)state;
  enum { LARGE = 65535 };
  static uint8_t message[LARGE];
  struct asked asked;
  world_start();
  int client = world_connect();
  for (uint16_t i = 0; i < 2; i++) {
    world_ask(client, i, "fwd");
    int backend = world_accept();
    assert_true(backend_reads(backend, &asked));
    memcpy(message, asked.message, asked.size);
    world_backend_answer(backend, message, LARGE);
    assert_int_equal(world_read_answer(client), i);
    close(backend);
    world_run(10);
  }
  close(client);
}

static void
shutdown_drops_what_is_in_flight(void **state)
{
  (void)state;
  struct asked asked;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  worker_begin(world.worker);
  stream_drain(world.worker);
  upstream_close(world.worker);
  stream_close(world.worker);
  worker_end(world.worker);
  world.closed = true;
  assert_int_equal(world_drops(DROP_SHUTDOWN), 1);
  close(client), close(backend);
}

static void
fast_open_asks_as_well(void **state)
{
  (void)state;
  struct asked asked;
  world.options.tcp_fast_open = true;
  world_start();
  int client = world_connect();
  world_ask(client, 1, "fwd");
  int backend = world_accept();
  assert_true(backend_reads(backend, &asked));
  backend_answers(backend, &asked);
  assert_int_equal(world_read_answer(client), 1);
  close(client), close(backend);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      WITH_WORLD(reuses_an_idle_connection),
      WITH_WORLD(one_in_flight_takes_a_connection_each),
      WITH_WORLD(pipelines_and_takes_answers_in_any_order),
      WITH_WORLD(clients_with_equal_ids_do_not_meet),
      WITH_WORLD(backend_that_closes_in_mid_answer_is_asked_again),
      WITH_WORLD(gives_up_after_the_retries),
      WITH_WORLD(failures_of_reused_connections_are_free),
      WITH_WORLD(refused_connections_fail_at_once),
      WITH_WORLD(silent_backend_times_out),
      WITH_WORLD(forgotten_query_fails_alone),
      WITH_WORLD(unconnectable_backend_times_out),
      WITH_WORLD(unknown_id_fails_all_on_the_connection),
      WITH_WORLD(answer_to_another_question_is_refused),
      WITH_WORLD(limits_connections),
      WITH_WORLD(keeps_few_idle_connections_and_not_for_long),
      WITH_WORLD(removed_backend_is_left_when_idle),
      WITH_WORLD(client_leaves_before_the_answer),
      WITH_WORLD(large_answers_come_through),
      WITH_WORLD(shutdown_drops_what_is_in_flight),
      WITH_WORLD(fast_open_asks_as_well),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
