// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/guard/dynblock: what is found, against a plain list; what edits share; what is freed when.
#include "dnsproxy/guard/dynblock.h"

#include "dnsproxy/guard/dynblock_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static struct dynblock_key
key_of(unsigned n)
{
  char text[ADDRESS_TEXT_SIZE];
  struct address a;
  snprintf(text, sizeof text, n % 3 == 0 ? "2001:db8::%x:%x" : "10.%u.%u.%u", n % 3 == 0 ? n >> 8 : n >> 16 & 255, n >> 8 & 255, n & 255);
  if (n % 3 == 0)
    snprintf(text, sizeof text, "2001:db8::%x:%x", n >> 16, n & 0xffff);
  assert_true(address_parse(&a, text, 0, NULL));
  return dynblock_key_address(&a, n % 5 == 0 ? 24 : 128, n % 7 == 0 ? 4 : 0);
}

static enum dynblock_outcome
block(struct dynblock_draft *d, const struct dynblock_key *key, uint64_t seconds, uint64_t now_us)
{
  return dynblock_insert(d, &(struct dynblock_spec){.key = *key, .seconds = seconds, .reason = "test", .action = DYNBLOCK_NO_ACTION}, now_us);
}

static void
finds_what_a_list_finds(void **state)
{
  (void)state;
  enum { KEYS = 400, EDITS = 6000 };
  static uint64_t until[KEYS];
  struct dynblock_draft d;
  unsigned seed = 11;
  memset(until, 0, sizeof until);
  dynblock_draft_init(&d);
  d.purge_interval_s = 1;
  uint64_t now = SECOND;
  for (int edit = 0; edit < EDITS; edit++) {
    unsigned n = (unsigned)rand_r(&seed) % KEYS * 7919 % 65536 % KEYS;
    struct dynblock_key key = key_of(n);
    uint64_t seconds = (uint64_t)(rand_r(&seed) % 20 + 1);
    block(&d, &key, seconds, now);
    for (unsigned i = 0; i < KEYS; i++) { // several numbers may have one key
      struct dynblock_key other = key_of(i);
      if (other.bits == key.bits && other.port_bits == key.port_bits && address_equal(&other.address, &key.address) && until[i] < now + seconds * SECOND)
        until[i] = now + seconds * SECOND;
    }
    if (edit % 50 == 0) {
      now += SECOND;
      dynblock_purge(&d, now);
      struct dynblock_set *s = dynblock_set_build(&d);
      for (unsigned i = 0; i < KEYS; i++) {
        struct dynblock_key probe = key_of(i);
        struct dynblock *b = dynblock_unexpired(dynblock_table_get(s->addresses, &probe), now);
        assert_int_equal(b != NULL, until[i] > now);
        if (b != NULL) {
          assert_int_equal(b->until_us, until[i]);
          assert_non_null(dynblock_find_client(s, &probe.address, now));
        }
      }
      object_unref(&s);
      dynblock_reap(100);
    }
  }
  now += 100 * SECOND;
  for (int i = 0; i < 3; i++)
    dynblock_purge(&d, now);
  assert_int_equal(d.addresses->count, 0);
  assert_int_equal(d.addresses->shape_count, 0);
  dynblock_draft_fini(&d);
}

static void
an_edit_copies_one_shard(void **state)
{
  (void)state;
  enum { BLOCKS = 50000 };
  struct dynblock_draft d;
  dynblock_draft_init(&d);
  for (unsigned n = 0; n < BLOCKS; n++) {
    struct dynblock_key key = key_of(n * 5 + 1);
    block(&d, &key, 100, SECOND);
  }
  struct dynblock_set *before = dynblock_set_build(&d);
  struct dynblock_key key = key_of(1000003);
  assert_int_equal(block(&d, &key, 100, SECOND), DYNBLOCK_NEW);
  struct dynblock_set *after = dynblock_set_build(&d);
  unsigned changed = 0;
  for (unsigned i = 0; i < DYNBLOCK_SHARDS; i++)
    changed += before->addresses->shards[i] != after->addresses->shards[i];
  assert_int_equal(changed, 1);
  assert_int_equal(after->count, before->count + 1);
  assert_null(dynblock_find_client(before, &key.address, SECOND));
  assert_non_null(dynblock_find_client(after, &key.address, SECOND));
  object_unref(&before);
  object_unref(&after);
  dynblock_draft_fini(&d);
}

static struct dynblock *held[30000];
static size_t held_count;

static void
hold(struct dynblock *b, void *arg)
{
  (void)arg;
  held[held_count++] = object_ref(b);
}

static size_t
still_in_tables(void)
{
  size_t n = 0;
  for (size_t i = 0; i < held_count; i++)
    n += object_refs(held[i]) > 1;
  return n;
}

// Neither clearing nor the end of a set frees blocks at once; the purge looks at a bounded number.
static void
large_tables_are_freed_in_pieces(void **state)
{
  (void)state;
  struct dynblock_draft d;
  dynblock_draft_init(&d);
  for (unsigned n = 0; n < 30000; n++) {
    struct dynblock_key key = key_of(n * 3 + 1);
    block(&d, &key, 100, SECOND);
  }
  held_count = 0;
  dynblock_each(&d, SECOND, hold, NULL);
  size_t all = held_count;
  struct dynblock_set *set = dynblock_set_build(&d);
  dynblock_purge(&d, 200 * SECOND);
  assert_in_range(d.addresses->count, all / 3, all - 10000);
  dynblock_purge(&d, 200 * SECOND);
  assert_int_equal(d.addresses->count, 0);
  dynblock_clear(&d);
  object_unref(&set);
  assert_int_equal(still_in_tables(), all);
  size_t left = all;
  for (int i = 0; i < 100 && left > 0; i++) {
    dynblock_reap(2000);
    size_t now = still_in_tables();
    assert_in_range(left - now, now == 0 ? 0 : 500, 2200);
    left = now;
  }
  assert_int_equal(left, 0);
  for (size_t i = 0; i < held_count; i++)
    object_unref(&held[i]);
  dynblock_draft_fini(&d);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_a_list_finds),
      cmocka_unit_test(an_edit_copies_one_shard),
      cmocka_unit_test(large_tables_are_freed_in_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
