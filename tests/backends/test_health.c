// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/backends/health and health_probe against a scripted server: verdicts, rounds, what is told.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/backends/health_probe.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"
#include "tests/dns_responder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SHORT_MS = 60, LONG_MS = 20000 }; // a time-out that is waited for; one that never happens

static struct event_base *base;
static struct responder responder;

static int
set_up(void **state)
{
  (void)state;
  base = event_base_new();
  responder_open(&responder, RESPOND_NOERROR);
  return base == NULL;
}

static int
tear_down(void **state)
{
  (void)state;
  probes_close();
  responder_close(&responder);
  event_base_free(base);
  return 0;
}

static struct backend_options
options(void)
{
  struct backend_options o;
  struct fault fault = FAULT_INIT;
  backend_options_default(&o);
  assert_true(address_parse(&o.address, "127.0.0.1", responder.port, &fault));
  o.check.timeout_ms = LONG_MS;
  return o;
}

// ---- verdicts ----

static void
verdicts(void **state)
{
  (void)state;
  struct health_query query = {.name = {.size = 3, .bytes = "\1a"}, .type = QTYPE_A, .class = QCLASS_IN};
  static const uint8_t good[] = "\x12\x34\x81\x80\0\1\0\0\0\0\0\0\1A\0\0\1\0\1"; // another casing
  const struct {
    size_t at;
    uint8_t value;
    bool ok, ok_when_must_resolve;
  } rows[] = {
      {0, 0x12, true, true},   {0, 0x13, false, false},       // ID
      {2, 0x01, false, false},                                // QR
      {3, 0x80 | 1, true, true}, {3, 2, false, false},        // FormErr, ServFail
      {3, 3, true, false},     {3, 5, true, false},           // NXDomain, Refused
      {13, 'b', false, false}, {16, 28, false, false},        // name, type
      {18, 3, false, false},   {5, 0, false, false},          // class, no question
      {12, 0xc0, false, false},                               // malformed
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint8_t m[sizeof good - 1];
    memcpy(m, good, sizeof m);
    m[rows[i].at] = rows[i].value;
    assert_true((probe_verdict(&query, 0x1234, false, m, sizeof m) == NULL) == rows[i].ok);
    assert_true((probe_verdict(&query, 0x1234, true, m, sizeof m) == NULL) == rows[i].ok_when_must_resolve);
  }
  for (size_t size = 0; size < sizeof good - 1; size++)
    assert_non_null(probe_verdict(&query, 0x1234, false, good, size));
}

// ---- one probe ----

struct outcome {
  bool done, good;
  char error[80];
};

static void
on_done(void *arg, const struct probe_result *result)
{
  struct outcome *o = arg;
  assert_false(o->done);
  o->done = true;
  o->good = result->error == NULL;
  snprintf(o->error, sizeof o->error, "%s", result->error == NULL ? "" : result->error);
  if (o->good)
    assert_true(result->size >= HEADER_SIZE && (result->answer[2] & FLAG2_QR));
}

static struct outcome
probe(const struct backend_options *o)
{
  struct outcome outcome = {0};
  struct backend *b = backend_new(o);
  struct health_query query = {
      .name = o->check.name, .type = o->check.type, .class = o->check.class, .flags = {FLAG2_RD, o->check.set_cd ? FLAG3_CD : 0}};
  assert_non_null(probe_start(base, b, &query, o->check.timeout_ms, on_done, &outcome));
  assert_false(outcome.done); // never at once
  while (!outcome.done)
    assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
  object_unref(&b);
  return outcome;
}

static void
moods_over_udp_and_tcp(void **state)
{
  (void)state;
  const struct {
    enum responder_mood mood;
    bool ok, ok_when_must_resolve;
  } rows[] = {
      {RESPOND_NOERROR, true, true},     {RESPOND_SERVFAIL, false, false}, {RESPOND_NXDOMAIN, true, false},
      {RESPOND_REFUSED, true, false},    {RESPOND_WRONG_ID, false, false}, {RESPOND_NO_QR, false, false},
      {RESPOND_OTHER_NAME, false, false}, {RESPOND_SHORT, false, false},
  };
  for (unsigned kind = 0; kind < 4; kind++) {
    struct backend_options o = options();
    o.check.must_resolve = kind & 1;
    o.check.over_tcp = kind & 2;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
      responder.mood = (int)rows[i].mood;
      struct outcome outcome = probe(&o);
      assert_int_equal(outcome.good, o.check.must_resolve ? rows[i].ok_when_must_resolve : rows[i].ok);
    }
  }
  assert_int_equal(responder.udp_queries, 16);
  assert_int_equal(responder.tcp_queries, 16);
}

