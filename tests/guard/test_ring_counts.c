// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of sums over the rings (guard/ring_reports, stat nodes of guard/dynblock_group): sums over the rings, against sums made the slow way.
#include "dnsproxy/guard/ring_reports.h"

#include "dnsproxy/guard/dynblock_group.h"
#include "dnsproxy/wire/codes.h"
#include "tests/fake_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define EXAMPLE_A "1234 0100 0001 0000 0000 0000 03'www'07'example'00 0001 0001"

static struct fake_worker fake;
static struct query *q;
static struct address backend;

static int
setup(void **state)
{
  (void)state;
  rings_options = (struct rings_options){.size = 10000, .record = {true, true}};
  fake_worker_open(&fake);
  rings_open(fake.worker);
  fake.worker->now_us = 1000;
  q = fake_query(&fake, EXAMPLE_A);
  assert_true(address_parse(&backend, "192.0.2.53", 53, NULL));
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
set_name(const char *text)
{
  assert_true(name_from_text(&q->qname, text, strlen(text), NULL));
}

static void
answer(const char *name, unsigned rcode, uint32_t latency_us)
{
  set_name(name);
  q->packet.data[3] = (uint8_t)rcode;
  rings_record_answer(q, &backend, &transport_udp, latency_us);
}

// "name=count " for each row, in order.
static char *
count_text(const struct ring_count *what, bool of_names, uint64_t *total)
{
  static char out[4096];
  char name[NAME_TEXT_SIZE];
  struct tally t;
  size_t used = 0;
  tally_init(&t, of_names);
  ring_count(&t, what);
  tally_sort(&t);
  out[0] = '\0';
  for (size_t i = 0; i < t.count; i++)
    used += (size_t)snprintf(out + used, sizeof out - used, "%s=%llu ",
                             of_names ? name_text(&t.rows[i].name, name) : address_text(&t.rows[i].address, name),
                             (unsigned long long)t.rows[i].count);
  *total = t.total;
  tally_fini(&t);
  return out;
}

static void
counts_names_by_filter(void **state)
{
  (void)state;
  uint64_t total;
  answer("a.example.", RCODE_NOERROR, 100);
  answer("A.Example.", RCODE_NOERROR, 2000);
  answer("b.example.", RCODE_NXDOMAIN, 2001);
  answer("c.test.", RCODE_NXDOMAIN, 3000);
  set_name("slow.test.");
  rings_record_timeout(q, &backend, &transport_udp);
  struct ring_count what = {.kind = RING_ANSWERS};
  assert_string_equal(count_text(&what, true, &total), "A.Example.=2 b.example.=1 c.test.=1 slow.test.=1 ");
  assert_int_equal(total, 5);
  what.filter = RING_OF_RCODE;
  what.number = RCODE_NXDOMAIN;
  assert_string_equal(count_text(&what, true, &total), "b.example.=1 c.test.=1 ");
  assert_int_equal(total, 2);
  what.number = RCODE_NOERROR; // the time-out has none
  assert_string_equal(count_text(&what, true, &total), "A.Example.=2 ");
  what = (struct ring_count){.kind = RING_ANSWERS, .filter = RING_SLOWER, .number = 2000};
  assert_string_equal(count_text(&what, true, &total), "b.example.=1 c.test.=1 ");
  what.filter = RING_TIMEOUTS;
  assert_string_equal(count_text(&what, true, &total), "slow.test.=1 ");
  what = (struct ring_count){.kind = RING_ANSWERS, .cut = true, .labels = 1};
  assert_string_equal(count_text(&what, true, &total), "example.=3 test.=2 ");
  what.labels = 0;
  assert_string_equal(count_text(&what, true, &total), ".=5 ");
  what.labels = 9;
  assert_string_equal(count_text(&what, true, &total), "A.Example.=2 b.example.=1 c.test.=1 slow.test.=1 ");
  what.kind = RING_QUERIES;
  assert_string_equal(count_text(&what, true, &total), "");
}

static void
counts_clients_and_bytes(void **state)
{
  (void)state;
  static const char *const clients[] = {"192.0.2.7", "2001:db8::1", "192.0.2.7", "192.0.2.1"};
  uint64_t total;
  for (unsigned i = 0; i < 4; i++) {
    assert_true(address_parse(&q->arrival.client, clients[i], (uint16_t)(1000 + i), NULL));
    q->qtype = i < 3 ? QTYPE_A : QTYPE_AAAA;
    fake.worker->now_us = 1000 * (i + 1);
    rings_record_query(q);
  }
  uint64_t size = q->packet.size;
  struct ring_count what = {.kind = RING_QUERIES};
  assert_string_equal(count_text(&what, false, &total), "192.0.2.7=2 192.0.2.1=1 2001:db8::1=1 ");
  what.bytes = true;
  count_text(&what, false, &total);
  assert_int_equal(total, 4 * size);
  what = (struct ring_count){.kind = RING_QUERIES, .filter = RING_OF_QTYPE, .number = QTYPE_AAAA};
  assert_string_equal(count_text(&what, false, &total), "192.0.2.1=1 ");
  what = (struct ring_count){.kind = RING_QUERIES, .since_us = 3000};
  assert_string_equal(count_text(&what, false, &total), "192.0.2.1=1 192.0.2.7=1 ");
  struct tally t;
  tally_init(&t, false);
  what.since_us = 0;
  assert_int_equal(ring_count(&t, &what), 1000);
  what.kind = RING_ANSWERS;
  assert_true(ring_count(&t, &what) == UINT64_MAX);
  tally_fini(&t);
}

static void
tallies_many_keys(void **state)
{
  (void)state;
  enum { KEYS = 3000, ADDS = 20000 };
  static unsigned expected[KEYS];
  char text[32];
  struct tally t;
  struct name name;
  tally_init(&t, true);
  for (unsigned i = 0; i < ADDS; i++) {
    unsigned key = (unsigned)rand() % KEYS;
    unsigned n = (unsigned)rand() % 3 + 1;
    expected[key] += n;
    snprintf(text, sizeof text, "n%u.Example.", key);
    assert_true(name_from_text(&name, text, strlen(text), NULL));
    tally_add_name(&t, &name, n);
  }
  tally_sort(&t);
  uint64_t sum = 0;
  for (size_t i = 0; i < t.count; i++) {
    unsigned key = (unsigned)atoi(name_text(&t.rows[i].name, (char[NAME_TEXT_SIZE]){0}) + 1);
    assert_int_equal(t.rows[i].count, expected[key]);
    assert_true(i == 0 || t.rows[i - 1].count >= t.rows[i].count);
    expected[key] = 0;
    sum += t.rows[i].count;
  }
  for (unsigned key = 0; key < KEYS; key++)
    assert_int_equal(expected[key], 0);
  assert_int_equal(sum, t.total);
  tally_fini(&t);
}

// ---- latency ----

static void
draws_latencies(void **state)
{
  (void)state;
  struct text out;
  text_init(&out);
  ring_latency_text(&out);
  assert_string_equal(out.data, "No traffic yet.\n");
  text_clear(&out);
  rings_record_timeout(q, &backend, &transport_udp);
  ring_latency_text(&out);
  assert_string_equal(out.data, "No traffic yet.\n");
  text_clear(&out);
  // 140 up to 0.1 ms; one of 0.2, two of 0.4, three above; one beyond the last bin.
  for (int i = 0; i < 280; i++)
    answer("a.", 0, i < 140 ? 100 : 50);
  answer("a.", 0, 101);
  for (int i = 0; i < 3; i++)
    answer("a.", 0, 400);
  for (int i = 0; i < 4; i++)
    answer("a.", 0, 401);
  answer("a.", 0, 3000000);
  ring_latency_text(&out);
  char expected[2048], stars[71];
  memset(stars, '*', 70);
  stars[70] = '\0';
  snprintf(expected, sizeof expected,
           "Average response latency: %.2f ms\n     ms\t\n   0.10\t%s\n   0.20\t.\n   0.40\t:\n   0.80\t*\n   1.60\t\n"
           "   3.20\t\n   6.40\t\n  12.80\t\n  25.60\t\n  51.20\t\n 102.40\t\n 204.80\t\n 409.60\t\n 819.20\t\n1638.40\t.\n",
           (140 * 100 + 140 * 50 + 101 + 3 * 400 + 4 * 401 + 3000000.0) / 289 / 1000, stars);
  assert_string_equal(out.data, expected);
  text_fini(&out);
}

// ---- tree of names ----

static void
put_node(const struct stat_node *n, struct text *out)
{
  char name[NAME_TEXT_SIZE];
  const struct stat_counts *s = &n->self, *a = &n->all;
  text_printf(out, "%s l%u c%u %llu/%llu %llu/%llu %llu/%llu %llu/%llu %llu/%llu %llu/%llu %llu/%llu\n",
              name_text(&n->name, name), n->labels, n->children, (unsigned long long)s->queries,
              (unsigned long long)a->queries, (unsigned long long)s->noerrors, (unsigned long long)a->noerrors,
              (unsigned long long)s->nxdomains, (unsigned long long)a->nxdomains, (unsigned long long)s->servfails,
              (unsigned long long)a->servfails, (unsigned long long)s->drops, (unsigned long long)a->drops,
              (unsigned long long)s->hits, (unsigned long long)a->hits, (unsigned long long)s->bytes,
              (unsigned long long)a->bytes);
}

static bool
collect(const struct stat_node *n, void *arg)
{
  put_node(n, arg);
  return true;
}

static bool
stop_at_second(const struct stat_node *n, void *arg)
{
  (void)n;
  return ++*(unsigned *)arg < 2;
}

static void
visits_children_first(void **state)
{
  (void)state;
  struct text out;
  text_init(&out);
  stat_nodes_visit(0, collect, &out);
  assert_string_equal(out.data, ". l0 c0 0/0 0/0 0/0 0/0 0/0 0/0 0/0\n");
  text_clear(&out);
  answer("www.example.", RCODE_NOERROR, 1);
  answer("WWW.example.", RCODE_SERVFAIL, 1);
  answer("x.y.example.", RCODE_NXDOMAIN, 1);
  set_name("example.");
  rings_record_answer(q, NULL, &transport_udp, 0); // a hit, NXDOMAIN still
  fake.worker->now_us = 2000;
  set_name("zoo.");
  q->packet.data[3] = 0;
  rings_record_timeout(q, &backend, &transport_udp);
  unsigned size = (unsigned)q->packet.size;
  stat_nodes_visit(0, collect, &out);
  char expected[1024];
  snprintf(expected, sizeof expected,
           "www.example. l2 c0 2/2 1/1 0/0 1/1 0/0 0/0 %u/%u\nx.y.example. l3 c0 1/1 0/0 1/1 0/0 0/0 0/0 %u/%u\n"
           "y.example. l2 c1 0/1 0/0 0/1 0/0 0/0 0/0 0/%u\nexample. l1 c2 1/4 0/1 1/2 0/1 0/0 1/1 %u/%u\n"
           "zoo. l1 c0 1/1 0/0 0/0 0/0 1/1 0/0 0/0\n. l0 c2 0/5 0/1 0/2 0/1 0/1 0/1 0/%u\n",
           2 * size, 2 * size, size, size, size, size, 4 * size, 4 * size);
  // Which casing of www.example. shows is open.
  if (strncmp(out.data, "WWW", 3) == 0)
    memcpy(out.data, "www", 3);
  assert_string_equal(out.data, expected);
  text_clear(&out);
  stat_nodes_visit(1500, collect, &out);
  assert_string_equal(out.data, "zoo. l1 c0 1/1 0/0 0/0 0/0 1/1 0/0 0/0\n. l0 c1 0/1 0/0 0/0 0/0 0/1 0/0 0/0\n");
  unsigned seen = 0;
  stat_nodes_visit(0, stop_at_second, &seen);
  assert_int_equal(seen, 2);
  text_fini(&out);
}

enum { NAMES = 2000 };
struct forest {
  struct name names[NAMES];
  size_t nodes;
};

// Every node: its sums and children are those of a look at all names.
static bool
check_node(const struct stat_node *n, void *arg)
{
  struct forest *f = arg;
  uint64_t self = 0, all = 0;
  for (size_t i = 0; i < NAMES; i++) {
    self += name_equal(&f->names[i], &n->name);
    all += name_bytes_is_part_of(f->names[i].bytes, f->names[i].size, &n->name);
  }
  assert_int_equal(n->self.queries, self);
  assert_int_equal(n->all.queries, all);
  assert_true(all > 0);
  assert_int_equal(n->labels, name_bytes_labels(n->name.bytes));
  f->nodes++;
  return true;
}

static int
in_order(const void *a, const void *b)
{
  return name_compare(a, b);
}

// All names and all above them, each once.
static size_t
count_nodes(const struct forest *f)
{
  static struct name all[NAMES * 6];
  size_t count = 0, distinct = 0;
  for (size_t i = 0; i < NAMES; i++) {
    struct name name = f->names[i];
    do
      all[count++] = name;
    while (name_chop(&name));
  }
  qsort(all, count, sizeof *all, in_order);
  for (size_t i = 0; i < count; i++)
    distinct += i == 0 || !name_equal(&all[i - 1], &all[i]);
  return distinct;
}

static void
sums_are_those_of_the_names(void **state)
{
  (void)state;
  static struct forest f;
  for (size_t i = 0; i < NAMES; i++) {
    char text[64] = ".";
    for (int labels = rand() % 5; labels > 0; labels--) {
      char longer[sizeof text + 4];
      snprintf(longer, sizeof longer, "%c%d.%.50s", "aAbB"[rand() % 4], rand() % 4, text[0] == '.' ? "" : text);
      memcpy(text, longer, sizeof text);
    }
    answer(text, RCODE_NOERROR, 1);
    f.names[i] = q->qname;
  }
  stat_nodes_visit(0, check_node, &f);
  assert_int_equal(f.nodes, count_nodes(&f));
}

int
main(void)
{
  unsigned seed = (unsigned)time(NULL);
  printf("seed %u\n", seed);
  srand(seed);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(counts_names_by_filter, setup, teardown),
      cmocka_unit_test_setup_teardown(counts_clients_and_bytes, setup, teardown),
      cmocka_unit_test(tallies_many_keys),
      cmocka_unit_test_setup_teardown(draws_latencies, setup, teardown),
      cmocka_unit_test_setup_teardown(visits_children_first, setup, teardown),
      cmocka_unit_test_setup_teardown(sums_are_those_of_the_names, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
