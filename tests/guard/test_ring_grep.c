// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of ring_grep_*() in dnsproxy/guard/ring_reports: what a filter is taken for, and lines with every column at its widest.
#include "dnsproxy/guard/ring_reports.h"

#include "dnsproxy/base/clock.h"
#include "tests/fake_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EXAMPLE_A "1234 0100 0001 0000 0000 0000 03'www'07'example'00 0001 0001"

static struct fake_worker fake;
static struct query *q;

static int
setup(void **state)
{
  (void)state;
  rings_options = (struct rings_options){.size = 100, .record = {true, true}};
  fake_worker_open(&fake);
  rings_open(fake.worker);
  q = fake_query(&fake, EXAMPLE_A);
  return 0;
}

static int
teardown(void **state)
{
  (void)state;
  fake_query_free(&q);
  rings_close(fake.worker);
  fake_worker_close(&fake);
  return 0;
}

static void
takes_filters_for_what_they_are(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    char kind; // m, l, n; x: none
    uint64_t us;
  } rows[] = {
      {"192.0.2.1", 'm', 0}, {"192.0.2.0/24", 'm', 0}, {"::1", 'm', 0}, {"!10.0.0.0/8", 'm', 0},
      {"100ms", 'l', 100000}, {"0ms", 'l', 0}, {"99999999999999999999999ms", 'l', UINT64_MAX},
      {"ms", 'n', 0}, {"1.5ms", 'n', 0}, {"-1ms", 'n', 0}, {"100msx", 'n', 0}, {"100", 'n', 0}, {"a100ms", 'n', 0},
      {"", 'n', 0}, {".", 'n', 0}, {"www.example", 'n', 0}, {"192.0.2.1:53", 'n', 0}, {"a..b", 'x', 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct ring_grep g = {.limit = 0};
    bool good = ring_grep_add(&g, rows[i].text, strlen(rows[i].text));
    char kind = !good ? 'x' : g.has_mask ? 'm' : g.has_latency ? 'l' : g.has_name ? 'n' : '?';
    if (kind != rows[i].kind)
      fail_msg("'%s' was taken for %c", rows[i].text, kind);
    assert_int_equal(g.has_mask + g.has_latency + g.has_name, good);
    if (kind == 'l' && rows[i].us != UINT64_MAX)
      assert_int_equal(g.slower_us, rows[i].us);
    else if (kind == 'l')
      assert_true(g.slower_us > UINT32_MAX); // slower than anything, time-outs included
  }
}

// The table without its header and without times.
static char *
table(const struct ring_grep *g)
{
  static char out[8192];
  struct text text;
  text_init(&text);
  ring_grep_text(g, &text);
  out[0] = '\0';
  for (char *line = strchr(text.data, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1)
    strncat(out, line + 8, (size_t)(strchr(line, '\n') + 1 - line) - 8);
  text_fini(&text);
  return out;
}

static void
prints_what_is_wide(void **state)
{
  (void)state;
  struct address backend;
  const struct ring_grep all = {.limit = 0};
  char name[] = "a.name.of.more.than.twenty-five.letters.example.";
  fake.worker->now_us = clock_mono_us();
  assert_true(address_parse(&q->arrival.client, "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", 0, NULL));
  assert_true(address_parse(&backend, "[2001:db8::53]:5300", 0, NULL));
  assert_true(name_from_text(&q->qname, name, strlen(name), NULL));
  q->qtype = 65280;
  q->packet.data[2] = FLAG2_QR | FLAG2_AA | FLAG2_TC | FLAG2_RD | 5 << 3;
  q->packet.data[3] = 11;
  message_put_u16(q->packet.data, 65535);
  q->arrival.transport = &transport_dnscrypt_tcp;
  rings_record_query(q);
  rings_record_answer(q, &backend, &transport_tcp, 123456789);
  rings_record_answer(q, NULL, &transport_tcp, 0);
#define CLIENT "[2001:db8:1111:2222:3333:4444:5555:6666]:65535  "
#define BEHIND "65535 a.name.of.more.than.twenty-five.letters.example. TYPE65280 "
  assert_string_equal(table(&all), CLIENT "DNSCryptTCP               " BEHIND "       TC RD AA Question (Update)\n" CLIENT
                                          "DoTCP        [2001:db8::53]:5300 " BEHIND "123456.8 TC RD AA Err#11\n" CLIENT
                                          "-            Cache        " BEHIND "0.0    TC RD AA Err#11\n");
}

static void
a_query_comes_before_its_answer(void **state)
{
  (void)state;
  char seen[16] = "";
  fake.worker->now_us = clock_mono_us() - 10000;
  for (int i = 0; i < 2; i++) { // the answers of a batch follow its queries, at the same instant
    for (int n = 0; n < 2; n++)
      rings_record_query(q);
    for (int n = 0; n < 2; n++)
      rings_record_answer(q, NULL, &transport_udp, 0);
    fake.worker->now_us += 1000;
  }
  const struct ring_grep all = {.limit = 0}, three = {.limit = 3};
  for (char *line = table(&all); *line != '\0'; line = strchr(line, '\n') + 1)
    strcat(seen, strncmp(line + 48, "DoUDP", 5) == 0 ? "Q" : "A");
  assert_string_equal(seen, "QQAAQQAA");
  seen[0] = '\0';
  for (char *line = table(&three); *line != '\0'; line = strchr(line, '\n') + 1)
    strcat(seen, strncmp(line + 48, "DoUDP", 5) == 0 ? "Q" : "A");
  assert_string_equal(seen, "QAQQAA");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_filters_for_what_they_are),
      cmocka_unit_test_setup_teardown(prints_what_is_wide, setup, teardown),
      cmocka_unit_test_setup_teardown(a_query_comes_before_its_answer, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