static void
silence_is_a_time_out(void **state)
{
  (void)state;
  responder.mood = RESPOND_SILENCE;
  for (unsigned tcp = 0; tcp < 2; tcp++) {
    struct backend_options o = options();
    o.check.timeout_ms = SHORT_MS;
    o.check.over_tcp = tcp;
    uint64_t start = clock_mono_us();
    assert_string_equal(probe(&o).error, "no answer in time");
    assert_true(clock_mono_us() - start >= SHORT_MS * 1000 - 5000);
  }
}

static void
tcp_in_pieces_and_cut(void **state)
{
  (void)state;
  struct backend_options o = options();
  o.protocol = &protocol_tcp; // implies checks over TCP
  responder.mood = RESPOND_PIECES;
  assert_true(probe(&o).good);
  responder.mood = RESPOND_CLOSE;
  assert_false(probe(&o).good);
  assert_int_equal(responder.tcp_queries, 2);
  assert_int_equal(responder.udp_queries, 0);
}

static uint16_t
closed_port(void)
{
  struct responder gone;
  responder_open(&gone, RESPOND_SILENCE);
  responder_close(&gone);
  return gone.port;
}

static void
nobody_there_fails_at_once(void **state)
{
  (void)state;
  struct backend_options o = options();
  address_set_port(&o.address, closed_port());
  for (unsigned tcp = 0; tcp < 2; tcp++) {
    o.check.over_tcp = tcp;
    assert_string_equal(probe(&o).error, strerror(ECONNREFUSED));
  }
}

static void
a_socket_that_cannot_be_made_fails_later(void **state)
{
  (void)state;
  struct backend_options o = options();
  struct fault fault = FAULT_INIT;
  assert_true(address_parse(&o.source, "192.0.2.77", 0, &fault)); // not ours
  assert_string_equal(probe(&o).error, strerror(EADDRNOTAVAIL));
}

static void
the_query_is_as_the_options_say(void **state)
{
  (void)state;
  uint8_t m[600];
  struct question question;
  struct fault fault = FAULT_INIT;
  struct backend_options o = options();
  assert_true(probe(&o).good);
  size_t size = responder_last(&responder, m, sizeof m);
  assert_true(message_question(m, size, &question));
  char text[NAME_TEXT_SIZE];
  assert_string_equal(name_text(&question.name, text), "a.root-servers.net.");
  assert_int_equal(question.type, QTYPE_A);
  assert_int_equal(question.class, QCLASS_IN);
  assert_int_equal(question.end, size);
  assert_int_equal(m[2], FLAG2_RD);
  assert_int_equal(m[3], 0);
  o.check.set_cd = true;
  o.check.type = QTYPE_AAAA;
  o.check.class = QCLASS_CHAOS;
  o.use_proxy_protocol = true;
  assert_true(address_parse(&o.source, "127.0.0.3", 0, &fault));
  assert_true(name_from_text(&o.check.name, "health.example", 14, &fault));
  for (unsigned tcp = 0; tcp < 2; tcp++) {
    o.check.over_tcp = tcp;
    assert_true(probe(&o).good);
    size = responder_last(&responder, m, sizeof m);
    assert_memory_equal(m, "\r\n\r\n\0\r\nQUIT\n\x20\0\0", 16);
    assert_true(message_question(m + 16, size - 16, &question));
    assert_string_equal(name_text(&question.name, text), "health.example.");
    assert_int_equal(question.type, QTYPE_AAAA);
    assert_int_equal(question.class, QCLASS_CHAOS);
    assert_int_equal(m[16 + 3], FLAG3_CD);
  }
}

static void
a_probe_can_be_cancelled(void **state)
{
  (void)state;
  struct backend_options o = options();
  struct outcome outcome = {0};
  struct backend *b = backend_new(&o);
  struct health_query query = {.name = o.check.name, .type = QTYPE_A, .class = QCLASS_IN};
  struct probe *p = probe_start(base, b, &query, LONG_MS, on_done, &outcome);
  probe_cancel(&p);
  assert_null(p);
  assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 1); // nothing is left on it
  // Over a stream: before anything has happened, and when it is connected.
  for (unsigned turns = 0; turns < 3; turns++) {
    b->options.check.over_tcp = true;
    p = probe_start(base, b, &query, LONG_MS, on_done, &outcome);
    for (unsigned i = 0; i < turns; i++)
      event_base_loop(base, EVLOOP_NONBLOCK);
    if (outcome.done)
      break;
    probe_cancel(&p);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 1);
    assert_false(outcome.done);
  }
  object_unref(&b);
}

// ---- rounds ----

static struct {
  unsigned changes, prepared, validated;
  struct backend *last;
  bool last_up, refuse;
} told;

static void
on_changed(struct backend *b, bool up)
{
  told.changes++;
  told.last = b;
  told.last_up = up;
}

