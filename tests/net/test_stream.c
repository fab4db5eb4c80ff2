// SPDX-License-Identifier: BSD-2-Clause
// Client connections over TCP, on a worker's real loop: input, order, limits, and every way to end.
#include "dnsproxy/net/input.h"
#include "tests/stream_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct listener_counters *
counters(void)
{
  return world.listener->counters[0];
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

static void
reply_held(unsigned i)
{
  struct query *q = world.held[i];
  worker_begin(world.worker);
  q->packet.data[2] |= FLAG2_QR;
  count(world.worker, COUNTER_ANSWERS_SENT);
  q->arrival.route->reply(q);
  worker_end(world.worker);
}

static bool
two_held(void)
{
  return world.held_count == 2;
}

static bool
one_held(void)
{
  return world.held_count == 1;
}

static void
answers_a_query_in_single_bytes(void **state)
{
  (void)state;
  uint8_t message[WORLD_MESSAGE];
  size_t size = world_query(message, 4711, "www");
  world_start();
  int fd = world_connect();
  for (size_t i = 0; i < size; i++) {
    world_send(fd, message + i, 1);
    world_run(2);
  }
  assert_int_equal(world_read_answer(fd), 4711);
  assert_int_equal(counters()->tcp_queries, 1);
  assert_int_equal(counters()->tcp_connections, 1);
  close(fd);
}

static void
answers_many_queries_of_one_segment(void **state)
{
  (void)state;
  static uint8_t bytes[300 * WORLD_MESSAGE];
  size_t size = 0;
  world.listener->max_in_flight = 0; // one at a time is no hindrance when answers are at hand
  world_start();
  for (uint16_t i = 0; i < 300; i++)
    size += world_query(bytes + size, i, "www");
  int fd = world_connect();
  world_send(fd, bytes, size);
  for (int i = 0; i < 300; i++)
    assert_int_equal(world_read_answer(fd), i);
  assert_true(counters()->tcp_read_ios < 10);
  close(fd);
}

static void
answers_out_of_order(void **state)
{
  (void)state;
  world_start();
  int fd = world_connect();
  world_ask(fd, 1, "hold");
  world_ask(fd, 2, "hold");
  world_ask(fd, 3, "www");
  assert_true(world_run_until(two_held));
  assert_int_equal(world_read_answer(fd), 3);
  reply_held(1);
  assert_int_equal(world_read_answer(fd), 2);
  reply_held(0);
  assert_int_equal(world_read_answer(fd), 1);
  close(fd);
}

static void
takes_no_more_than_may_be_in_flight(void **state)
{
  (void)state;
  world.listener->max_in_flight = 1;
  world_start();
  int fd = world_connect();
  world_ask(fd, 1, "hold");
  world_ask(fd, 2, "www");
  assert_true(world_run_until(one_held));
  world_ask(fd, 3, "www");
  world_run(50);
  assert_int_equal(world.queries, 1);
  reply_held(0);
  assert_int_equal(world_read_answer(fd), 1);
  assert_int_equal(world_read_answer(fd), 2);
  assert_int_equal(world_read_answer(fd), 3);
  close(fd);
}

static void
reset_by_client_drops_its_answers(void **state)
{
  (void)state;
  struct linger now = {.l_onoff = 1};
  world_start();
  int fd = world_connect();
  world_ask(fd, 1, "hold");
  assert_true(world_run_until(one_held));
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
  world_run(30);
  assert_int_equal(counters()->tcp_current, 0);
  reply_held(0);
  assert_int_equal(world_drops(DROP_CLIENT_GONE), 1);
  assert_int_equal(world_count(COUNTER_ANSWERS_SENT), 0);
}

static void
half_closed_client_gets_its_answers(void **state)
{
  (void)state;
  world_start();
  int fd = world_connect();
  world_ask(fd, 1, "hold");
  world_ask(fd, 2, "www");
  shutdown(fd, SHUT_WR);
  assert_true(world_run_until(one_held));
  assert_int_equal(world_read_answer(fd), 2);
  reply_held(0);
  assert_int_equal(world_read_answer(fd), 1);
  assert_true(world_ended(fd));
  close(fd);
}

static void
drop_leaves_its_siblings_alone(void **state)
{
  (void)state;
  uint8_t bytes[3 * WORLD_MESSAGE];
  size_t size = world_query(bytes, 1, "www");
  size += world_query(bytes + size, 2, "drop");
  size += world_query(bytes + size, 3, "www");
  world_start();
  int fd = world_connect();
  world_send(fd, bytes, size);
  assert_int_equal(world_read_answer(fd), 1);
  assert_int_equal(world_read_answer(fd), 3);
  assert_int_equal(world_read_answer(fd), -1);
  assert_int_equal(world.queries, 3);
  close(fd);
}

static void
too_short_message_closes(void **state)
{
  (void)state;
  world_start();
  int fd = world_connect();
  world_send(fd, "\0\13short query", 13);
  assert_true(world_ended(fd));
  assert_int_equal(world_drops(DROP_TOO_SHORT), 1);
  assert_int_equal(counters()->noncompliant, 1);
  close(fd);
}

static void
idle_and_partial_clients_time_out(void **state)
{
  (void)state;
  world.settings.tcp_recv_timeout_s = 1;
  world_start();
  int idle = world_connect(), partial = world_connect(), waiting = world_connect();
  world_ask(idle, 1, "www");
  world_send(partial, "\0", 1);
  world_ask(waiting, 2, "hold");
  assert_int_equal(world_read_answer(idle), 1);
  world_run(1200);
  assert_true(world_ended(idle));
  assert_true(world_ended(partial));
  assert_int_equal(counters()->tcp_client_timeouts, 2);
  assert_int_equal(counters()->tcp_current, 1); // with a query in flight we are the ones who are waited for
  reply_held(0);
  assert_int_equal(world_read_answer(waiting), 2);
  close(idle), close(partial), close(waiting);
}

static void
limits_queries_and_life(void **state)
{
  (void)state;
  world.settings.tcp_max_queries = 2;
  world.settings.tcp_max_duration_s = 1;
  world_start();
  int fd = world_connect(), old = world_connect();
  world_ask(old, 1, "www");
  for (uint16_t i = 0; i < 5; i++)
    world_ask(fd, i, "www");
  for (int i = 0; i < 3; i++) // n + 1 are answered
    assert_int_equal(world_read_answer(fd), i);
  assert_int_equal(world_read_answer(fd), -1);
  assert_int_equal(world_read_answer(old), 1);
  world_run(500);
  world_ask(old, 2, "www"); // not idle
  assert_int_equal(world_read_answer(old), 2);
  assert_true(world_ended(old));
  close(fd), close(old);
}

static void
too_many_reads_ban_the_client(void **state)
{
  (void)state;
  uint8_t message[WORLD_MESSAGE];
  size_t size = world_query(message, 1, "www");
  world.settings.tcp_max_read_ios = 3;
  world.settings.ban_read_ios_s = 2; // whole seconds: between one and two
  world_start();
  int fd = world_connect();
  for (size_t i = 0; i < 4; i++) {
    send(fd, message + i, 1, MSG_NOSIGNAL);
    world_run(5);
  }
  assert_true(size > 4 && world_ended(fd));
  close(fd);
  fd = world_connect();
  world_ask(fd, 1, "www");
  assert_true(world_ended(fd));
  assert_int_equal(counters()->tcp_refused, 1);
  close(fd);
  world_run(2100);
  fd = world_connect();
  world_ask(fd, 2, "www");
  assert_int_equal(world_read_answer(fd), 2);
  close(fd);
}

static void
limits_connections(void **state)
{
  (void)state;
  world.listener->max_connections = 2;
  world_start();
  int a = world_connect(), b = world_connect(), c = world_connect();
  world_ask(a, 1, "www");
  assert_int_equal(world_read_answer(a), 1);
  world_ask(b, 2, "www");
  assert_int_equal(world_read_answer(b), 2);
  world_ask(c, 3, "www");
  assert_true(world_ended(c));
  assert_int_equal(counters()->tcp_max_concurrent, 2);
  // The last one is above 90 % of the limit: restricted to half a second of patience, the first is not.
  world_run(700);
  assert_true(world_ended(b));
  assert_int_equal(counters()->tcp_current, 1);
  world_ask(a, 4, "www");
  assert_int_equal(world_read_answer(a), 4);
  close(a), close(b), close(c);
}

// Sends until the kernel takes no more; returns the number of whole queries that it took.
static size_t
send_all_it_takes(int fd)
{
  enum { BLOCK = 500, TOO_MANY = 1000000 };
  static uint8_t bytes[BLOCK * WORLD_MESSAGE];
  size_t sent = 0;
  for (;;) {
    size_t size = 0;
    for (unsigned i = 0; i < BLOCK; i++)
      size += world_query(bytes + size, (uint16_t)(sent + i), "www");
    ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    sent += n > 0 ? (size_t)n / (size / BLOCK) : 0;
    if (n < (ssize_t)size || sent > TOO_MANY)
      return sent;
    world_run(2);
  }
}

static size_t
read_answers(int fd, size_t want)
{
  static uint8_t bytes[65536];
  struct input input = {.kept = NULL};
  input_speak(&input, &protocol_dns, 0);
  struct iovec parts[2];
  struct frame frame;
  size_t have = 0;
  for (int patience = 0; have < want && patience < 200;) {
    int n = input_space(&input, bytes, sizeof bytes, parts);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)n};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    input_received(&input, got > 0 ? (size_t)got : 0);
    while (input_next(&input, &frame))
      assert_int_equal(message_id(frame.message), (uint16_t)have++);
    assert_true(input_keep(&input));
    patience = got > 0 ? 0 : patience + 1;
    if (got <= 0)
      world_run(5);
  }
  input_fini(&input);
  return have;
}

