// SPDX-License-Identifier: BSD-2-Clause
// The worker, walk, clients and backend of the stream tests.
#include "tests/stream_world.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/guard/connections.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world world;

// ---- the walk ----

static bool
label_is(const struct query *q, const char *label)
{
  const uint8_t *at = q->packet.data + HEADER_SIZE;
  return at[0] >= strlen(label) && memcmp(at + 1, label, strlen(label)) == 0;
}

static void
drop(struct query *q, enum drop why)
{
  counter_add(&q->worker->counters.drop[why], 1);
  q->drop = (uint8_t)why;
  q->arrival.route->dropped(q);
  query_free(&q);
}

static void
send_reply(struct query *q)
{
  q->packet.data[2] |= FLAG2_QR;
  count(q->worker, COUNTER_ANSWERS_SENT);
  q->arrival.route->reply(q);
}

static void
walk_query(struct query *q)
{
  struct question question;
  world.queries++;
  count(q->worker, COUNTER_QUERIES);
  assert_int_equal(q->worker->now_us, q->received_us);
  q->id = message_id(q->packet.data);
  assert_true(message_question(q->packet.data, q->packet.size, &question));
  q->qname = question.name;
  q->qtype = question.type;
  q->qclass = question.class;
  q->question_end = question.end;
  q->lease = q->worker->lease;
  q->lease->queries++;
  if (label_is(q, "drop"))
    drop(q, DROP_RULE);
  else if (label_is(q, "hold"))
    world.held[world.held_count++] = q;
  else if (label_is(q, "fwd") && !upstream_stream_send(q, world.backend))
    drop(q, (enum drop)q->drop);
  else if (!label_is(q, "fwd"))
    send_reply(q);
}

static void
walk_queries(struct query **queries, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    walk_query(queries[i]);
}

static void
walk_answer(struct query *q)
{
  world.answers++;
  assert_int_equal(message_id(q->packet.data), q->id);
  send_reply(q);
}

static void
walk_failed(struct query *q, unsigned why)
{
  world.failures++;
  world.last_failure = why;
  drop(q, (enum drop)why);
}

static bool
admit(struct worker *w, struct listener *listener, const struct address *peer)
{
  (void)w, (void)listener;
  return address_port(peer) != 0;
}

static const struct walk_hooks hooks = {.query = walk_query,
                                        .queries = walk_queries,
                                        .answer = walk_answer,
                                        .failed = walk_failed,
                                        .admit_stream = admit,
                                        .stream_guard = &connections_guard};

// ---- the world ----

static struct address
loopback(void)
{
  struct address a;
  struct fault fault = FAULT_INIT;
  assert_true(address_parse(&a, "127.0.0.1", 0, &fault));
  return a;
}

void
world_open(void)
{
  memset(&world, 0, sizeof world);
  settings_default(&world.settings);
  backend_options_default(&world.options);
  world.worker = worker_new(&hooks);
  world.worker->base = event_base_new();
  world.lease.settings = &world.settings;
  world.worker->lease = &world.lease;
  worker_adopt(world.worker);
  struct address any_port = loopback();
  world.listener = listener_new(&any_port, &transport_tcp);
  world.listener->max_in_flight = 100;
  world.backend_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  socklen_t size = sizeof world.options.address;
  assert_int_equal(bind(world.backend_fd, &any_port.sa, address_size(&any_port)), 0);
  assert_int_equal(getsockname(world.backend_fd, &world.options.address.sa, &size), 0);
  assert_int_equal(listen(world.backend_fd, 16), 0);
}

void
world_start(void)
{
  struct fault fault = FAULT_INIT;
  assert_true(listener_bind(world.listener, 1, NULL, &fault));
  world.backend = backend_new(&world.options);
  upstream_open(world.worker);
  assert_true(listener_serve(world.worker, world.listener));
}

static void
close_rooms(void)
{
  worker_begin(world.worker);
  upstream_close(world.worker);
  stream_close(world.worker);
  worker_end(world.worker);
}

