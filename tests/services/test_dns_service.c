// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the scripted DNS server: its walk byte by byte, answers now, later, twice and late, edits under load.
#include "tests/configuration_fixture.h"
#include "dnsproxy/wire/codes.h"
#include "services/dns_request.h"
#include "services/dns_service.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka wants the ones above first.
#include <cmocka.h>

static struct worker *w;
static struct dns_service *service;
static struct listener *udp, *tcp;

// What the last query came to.
static struct {
  unsigned answers, drops;
  uint8_t packet[MESSAGE_MAX_SIZE];
  size_t size;
} got;

static void
on_reply(struct query *q)
{
  got.answers++;
  got.size = q->packet.size;
  memcpy(got.packet, q->packet.data, q->packet.size);
  query_free(&q);
}

static void
on_dropped(struct query *q)
{
  (void)q;
  got.drops++;
}

static const struct reply_route route = {.reply = on_reply, .dropped = on_dropped};

// ---- scripts, played by C ----

enum how { NOW, LATER, FAIL, TWICE, ANSWER_AND_FAIL, WRONG };

struct play {
  struct object object;
  enum how how;
  struct dns_reply reply;
  void *kept; // the request, one reference
  enum dns_reply_result second;
  struct fault fault;
  struct dns_question seen;
  char seen_text[4][100];
};

static void
play_free(struct object *object)
{
  struct play *p = (struct play *)object;
  object_unref(&p->kept);
  free(p);
}

static const struct object_class play_class = {.name = "Play", .free = play_free};

static bool
run_play(void *script, const struct dns_question *question, void *request)
{
  struct play *p = script;
  p->seen = *question;
  snprintf(p->seen_text[0], sizeof p->seen_text[0], "%s", question->name);
  snprintf(p->seen_text[1], sizeof p->seen_text[1], "%s", question->type);
  snprintf(p->seen_text[2], sizeof p->seen_text[2], "%s", question->class);
  snprintf(p->seen_text[3], sizeof p->seen_text[3], "%s %s", question->remote, question->protocol);
  if (p->how == LATER)
    p->kept = object_ref(request);
  if (p->how == NOW || p->how == TWICE || p->how == ANSWER_AND_FAIL || p->how == WRONG)
    p->second = dns_request_reply(request, &p->reply, &p->fault);
  if (p->how == TWICE)
    p->second = dns_request_reply(request, &p->reply, &p->fault);
  return p->how != FAIL && p->how != ANSWER_AND_FAIL && p->how != WRONG;
}

// A handler whose script is borrowed from the handler list.
static struct play *
add_play(const char *label, const char *match, enum how how, unsigned rcode)
{
  struct play *p = calloc(1, sizeof *p);
  object_init(&p->object, &play_class);
  p->how = how;
  p->reply = (struct dns_reply){.rcode = rcode, .aa = -1, .ad = -1, .ra = -1, .tc = -1};
  struct dns_handler_options o = {
      .label = label, .match = match, .run = run_play, .script = p, .timeout_ms = 30, .timeout_rcode = RCODE_NXDOMAIN};
  struct fault f = FAULT_INIT;
  if (!dns_service_add_handler(service, &o, &f))
    fail_msg("%s", f.text);
  struct play *borrowed = p;
  object_unref(&p);
  return borrowed;
}

static struct bytes lines[3][2000];

static void
answer_with(struct play *p, unsigned section, const char *line)
{
  lines[section][p->reply.counts[section]++] = (struct bytes){.data = line, .size = strlen(line)};
  p->reply.records[section] = lines[section];
}

// ---- fixture ----

static int
open_service(void **state)
{
  (void)state;
  struct address address;
  struct fault f = FAULT_INIT;
  memset(&got, 0, sizeof got);
  services_open();
  configuration_fixture_open(PHASE_LOADING);
  w = worker_new(NULL);
  w->base = event_base_new();
  worker_adopt(w);
  assert_true(address_parse(&address, "127.0.0.1:0", 0, &f));
  service = dns_service_add("alpha", &address, 1, &f);
  assert_non_null(service);
  udp = service->base.listeners[0];
  tcp = service->base.listeners[1];
  assert_true(listener_bind(udp, 1, NULL, &f) && listener_bind(tcp, 1, NULL, &f));
  return 0;
}

static int
close_service(void **state)
{
  (void)state;
  services_leave(w);
  configuration_fixture_close();
  event_base_free(w->base);
  worker_free(&w);
  return 0;
}

static uint8_t buffer[4608];