// Answers that a client does not read pile up to a bound, then its queries stay in the kernel; all arrive in the end.
static void
client_that_does_not_read_is_not_read_from(void **state)
{
  (void)state;
  world.settings.tcp_send_timeout_s = 30;
  world_start();
  int fd = world_connect();
  size_t sent = send_all_it_takes(fd);
  world_run(50);
  unsigned before = world.queries;
  world_run(50);
  assert_int_equal(world.queries, before);
  assert_true(before < sent);
  assert_int_equal(read_answers(fd, sent), sent);
  close(fd);
}

static void
client_that_never_reads_times_out(void **state)
{
  (void)state;
  world.settings.tcp_send_timeout_s = 1;
  world_start();
  int fd = world_connect();
  send_all_it_takes(fd);
  world_run(1300);
  assert_int_equal(counters()->tcp_client_timeouts, 1);
  assert_int_equal(counters()->tcp_current, 0);
  close(fd);
}

static void
stop_ends_idle_ones_and_waits_for_others(void **state)
{
  (void)state;
  world_start();
  int idle = world_connect(), busy = world_connect();
  world_ask(idle, 1, "www");
  assert_int_equal(world_read_answer(idle), 1);
  world_ask(busy, 2, "hold");
  assert_true(world_run_until(one_held));
  stream_drain(world.worker);
  assert_true(world_ended(idle));
  assert_int_equal(counters()->tcp_current, 1);
  reply_held(0);
  assert_int_equal(world_read_answer(busy), 2);
  assert_true(world_ended(busy));
  close(idle), close(busy);
}

