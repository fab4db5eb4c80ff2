// SPDX-License-Identifier: BSD-2-Clause
// A running worker between a client and a scripted backend.
#include "tests/walk_world.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/observe/observers.h"
#include "dnsproxy/run/worker_thread.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/rewrite.h"
#include "tests/configuration_fixture.h"
#include "tests/rule_spec.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { STEP_US = 500, PATIENCE = 10000, ANSWER_MS = 2000 };

struct walk_world walk;
static bool stopped;

// ---- configuration ----

void
walk_backend_options(struct backend_options *o)
{
  backend_options_default(o);
  assert_true(address_parse(&o->address, "127.0.0.1", walk.responder.port, &(struct fault)FAULT_INIT));
  o->check.forced = FORCED_UP;
}

void
walk_backend(const struct backend_options *options)
{
  struct backend_options usual;
  walk_backend_options(&usual);
  if (walk.backend != NULL)
    pool_draft_remove_backend(&config()->pools, walk.backend);
  struct backend *b = backend_new(options != NULL ? options : &usual);
  atomic_store(&b->forced, FORCED_UP);
  pool_draft_add_backend(&config()->pools, b);
  pool_entry_add(pool_draft_get(&config()->pools, ""), b);
  walk.backend = b;
  object_unref(&b);
}

void
walk_rule(enum chain_id chain, const char *selector, const char *action)
{
  struct fault f = FAULT_INIT;
  struct selector *s = spec_selector(selector, &f);
  struct action *a = spec_action(action, &f);
  if (s == NULL || a == NULL)
    fail_msg("%s", f.text);
  struct rule *r = rule_new(s, a, "", NULL);
  rule_list_add(&config()->chains[chain], r);
  object_unref(&r);
  object_unref(&s);
  object_unref(&a);
}

void
walk_publish(void)
{
  configuration_publish();
}

// ---- life ----

static void
add_listener(void)
{
  struct address address;
  struct fault f = FAULT_INIT;
  assert_true(address_parse(&address, "127.0.0.1:0", 0, &f));
  walk.listener = listener_new(&address, &transport_udp);
  config()->listeners = memory_array(1, sizeof *config()->listeners);
  config()->listeners[config()->listener_count++] = walk.listener;
  if (!listener_bind(walk.listener, 1, NULL, &f))
    fail_msg("%s", f.text);
}

int
walk_client(const char *from)
{
  struct address source;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_true(address_parse(&source, from, 0, &(struct fault)FAULT_INIT));
  assert_int_equal(bind(fd, &source.sa, address_size(&source)), 0);
  assert_int_equal(connect(fd, &walk.listener->address.sa, address_size(&walk.listener->address)), 0);
  return fd;
}

int
walk_open(void **state)
{
  (void)state;
  walk = (struct walk_world){.id = 100};
  stopped = false;
  responder_open(&walk.responder, RESPOND_NOERROR);
  configuration_use_part(&observers_part);
  configuration_fixture_open(PHASE_LOADING);
  worker_threads_make(1);
  walk_backend(NULL);
  add_listener();
  walk.client = walk_client("127.0.0.1");
  walk_publish();
  worker_threads_start();
  worker_threads_serve(false);
  return 0;
}

void
walk_stop(void)
{
  worker_threads_stop();
  worker_threads_join();
  stopped = true;
}

int
walk_close(void **state)
{
  (void)state;
  if (!stopped)
    walk_stop();
  assert_int_equal(walk_parked(), 0);
  assert_true(walk_balanced());
  worker_threads_free();
  close(walk.client);
  configuration_fixture_close();
  responder_close(&walk.responder);
  return 0;
}

// ---- counters ----

uint64_t
walk_count(enum counter c)
{
  return counter_sum(c);
}

uint64_t
walk_drops(enum drop d)
{
  return drop_sum(d);
}

uint64_t
walk_parked(void)
{
  return atomic_load(&workers[0]->parked);
}

static bool
is_balanced(void)
{
  uint64_t ended = counter_sum(COUNTER_ANSWERS_SENT) + walk_parked();
  for (unsigned i = 0; i < DROP_COUNT; i++)
    if (drop_rows[i].is_query)
      ended += drop_sum(i);
  return counter_sum(COUNTER_QUERIES) == ended;
}

static bool
wait_for(bool (*done)(void))
{
  for (unsigned i = 0; i < PATIENCE && !done(); i++)
    usleep(STEP_US);
  return done();
}

bool
walk_balanced(void)
{
  return wait_for(is_balanced);
}

void
walk_until(bool (*done)(void))
{
  assert_true(wait_for(done));
}

// ---- the client ----

void
walk_send(const void *bytes, size_t size)
{
  assert_int_equal(send(walk.client, bytes, size, 0), size);
}

void
walk_ask(const char *name, uint16_t payload)
{
  uint8_t m[600] = {0, 0, FLAG2_RD, 0, 0, 1};
  struct name n;
  assert_true(name_from_text(&n, name, strlen(name), &(struct fault)FAULT_INIT));
  message_put_u16(m, ++walk.id);
  memcpy(m + HEADER_SIZE, n.bytes, n.size);
  message_put_u16(m + HEADER_SIZE + n.size, QTYPE_A);
  message_put_u16(m + HEADER_SIZE + n.size + 2, QCLASS_IN);
  struct wire_buffer b = {.data = m, .size = (size_t)HEADER_SIZE + n.size + 4, .capacity = sizeof m};
  if (payload != 0)
    assert_true(message_add_opt(&b, payload, 0, false, NULL, 0));
  walk_send(b.data, b.size);
}

bool
walk_receive(void)
{
  struct pollfd p = {.fd = walk.client, .events = POLLIN};
  while (poll(&p, 1, ANSWER_MS) > 0) {
    ssize_t n = recv(walk.client, walk.answer, sizeof walk.answer, 0);
    assert_true(n >= HEADER_SIZE);
    walk.answer_size = (size_t)n;
    if (message_id(walk.answer) == walk.id)
      return true;
  }
  return false;
}

void
walk_expect(unsigned rcode)
{
  assert_true(walk_receive());
  assert_true((walk.answer[2] & FLAG2_QR) != 0);
  assert_int_equal(message_rcode(walk.answer), rcode);
  assert_true(walk_balanced());
}

void
walk_silent(void)
{
  assert_true(walk_balanced());
  assert_int_equal(poll(&(struct pollfd){.fd = walk.client, .events = POLLIN}, 1, 0), 0);
}