static void
ask_bytes(const void *bytes, size_t size, bool stream)
{
  struct query *q = query_new(w);
  memcpy(buffer, bytes, size);
  q->packet = (struct wire_buffer){.data = buffer, .size = size, .capacity = sizeof buffer};
  q->arrival.listener = stream ? tcp : udp;
  q->arrival.transport = q->arrival.listener->transport;
  q->arrival.route = &route;
  assert_true(address_parse(&q->arrival.client, "192.0.2.7:1234", 0, &(struct fault)FAULT_INIT));
  q->arrival.destination = q->arrival.listener->address;
  listener_walk(q->arrival.listener, w)->query(q);
  memset(buffer, 0xee, sizeof buffer); // the batch is over
  worker_run_posts(w);
}

struct asked {
  uint8_t bytes[600];
  size_t size;
};

static struct asked
question_for(const char *name, uint16_t type)
{
  struct asked a = {.bytes = {0x12, 0x34, FLAG2_RD, 0, 0, 1}};
  struct name n;
  assert_true(name_from_text(&n, name, strlen(name), &(struct fault)FAULT_INIT));
  memcpy(a.bytes + HEADER_SIZE, n.bytes, n.size);
  a.size = (size_t)HEADER_SIZE + n.size;
  message_put_u16(a.bytes + a.size, type);
  message_put_u16(a.bytes + a.size + 2, QCLASS_IN);
  a.size += 4;
  return a;
}

static void
add_opt(struct asked *a, uint16_t payload, uint8_t version)
{
  struct wire_buffer b = {.data = a->bytes, .size = a->size, .capacity = sizeof a->bytes};
  assert_true(message_add_opt(&b, payload, 0, true, NULL, 0));
  a->bytes[a->size + 6] = version;
  a->size = b.size;
}

static void
ask(const char *name, uint16_t type, bool stream)
{
  struct asked a = question_for(name, type);
  ask_bytes(a.bytes, a.size, stream);
}

static void
expect_rcode(unsigned rcode)
{
  assert_int_equal(got.answers, 1);
  assert_int_equal(message_rcode(got.packet), rcode);
  assert_true((got.packet[2] & FLAG2_QR) != 0);
  assert_int_equal(message_id(got.packet), 0x1234);
  assert_int_equal(message_proper_size(got.packet, got.size), got.size);
  got.answers = 0;
}

static void
expect_equation(void)
{
  struct dns_service_counters sum;
  dns_service_sum(service, &sum);
  assert_int_equal(sum.queries, sum.answers + sum.dropped + services_waiting(w));
}

// Runs the loop until an answer has come.
static void
wait_for_answer(void)
{
  for (int i = 0; i < 500 && got.answers == 0; i++) {
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    worker_run_posts(w);
    usleep(2000);
  }
}

// ---- tests ----

static void
test_answer(void **state)
{
  (void)state;
  struct play *p = add_play("a", "^www\\.", NOW, RCODE_NOERROR);
  answer_with(p, 0, "www.Example.test 60 IN A 192.0.2.1");
  answer_with(p, 0, "other.test 61 IN AAAA 2001:db8::1");
  answer_with(p, 1, "example.test 62 IN NS ns.example.test");
  answer_with(p, 2, "ns.example.test 63 IN A 192.0.2.2");
  p->reply.aa = 1, p->reply.ra = 1;
  ask("www.eXample.test", QTYPE_A, false);
  expect_rcode(RCODE_NOERROR);
  assert_string_equal(p->seen_text[0], "www.eXample.test");
  assert_string_equal(p->seen_text[1], "A");
  assert_string_equal(p->seen_text[2], "IN");
  assert_string_equal(p->seen_text[3], "192.0.2.7:1234 UDP");
  assert_int_equal(got.packet[2], FLAG2_QR | FLAG2_AA | FLAG2_RD);
  assert_int_equal(got.packet[3], FLAG3_RA);
  unsigned counts[] = {1, 2, 1, 1};
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal(message_count(got.packet, i), counts[i]);
  // The owner that is the question is a pointer to it.
  size_t first = HEADER_SIZE + 18 + 4;
  assert_int_equal(message_u16(got.packet + first), 0xc00c);
  assert_int_equal(message_u32(got.packet + first + 6), 60);
  assert_memory_equal(got.packet + first + 12, "\xc0\x00\x02\x01", 4);
  expect_equation();
}