// Whatever happened: nothing is parked, every query was answered or dropped, and no memory was kept.
void
world_close(void)
{
  struct worker *w = world.worker;
  if (!world.closed)
    close_rooms();
  uint64_t ended = world_count(COUNTER_ANSWERS_SENT);
  for (int i = 0; i < DROP_COUNT; i++)
    if (drop_rows[i].is_query)
      ended += world_drops((enum drop)i);
  assert_int_equal(world_count(COUNTER_QUERIES), ended);
  assert_int_equal(atomic_load(&w->parked), 0);
  assert_int_equal(world.lease.queries, 0);
  assert_int_equal(w->queries.available, w->queries.total);
  assert_int_equal(w->packets.available, w->packets.total);
  assert_int_equal(atomic_load(&world.listener->counters[0]->tcp_current), 0);
  assert_int_equal(atomic_load(&world.backend->counters[0]->tcp_current), 0);
  assert_int_equal(atomic_load(&world.backend->counters[0]->outstanding), 0);
  assert_int_equal(object_refs(world.listener), 1);
  assert_int_equal(object_refs(world.backend), 1);
  object_unref(&world.listener);
  object_unref(&world.backend);
  event_base_free(w->base);
  worker_free(&world.worker);
  close(world.backend_fd);
}

static void
turn(unsigned ms)
{
  struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
  event_base_loopexit(world.worker->base, &tv);
  event_base_loop(world.worker->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void
world_run(unsigned ms)
{
  turn(ms);
}

bool
world_run_until(bool (*done)(void))
{
  for (int i = 0; i < 400; i++) {
    if (done())
      return true;
    turn(5);
  }
  return done();
}

// ---- clients ----

size_t
world_query(uint8_t *out, uint16_t id, const char *label)
{
  size_t n = strlen(label), size = HEADER_SIZE + 1 + n + 1 + 4;
  memset(out, 0, 2 + size);
  out[1] = (uint8_t)size;
  message_put_u16(out + 2, id);
  out[4] = 1; // RD
  out[7] = 1; // one question
  out[14] = (uint8_t)n;
  memcpy(out + 15, label, n);
  out[15 + n + 2] = 1;
  out[15 + n + 4] = 1;
  return 2 + size;
}

int
world_connect(void)
{
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, &world.listener->address.sa, address_size(&world.listener->address)), 0);
  return fd;
}

void
world_send(int fd, const void *bytes, size_t size)
{
  assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

void
world_ask(int fd, uint16_t id, const char *label)
{
  uint8_t message[WORLD_MESSAGE];
  world_send(fd, message, world_query(message, id, label));
}

// Reads `size` bytes while the loop turns: 1, or 0 at the end of the connection, or -2 when they do not come.
static int
read_bytes(int fd, uint8_t *out, size_t size)
{
  size_t have = 0;
  for (int i = 0; i < 400 && have < size; i++) {
    ssize_t n = recv(fd, out + have, size - have, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
      return 0;
    if (n > 0)
      have += (size_t)n;
    else
      turn(5);
  }
  return have == size ? 1 : -2;
}

static int
read_message(int fd, uint8_t *message, size_t *size)
{
  uint8_t prefix[2];
  int got = read_bytes(fd, prefix, 2);
  if (got != 1)
    return got == 0 ? -1 : got;
  *size = (size_t)(prefix[0] << 8 | prefix[1]);
  got = read_bytes(fd, message, *size);
  return got == 1 ? message_id(message) : got == 0 ? -1 : got;
}

int
world_read_answer(int fd)
{
  static uint8_t message[65536];
  size_t size;
  int id = read_message(fd, message, &size);
  if (id >= 0)
    assert_true((message[2] & FLAG2_QR) != 0);
  return id;
}

bool
world_ended(int fd)
{
  uint8_t byte;
  for (int i = 0; i < 200; i++) {
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
      return true;
    turn(5);
  }
  return false;
}

// ---- the backend ----

int
world_accept(void)
{
  for (int i = 0; i < 400; i++) {
    int fd = accept4(world.backend_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
      return fd;
    turn(5);
  }
  fail_msg("nobody connected to the backend");
  return -1;
}

int
world_backend_read(int fd, uint8_t *message, size_t *size)
{
  return read_message(fd, message, size);
}

void
world_backend_answer(int fd, const uint8_t *query, size_t size)
{
  uint8_t framed[2 + 65535];
  framed[0] = (uint8_t)(size >> 8);
  framed[1] = (uint8_t)size;
  memcpy(framed + 2, query, size);
  framed[4] |= FLAG2_QR;
  world_send(fd, framed, size + 2);
}

uint64_t
world_count(enum counter c)
{
  return atomic_load(&world.worker->counters.counter[c]);
}

uint64_t
world_drops(enum drop d)
{
  return atomic_load(&world.worker->counters.drop[d]);
}