static void
prepare(struct backend *b, struct health_query *query, void (*done)(void *arg), void *arg)
{
  (void)b;
  told.prepared++;
  query->type = QTYPE_NS;
  done(arg);
}

static void
validate(struct backend *b, const uint8_t *answer, size_t size, void (*done)(void *arg, bool valid), void *arg)
{
  (void)b;
  assert_true(size > HEADER_SIZE && (answer[2] & FLAG2_QR));
  told.validated++;
  done(arg, !told.refuse);
}

static const struct health_hooks hooks = {.prepare = prepare, .validate = validate, .changed = on_changed};

// What goes to stdout between these two is returned.
static int saved_stdout, captured;

static void
capture_begin(void)
{
  fflush(stdout);
  saved_stdout = dup(STDOUT_FILENO);
  captured = memfd_create("log", MFD_CLOEXEC);
  assert_true(saved_stdout >= 0 && captured >= 0 && dup2(captured, STDOUT_FILENO) >= 0);
}

static void
capture_end(char *out, size_t size)
{
  fflush(stdout);
  dup2(saved_stdout, STDOUT_FILENO);
  close(saved_stdout);
  ssize_t n = pread(captured, out, size - 1, 0);
  out[n > 0 ? n : 0] = '\0';
  close(captured);
}

static void
watch(struct backend *const *backends, uint32_t count)
{
  struct backend_list *list = backend_list_new(backends, count);
  health_watch(list);
  object_unref(&list);
}