// On a running worker: the port is free again at once, and what was asked before is answered.
static void
listener_stops_and_starts_again(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  world_start();
  int fd = world_connect();
  world_ask(fd, 1, "hold");
  assert_true(world_run_until(one_held));
  listener_stop(world.listener);
  worker_run_posts(world.worker);
  assert_false(listener_is_served(world.listener));
  reply_held(0);
  assert_int_equal(world_read_answer(fd), 1);
  assert_true(world_ended(fd));
  close(fd);
  assert_true(listener_bind(world.listener, 1, NULL, &fault));
  listener_start(world.listener);
  worker_run_posts(world.worker);
  assert_true(listener_is_served(world.listener));
  fd = world_connect();
  world_ask(fd, 2, "www");
  assert_int_equal(world_read_answer(fd), 2);
  close(fd);
}

static void
send_datagrams_out(struct worker *w)
{
  datagram_flush(w);
}

static void
datagram_listener_stops_when_its_queries_have_ended(void **state)
{
  (void)state;
  uint8_t message[WORLD_MESSAGE];
  struct fault fault = FAULT_INIT;
  struct worker *w = world.worker;
  world_start();
  w->end = send_datagrams_out;
  struct listener *l = listener_new(&world.listener->address, &transport_udp);
  assert_true(listener_bind(l, 1, NULL, &fault));
  assert_true(listener_serve(w, l));
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  assert_int_equal(connect(fd, &l->address.sa, address_size(&l->address)), 0);
  size_t size = world_query(message, 7, "hold") - 2;
  assert_int_equal(send(fd, message + 2, size, 0), size);
  assert_true(world_run_until(one_held));
  assert_true(query_own_packet(world.held[0], message + 2, size, size));
  listener_stop(l);
  worker_run_posts(w);
  assert_true(listener_is_served(l)); // an answer is to come from its socket
  reply_held(0);
  assert_false(listener_is_served(l));
  assert_int_equal(recv(fd, message, sizeof message, MSG_DONTWAIT), size);
  assert_true(listener_bind(l, 1, NULL, &fault));
  listener_start(l);
  worker_run_posts(w);
  size = world_query(message, 8, "drop") - 2;
  assert_int_equal(send(fd, message + 2, size, 0), size);
  size = world_query(message, 9, "www") - 2;
  assert_int_equal(send(fd, message + 2, size, 0), size);
  world_run(20);
  assert_int_equal(recv(fd, message, sizeof message, MSG_DONTWAIT), size);
  assert_int_equal(message_id(message), 9);
  close(fd);
  listener_stop(l);
  worker_run_posts(w);
  assert_false(listener_is_served(l));
  datagram_close(w);
  w->end = NULL;
  assert_int_equal(object_refs(l), 1);
  object_unref(&l);
}