// Nothing of what the client may have put into the header or behind the question comes back.
static void
test_fresh_header(void **state)
{
  (void)state;
  add_play("a", "", NOW, RCODE_NXDOMAIN);
  struct asked a = question_for("x.test", QTYPE_A);
  a.bytes[2] = FLAG2_AA | FLAG2_TC;
  a.bytes[3] = FLAG3_RA | FLAG3_Z | FLAG3_AD | FLAG3_CD | 9;
  message_set_count(a.bytes, 1, 1);
  memcpy(a.bytes + a.size, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 16);
  a.size += 16;
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_NXDOMAIN);
  assert_int_equal(got.packet[2], FLAG2_QR);
  assert_int_equal(got.packet[3], FLAG3_CD | RCODE_NXDOMAIN);
  assert_int_equal(message_count(got.packet, 1), 0);
}

static void
test_matching(void **state)
{
  (void)state;
  struct {
    const char *name;
    unsigned rcode;
  } cases[] = {{"foobar.com", RCODE_YXDOMAIN}, {"x.foobar.com", RCODE_YXDOMAIN}, {"FOOBAR.com", RCODE_REFUSED},
               {"Any.Case", RCODE_NOTZONE},    {".", RCODE_NOTAUTH},            {"foobar.com.au", RCODE_REFUSED}};
  add_play("one", "foobar\\.com$", NOW, RCODE_YXDOMAIN);
  add_play("two", "foobar\\.com$", NOW, RCODE_YXRRSET);
  add_play("three", "(?i)any\\.case", NOW, RCODE_NOTZONE);
  add_play("root", "^\\.$", NOW, RCODE_NOTAUTH);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ask(cases[i].name, QTYPE_A, false);
    expect_rcode(cases[i].rcode);
  }
  assert_true(dns_service_remove_handler(service, "one"));
  assert_false(dns_service_remove_handler(service, "one"));
  ask("foobar.com", QTYPE_A, false);
  expect_rcode(RCODE_YXRRSET);
}

static void
test_refused_handlers(void **state)
{
  (void)state;
  struct fault f = FAULT_INIT;
  struct dns_handler_options o = {.label = "a", .match = "a", .run = run_play};
  assert_true(dns_service_add_handler(service, &o, &f));
  assert_false(dns_service_add_handler(service, &o, &f));
  assert_string_equal(f.text, "service 'alpha' has a handler 'a' already");
  o.label = "b", o.match = "(";
  assert_false(dns_service_add_handler(service, &o, &f));
  assert_non_null(strstr(f.text, "handler 'b': '(' is not a regular expression"));
  o.label = "";
  assert_false(dns_service_add_handler(service, &o, &f));
  struct address address = udp->address;
  assert_null(dns_service_add("alpha", &address, 1, &f));
  assert_string_equal(f.text, "there is a service 'alpha' already");
}

static void
test_malformed(void **state)
{
  (void)state;
  add_play("all", "", NOW, RCODE_NOERROR);
  struct asked good = question_for("www.test", QTYPE_A), a;
  // Every truncation of a query is a format error, and none of its bytes is taken for a question.
  for (size_t size = HEADER_SIZE; size < good.size; size++) {
    ask_bytes(good.bytes, size, false);
    expect_rcode(RCODE_FORMERR);
    assert_int_equal(got.size, HEADER_SIZE);
  }
  a = good;
  message_set_count(a.bytes, 0, 2);
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_FORMERR);
  a = good;
  message_set_count(a.bytes, 3, 1); // and no record there
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_FORMERR);
  a = good;
  add_opt(&a, 1232, 0);
  memcpy(a.bytes + a.size, a.bytes + a.size - 11, 11);
  a.size += 11;
  message_set_count(a.bytes, 3, 2); // two OPT
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_FORMERR);
  a = good;
  a.bytes[2] = OPCODE_STATUS << 3;
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_NOTIMP);
  a = good;
  a.bytes[2] |= FLAG2_QR;
  ask_bytes(a.bytes, a.size, false);
  assert_int_equal(got.answers, 0);
  assert_int_equal(got.drops, 1);
  expect_equation();
}

static void
test_edns(void **state)
{
  (void)state;
  struct play *p = add_play("all", "", NOW, RCODE_NOERROR);
  struct asked a = question_for("www.test", QTYPE_A);
  struct edns edns;
  add_opt(&a, 4096, 0);
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_NOERROR);
  assert_true(message_edns(got.packet, got.size, a.size - 11, &edns));
  assert_int_not_equal(edns.offset, 0);
  assert_int_equal(edns.payload, 1232);
  assert_true(edns.dnssec_ok);
  a = question_for("www.test", QTYPE_A);
  add_opt(&a, 4096, 1);
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_BADVERS & 15);
  assert_true(message_edns(got.packet, got.size, a.size - 11, &edns));
  assert_int_equal(edns.extended_rcode, RCODE_BADVERS >> 4);
  // A script that says an extended rcode gets the OPT that carries it.
  p->reply.rcode = RCODE_BADCOOKIE;
  ask("www.test", QTYPE_A, false);
  expect_rcode(RCODE_BADCOOKIE & 15);
  assert_true(message_edns(got.packet, got.size, a.size - 11, &edns));
  assert_int_equal(edns.extended_rcode, RCODE_BADCOOKIE >> 4);
}