static void
wait_for_changes(unsigned count)
{
  while (told.changes < count)
    assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

// Good, silent and forced ones together: all at once, so the round lasts one time-out.
static void
initial_round(void **state)
{
  (void)state;
  char log[4000], expected[200];
  struct responder silent;
  responder_open(&silent, RESPOND_SILENCE);
  memset(&told, 0, sizeof told);
  struct backend *b[12];
  for (unsigned i = 0; i < 12; i++) {
    struct backend_options o = options();
    snprintf(o.name, sizeof o.name, "b%u", i);
    o.check.timeout_ms = i % 2 ? 300 : LONG_MS;
    if (i % 2)
      address_set_port(&o.address, silent.port);
    if (i >= 6)
      o.check.mode = HEALTH_LAZY;
    if (i == 11)
      o.check.forced = FORCED_UP;
    b[i] = backend_new(&o);
  }
  watch(b, 12);
  log_settings()->structured = true;
  log_settings()->syslog = false;
  uint64_t start = clock_mono_us();
  capture_begin();
  health_initial_round(base, &hooks);
  capture_end(log, sizeof log);
  assert_true(clock_mono_us() - start < 5 * 300000); // in turn they would need that at least
  assert_int_equal(told.changes, 11);
  for (unsigned i = 0; i < 11; i++)
    assert_int_equal(backend_is_up(b[i]), i % 2 == 0);
  assert_true(backend_is_up(b[11]));
  assert_non_null(strstr(log, "msg=\"Setting initial status for backend\" subsystem=\"backend\" level=\"0\" prio=\"Info\" ts=\""));
  snprintf(expected, sizeof expected,
           "\" backend.address=\"127.0.0.1:%u\" backend.health_check.status=\"down\" backend.name=\"b1\" backend.protocol=\"DoUDP\"\n",
           silent.port);
  assert_non_null(strstr(log, expected));
  assert_null(strstr(log, "Updating"));
  health_stop();
  for (unsigned i = 0; i < 12; i++) {
    assert_int_equal(object_refs(b[i]), 1);
    object_unref(&b[i]);
  }
  responder_close(&silent);
}

static void
transitions_are_told_while_it_runs(void **state)
{
  (void)state;
  char log[4000], expected[100];
  memset(&told, 0, sizeof told);
  struct worker *w = worker_new(NULL);
  struct backend_options o = options();
  struct backend *b = backend_new(&o);
  watch(&b, 1);
  capture_begin();
  health_initial_round(base, &hooks);
  health_start(base, &hooks);
  assert_int_equal(told.changes, 1);
  assert_true(told.last_up);
  counter_add(&b->counters[w->id]->queries, 1000);
  responder.mood = RESPOND_SERVFAIL;
  log_settings()->structured = false;
  health_log_failures(true);
  wait_for_changes(2); // at the next tick, within a second
  health_log_failures(false);
  capture_end(log, sizeof log);
  log_settings()->structured = true;
  assert_false(told.last_up || b->up);
  assert_in_range((unsigned)b->qps_now, 1, 1100); // a thousand over the time since the start
  snprintf(expected, sizeof expected, "Marking downstream 127.0.0.1:%u as 'down'\n", responder.port);
  assert_non_null(strstr(log, expected));
  assert_non_null(strstr(log, "failed: the answer is ServFail"));
  health_stop();
  assert_int_equal(object_refs(b), 1);
  object_unref(&b);
  worker_free(&w);
}

static void
new_backends_are_met_at_once(void **state)
{
  (void)state;
  memset(&told, 0, sizeof told);
  struct backend_options o = options(), lazy = options();
  lazy.check.mode = HEALTH_LAZY;
  struct backend *b[2] = {backend_new(&o), backend_new(&lazy)};
  capture_begin();
  health_initial_round(base, &hooks); // nobody there yet
  health_start(base, &hooks);
  watch(b, 2);
  wait_for_changes(1);
  char log[2000];
  capture_end(log, sizeof log);
  assert_ptr_equal(told.last, b[0]);
  assert_true(backend_is_up(b[0]) && backend_is_up(b[1]));
  assert_non_null(strstr(log, "Setting initial status for backend"));
  assert_int_equal(responder.udp_queries, 1); // the lazy one was not asked
  health_stop();
  object_unref(&b[0]);
  object_unref(&b[1]);
}

// Stands for a script: the test's own reference is never dropped.
static void
never_freed(struct object *object)
{
  (void)object;
  fail();
}

static const struct object_class script_like = {.name = "script", .free = never_freed};

static void
scripts_shape_the_query_and_judge_the_answer(void **state)
{
  (void)state;
  struct object script;
  struct question question;
  uint8_t m[600];
  char log[2000];
  object_init(&script, &script_like);
  memset(&told, 0, sizeof told);
  struct backend_options o = options();
  o.check.function = (struct script *)(void *)&script;
  o.check.validator = (struct script *)(void *)&script;
  told.refuse = true;
  struct backend *b = backend_new(&o);
  assert_int_equal(object_refs(&script), 3);
  watch(&b, 1);
  capture_begin();
  health_initial_round(base, &hooks);
  capture_end(log, sizeof log);
  assert_int_equal(told.prepared, 1);
  assert_int_equal(told.validated, 1);
  assert_false(backend_is_up(b));
  assert_true(message_question(m, responder_last(&responder, m, sizeof m), &question));
  assert_int_equal(question.type, QTYPE_NS);
  health_stop();
  object_unref(&b);
  assert_int_equal(object_refs(&script), 1);
}

// A script that answers after everything has stopped finds nothing to do, and no memory is lost or used again.
static void (*late_done)(void *arg);
static void *late_arg;

static void
prepare_late(struct backend *b, struct health_query *query, void (*done)(void *arg), void *arg)
{
  (void)b, (void)query;
  late_done = done;
  late_arg = arg;
}

static void
a_script_may_be_late(void **state)
{
  (void)state;
  static const struct health_hooks late = {.prepare = prepare_late, .changed = on_changed};
  struct object script;
  object_init(&script, &script_like);
  memset(&told, 0, sizeof told);
  struct backend_options o = options();
  o.check.function = (struct script *)(void *)&script;
  struct backend *b = backend_new(&o);
  watch(&b, 1);
  health_start(base, &late);
  while (late_done == NULL)
    assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
  health_stop();
  late_done(late_arg);
  assert_int_equal(told.changes, 0);
  assert_int_equal(object_refs(b), 1);
  object_unref(&b);
}

// For the thread sanitizer: lists come from another thread while the keeper runs.
static void *
watch_often(void *arg)
{
  struct backend **b = arg;
  for (unsigned i = 0; i < 200; i++)
    watch(b, i % 2 + 1);
  return NULL;
}

static void
lists_come_from_other_threads(void **state)
{
  (void)state;
  memset(&told, 0, sizeof told);
  struct backend_options o = options();
  struct backend *b[2] = {backend_new(&o), backend_new(&o)};
  char log[4000];
  pthread_t thread;
  capture_begin();
  health_start(base, &hooks);
  assert_int_equal(pthread_create(&thread, NULL, watch_often, b), 0);
  wait_for_changes(2);
  pthread_join(thread, NULL);
  health_stop();
  capture_end(log, sizeof log);
  assert_int_equal(told.changes, 2);
  assert_true(backend_is_up(b[0]) && backend_is_up(b[1]));
  object_unref(&b[0]);
  object_unref(&b[1]);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      cmocka_unit_test(verdicts),
      TEST(moods_over_udp_and_tcp),
      TEST(silence_is_a_time_out),
      TEST(tcp_in_pieces_and_cut),
      TEST(nobody_there_fails_at_once),
      TEST(a_socket_that_cannot_be_made_fails_later),
      TEST(the_query_is_as_the_options_say),
      TEST(a_probe_can_be_cancelled),
      TEST(initial_round),
      TEST(transitions_are_told_while_it_runs),
      TEST(new_backends_are_met_at_once),
      TEST(scripts_shape_the_query_and_judge_the_answer),
      TEST(a_script_may_be_late),
      TEST(lists_come_from_other_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