// The structure of a connection outlives everything but its queries.
static void
close_leaves_queries_a_connection_to_end_on(void **state)
{
  (void)state;
  world_start();
  int fd = world_connect();
  world_ask(fd, 1, "hold");
  assert_true(world_run_until(one_held));
  worker_begin(world.worker);
  upstream_close(world.worker);
  stream_close(world.worker);
  worker_end(world.worker);
  world.closed = true;
  reply_held(0);
  assert_int_equal(world_drops(DROP_CLIENT_GONE), 1);
  close(fd);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      WITH_WORLD(answers_a_query_in_single_bytes),
      WITH_WORLD(answers_many_queries_of_one_segment),
      WITH_WORLD(answers_out_of_order),
      WITH_WORLD(takes_no_more_than_may_be_in_flight),
      WITH_WORLD(reset_by_client_drops_its_answers),
      WITH_WORLD(half_closed_client_gets_its_answers),
      WITH_WORLD(drop_leaves_its_siblings_alone),
      WITH_WORLD(too_short_message_closes),
      WITH_WORLD(idle_and_partial_clients_time_out),
      WITH_WORLD(limits_queries_and_life),
      WITH_WORLD(too_many_reads_ban_the_client),
      WITH_WORLD(limits_connections),
      WITH_WORLD(client_that_does_not_read_is_not_read_from),
      WITH_WORLD(client_that_never_reads_times_out),
      WITH_WORLD(stop_ends_idle_ones_and_waits_for_others),
      WITH_WORLD(listener_stops_and_starts_again),
      WITH_WORLD(datagram_listener_stops_when_its_queries_have_ended),
      WITH_WORLD(close_leaves_queries_a_connection_to_end_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