static void
test_sizes(void **state)
{
  (void)state;
  enum { ONE = 16, COUNT_MANY = 60, COUNT_HUGE = 2000 };
  struct play *p = add_play("all", "", NOW, RCODE_NOERROR);
  size_t bare = HEADER_SIZE + 10 + 4;
  // As many as fit into 512 bytes, and one more.
  unsigned fit = (unsigned)((512 - bare) / ONE);
  for (unsigned i = 0; i < fit; i++)
    answer_with(p, 0, "www.test 1 IN A 192.0.2.1");
  ask("www.test", QTYPE_A, false);
  expect_rcode(RCODE_NOERROR);
  assert_int_equal(got.size, bare + fit * ONE);
  answer_with(p, 0, "www.test 1 IN A 192.0.2.1");
  ask("www.test", QTYPE_A, false);
  expect_rcode(RCODE_NOERROR);
  assert_int_equal(got.size, bare);
  assert_true((got.packet[2] & FLAG2_TC) != 0);
  // EDNS allows more, a stream everything a message can hold, and what it cannot hold is a failure of ours.
  struct asked a = question_for("www.test", QTYPE_A);
  add_opt(&a, 4096, 0);
  while (p->reply.counts[0] < COUNT_MANY)
    answer_with(p, 0, "www.test 1 IN A 192.0.2.1");
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_NOERROR);
  assert_int_equal(got.size, bare + COUNT_MANY * ONE + 11);
  while (p->reply.counts[0] < COUNT_HUGE)
    answer_with(p, 0, "www.test 1 IN A 192.0.2.1");
  ask_bytes(a.bytes, a.size, false);
  expect_rcode(RCODE_NOERROR);
  assert_int_equal(got.size, bare + 11);
  assert_true((got.packet[2] & FLAG2_TC) != 0);
  ask("www.test", QTYPE_A, true);
  expect_rcode(RCODE_NOERROR);
  assert_int_equal(got.size, bare + COUNT_HUGE * ONE);
  p->reply.counts[0] = 0;
  while (p->reply.counts[0] < COUNT_HUGE)
    answer_with(p, 0, "a-name-that-is-not-the-question.and-will-not-shrink.test 1 IN A 192.0.2.1");
  ask("www.test", QTYPE_A, true);
  expect_rcode(RCODE_SERVFAIL);
}

static void
test_later(void **state)
{
  (void)state;
  struct play *p = add_play("later", "", LATER, RCODE_NOERROR);
  answer_with(p, 0, "www.test 1 IN A 192.0.2.1");
  ask("www.test", QTYPE_A, false);
  assert_int_equal(got.answers, 0);
  assert_int_equal(services_waiting(w), 1);
  expect_equation();
  assert_int_equal(dns_request_reply(p->kept, &p->reply, &p->fault), REPLY_TAKEN);
  assert_int_equal(dns_request_reply(p->kept, &p->reply, &p->fault), REPLY_TWICE);
  assert_int_equal(got.answers, 0); // not before the worker's turn
  worker_run_posts(w);
  expect_rcode(RCODE_NOERROR);
  assert_int_equal(message_count(got.packet, 1), 1);
  assert_memory_equal(got.packet + HEADER_SIZE, "\3www\4test", 10);
  assert_int_equal(services_waiting(w), 0);
  assert_int_equal(dns_request_reply(p->kept, &p->reply, &p->fault), REPLY_TWICE);
  expect_equation();
}

static void
test_deadline(void **state)
{
  (void)state;
  struct play *p = add_play("never", "", LATER, RCODE_NOERROR);
  ask("www.test", QTYPE_A, false);
  wait_for_answer();
  expect_rcode(RCODE_NXDOMAIN);
  assert_int_equal(services_waiting(w), 0);
  assert_int_equal(dns_request_reply(p->kept, &p->reply, &p->fault), REPLY_LATE);
  worker_run_posts(w);
  assert_int_equal(got.answers, 0);
  expect_equation();
}

