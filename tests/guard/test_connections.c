// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/guard/connections: concurrency, rates, bans, ranges, and what is forgotten.
#include "dnsproxy/guard/connections.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct address
client(const char *text)
{
  struct address a;
  struct fault fault = FAULT_INIT;
  assert_true(address_parse(&a, text, 4000, &fault));
  return a;
}

static struct settings
defaults(void)
{
  struct settings s;
  settings_default(&s);
  return s;
}

static void
without_limits_nothing_is_remembered(void **state)
{
  (void)state;
  struct settings s = defaults();
  struct address a = client("192.0.2.1");
  for (int i = 0; i < 1000; i++)
    assert_int_equal(connections_opened(&a, &s, 100), STREAM_ADMITTED);
  assert_int_equal(connections_clients(), 0);
  connections_closed(&a, &s);
}

static void
limits_concurrent_connections_and_restricts_near_it(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.tcp_max_per_client = 10;
  struct address a = client("192.0.2.2"), other = client("192.0.2.3");
  for (int i = 0; i < 9; i++)
    assert_int_equal(connections_opened(&a, &s, 100), STREAM_ADMITTED);
  assert_int_equal(connections_opened(&a, &s, 100), STREAM_RESTRICTED); // above 90 % of ten
  assert_int_equal(connections_opened(&a, &s, 100), STREAM_REFUSED);
  assert_int_equal(connections_opened(&other, &s, 100), STREAM_ADMITTED);
  connections_closed(&a, &s);
  assert_int_equal(connections_opened(&a, &s, 100), STREAM_RESTRICTED);
  s.tcp_overload_percent = 0;
  connections_closed(&a, &s);
  assert_int_equal(connections_opened(&a, &s, 100), STREAM_ADMITTED);
  for (int i = 0; i < 10; i++)
    connections_closed(&a, &s);
  connections_closed(&other, &s);
}

static void
counts_out_while_nothing_is_limited(void **state)
{
  (void)state;
  struct settings s = defaults(), unlimited = defaults();
  s.tcp_max_per_client = 2;
  struct address a = client("192.0.2.4");
  for (int i = 0; i < 2; i++)
    assert_int_not_equal(connections_opened(&a, &s, 100), STREAM_REFUSED);
  assert_int_equal(connections_opened(&a, &s, 100), STREAM_REFUSED);
  for (int i = 0; i < 2; i++)
    connections_closed(&a, &unlimited); // setMaxTCPConnectionsPerClient(0) meanwhile
  assert_int_not_equal(connections_opened(&a, &s, 100), STREAM_REFUSED);
  connections_closed(&a, &s);
}

static unsigned
admitted(const struct address *a, const struct settings *s, unsigned tries, uint32_t now_s)
{
  unsigned count = 0;
  for (unsigned i = 0; i < tries; i++)
    if (connections_opened(a, s, now_s) != STREAM_REFUSED) {
      count++;
      connections_closed(a, s);
    }
  return count;
}

static void
bans_a_client_that_exceeds_the_rate(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.tcp_max_rate_per_client = 10;
  s.tcp_rate_interval_min = 2;
  struct address a = client("192.0.2.4");
  // The one that exceeds is still served, the next is not.
  assert_int_equal(admitted(&a, &s, 40, 600), 11);
  assert_int_equal(admitted(&a, &s, 40, 609), 0);
  // The ban ends after ten seconds, in which ten a second would have been allowed.
  assert_int_equal(admitted(&a, &s, 200, 610), 90);
}

// The rate counts from the first connection that is still remembered, whenever in its minute that came.
static void
rates_count_from_the_first_connection(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.tcp_max_rate_per_client = 1;
  s.tcp_rate_interval_min = 2;
  s.ban_rate_s = 0;
  struct address slow = client("192.0.2.7"), late = client("192.0.2.8");
  for (uint32_t second = 600; second < 1000; second++)
    assert_int_equal(admitted(&slow, &s, 1, second), 1);
  assert_int_equal(admitted(&late, &s, 3, 659), 2);
  assert_int_equal(admitted(&late, &s, 3, 661), 1);
  // All of it forgotten: a burst again.
  assert_int_equal(admitted(&late, &s, 3, 900), 2);
}

static void
bans_for_too_many_reads(void **state)
{
  (void)state;
  struct settings s = defaults();
  struct address a = client("192.0.2.5"), other = client("192.0.2.6");
  connections_ban(&a, &s, 1000);
  assert_int_equal(connections_opened(&a, &s, 1059), STREAM_REFUSED);
  assert_int_equal(connections_opened(&other, &s, 1059), STREAM_ADMITTED);
  assert_int_equal(connections_opened(&a, &s, 1060), STREAM_ADMITTED);
}

static void
clients_are_ranges(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.tcp_max_per_client = 1;
  s.tcp_overload_percent = 0;
  s.tcp_mask_v4 = 24;
  s.tcp_mask_v6 = 64;
  struct address a = client("198.51.100.1"), neighbour = client("198.51.100.200");
  assert_int_equal(connections_opened(&a, &s, 100), STREAM_ADMITTED);
  assert_int_equal(connections_opened(&neighbour, &s, 100), STREAM_REFUSED);
  struct address b = client("2001:db8::1"), near = client("2001:db8::2"), far = client("2001:db8:0:1::1");
  assert_int_equal(connections_opened(&b, &s, 100), STREAM_ADMITTED);
  assert_int_equal(connections_opened(&near, &s, 100), STREAM_REFUSED);
  assert_int_equal(connections_opened(&far, &s, 100), STREAM_ADMITTED);
  connections_closed(&a, &s);
  connections_closed(&b, &s);
  connections_closed(&far, &s);
}

static void
ports_tell_clients_apart_when_asked(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.tcp_max_per_client = 1;
  s.tcp_overload_percent = 0;
  s.tcp_mask_v4_port = 2; // four shares of the ports
  struct address low = client("203.0.113.1:100"), also_low = client("203.0.113.1:16383"), high = client("203.0.113.1:16384");
  assert_int_equal(connections_opened(&low, &s, 100), STREAM_ADMITTED);
  assert_int_equal(connections_opened(&also_low, &s, 100), STREAM_REFUSED);
  assert_int_equal(connections_opened(&high, &s, 100), STREAM_ADMITTED);
  connections_closed(&low, &s);
  connections_closed(&high, &s);
}

// Those who have gone are swept away while others come.
static void
forgets_who_has_gone(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.tcp_max_per_client = 5;
  for (uint32_t i = 0; i < 200000; i++) {
    uint32_t raw = htonl(0x0a000000u + i);
    struct address a;
    assert_true(address_from_raw(&a, &raw, 4, 1));
    assert_int_equal(connections_opened(&a, &s, 5000), STREAM_ADMITTED);
    connections_closed(&a, &s);
  }
  assert_true(connections_clients() < 150000);
}

enum { THREADS = 4, ROUNDS = 20000, MOST = 2 };
static _Atomic int open_now, too_many;

static void *
open_and_close(void *arg)
{
  struct settings *s = arg;
  struct address a = client("192.0.2.77");
  for (int i = 0; i < ROUNDS; i++) {
    if (connections_opened(&a, s, 9000) == STREAM_REFUSED)
      continue;
    if (atomic_fetch_add(&open_now, 1) + 1 > MOST)
      atomic_fetch_add(&too_many, 1);
    atomic_fetch_sub(&open_now, 1);
    connections_closed(&a, s);
  }
  return NULL;
}

static void
holds_across_threads(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.tcp_max_per_client = MOST;
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &s), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(too_many, 0);
  struct address a = client("192.0.2.77");
  assert_int_equal(connections_opened(&a, &s, 9000), STREAM_ADMITTED); // all were counted out
  connections_closed(&a, &s);
}

// The last test: nobody forgets this client.
static void
bans_as_long_as_can_be(void **state)
{
  (void)state;
  struct settings s = defaults();
  s.ban_read_ios_s = UINT32_MAX;
  struct address a = client("192.0.2.250");
  connections_ban(&a, &s, 9000);
  assert_int_equal(connections_opened(&a, &s, 9001), STREAM_REFUSED);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_limits_nothing_is_remembered),
      cmocka_unit_test(limits_concurrent_connections_and_restricts_near_it),
      cmocka_unit_test(counts_out_while_nothing_is_limited),
      cmocka_unit_test(bans_a_client_that_exceeds_the_rate),
      cmocka_unit_test(rates_count_from_the_first_connection),
      cmocka_unit_test(bans_for_too_many_reads),
      cmocka_unit_test(clients_are_ranges),
      cmocka_unit_test(ports_tell_clients_apart_when_asked),
      cmocka_unit_test(forgets_who_has_gone),
      cmocka_unit_test(holds_across_threads),
      cmocka_unit_test(bans_as_long_as_can_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