static void
test_failures(void **state)
{
  (void)state;
  add_play("fail", "^fail", FAIL, RCODE_NOERROR);
  struct play *twice = add_play("twice", "^twice", TWICE, RCODE_NXDOMAIN);
  add_play("both", "^both", ANSWER_AND_FAIL, RCODE_NXDOMAIN);
  struct play *wrong = add_play("wrong", "^wrong", WRONG, RCODE_NOERROR);
  answer_with(wrong, 0, "www.test 1 IN A 192.0.2.300");
  ask("fail.test", QTYPE_A, false);
  expect_rcode(RCODE_SERVFAIL);
  ask("twice.test", QTYPE_A, false);
  expect_rcode(RCODE_NXDOMAIN);
  assert_int_equal(twice->second, REPLY_TWICE);
  ask("both.test", QTYPE_A, false);
  expect_rcode(RCODE_NXDOMAIN);
  ask("wrong.test", QTYPE_A, false);
  expect_rcode(RCODE_SERVFAIL);
  assert_int_equal(wrong->second, REPLY_WRONG);
  assert_non_null(strstr(wrong->fault.text, "192.0.2.300"));
  expect_equation();
}

// The end of the worker with requests that wait, answered and not.
static void
test_leave(void **state)
{
  (void)state;
  struct play *a = add_play("a", "^a", LATER, RCODE_NXDOMAIN), *b = add_play("b", "^b", LATER, RCODE_NXDOMAIN);
  ask("a.test", QTYPE_A, false);
  ask("b.test", QTYPE_A, false);
  assert_int_equal(dns_request_reply(a->kept, &a->reply, &a->fault), REPLY_TAKEN);
  services_leave(w);
  expect_rcode(RCODE_NXDOMAIN);
  assert_int_equal(got.drops, 1);
  assert_int_equal(dns_request_reply(b->kept, &b->reply, &b->fault), REPLY_LATE);
  expect_equation();
}

// ---- edits and answers from another thread ----

enum { ROUNDS = 3000, KEEP = 64 };

static pthread_mutex_t pending_lock = PTHREAD_MUTEX_INITIALIZER;
static void *pending[KEEP];
static unsigned pending_count;
static _Atomic bool over;

static bool
keep_request(void *script, const struct dns_question *question, void *request)
{
  (void)script, (void)question;
  pthread_mutex_lock(&pending_lock);
  if (pending_count < KEEP)
    pending[pending_count++] = object_ref(request);
  pthread_mutex_unlock(&pending_lock);
  return true;
}

static void *
take_pending(void)
{
  pthread_mutex_lock(&pending_lock);
  void *request = pending_count > 0 ? pending[--pending_count] : NULL;
  pthread_mutex_unlock(&pending_lock);
  return request;
}

static void *
edit_and_answer(void *arg)
{
  (void)arg;
  struct dns_handler_options o = {.label = "moving", .match = "odd", .run = keep_request, .timeout_ms = 5};
  struct dns_reply reply = {.rcode = RCODE_NXDOMAIN, .aa = -1, .ad = -1, .ra = -1, .tc = -1};
  while (!atomic_load(&over)) {
    dns_service_add_handler(service, &o, NULL);
    for (void *request; (request = take_pending()) != NULL;) {
      dns_request_reply(request, &reply, NULL);
      object_unref(&request);
    }
    dns_service_remove_handler(service, "moving");
  }
  return NULL;
}

static void
test_threads(void **state)
{
  (void)state;
  pthread_t thread;
  struct fault f = FAULT_INIT;
  struct dns_handler_options o = {.label = "all", .match = "", .run = keep_request, .timeout_ms = 5};
  assert_true(dns_service_add_handler(service, &o, &f));
  assert_int_equal(pthread_create(&thread, NULL, edit_and_answer, NULL), 0);
  for (unsigned i = 0; i < ROUNDS; i++) {
    worker_begin(w);
    ask(i % 2 == 0 ? "even.test" : "odd.test", QTYPE_A, false);
    worker_end(w);
    event_base_loop(w->base, EVLOOP_NONBLOCK);
  }
  for (int i = 0; i < 1000 && services_waiting(w) > 0; i++) {
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    worker_run_posts(w);
    usleep(1000);
  }
  atomic_store(&over, true);
  pthread_join(thread, NULL);
  for (void *request; (request = take_pending()) != NULL;)
    object_unref(&request);
  worker_run_posts(w);
  assert_int_equal(services_waiting(w), 0);
  assert_int_equal(got.answers + got.drops, ROUNDS);
  expect_equation();
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_service, close_service)
  const struct CMUnitTest tests[] = {
      TEST(test_answer),   TEST(test_fresh_header), TEST(test_matching), TEST(test_refused_handlers),
      TEST(test_malformed), TEST(test_edns),        TEST(test_sizes),    TEST(test_later),
      TEST(test_deadline), TEST(test_failures),     TEST(test_leave),    TEST(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
