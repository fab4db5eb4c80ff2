// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/netmask: sets against a plain list of masks, with and without the built index.
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct netmask
mask(const char *text)
{
  struct netmask m;
  assert_true(netmask_parse(&m, text, NULL));
  return m;
}

static struct address
address(const char *text)
{
  struct address a;
  assert_true(address_parse(&a, text, 53, NULL));
  return a;
}

static void
texts(void **state)
{
  (void)state;
  static const char *const rows[][2] = {
      {"10.0.0.0/8", "10.0.0.0/8"},     {"10.1.2.3/8", "10.0.0.0/8"},    {"192.0.2.1", "192.0.2.1/32"},
      {"!192.0.2.0/24", "!192.0.2.0/24"}, {"::1", "::1/128"},            {"fc00::/7", "fc00::/7"},
      {"1.2.3.4/99", "1.2.3.4/32"},     {"::/255", "::/128"},            {"1.2.3.4/8x", "1.0.0.0/8"},
      {"1.2.3.4/", "1.2.3.4/32"},       {"!2001:db8::ff/", "!2001:db8::ff/128"}, {"0.0.0.0/0", "0.0.0.0/0"}, {"[2001:db8::1]/32", "2001:db8::/32"},
      {"!::1/0", "!::/0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct netmask m = mask(rows[i][0]);
    struct text t;
    text_init(&t);
    netmask_text(&m, &t);
    assert_string_equal(t.data, rows[i][1]);
    assert_int_equal(address_port(&m.network), 0);
    text_fini(&t);
  }
  static const char *const bad[] = {"",   "bad", "1.2.3",      "1.2.3.4:53",    "[::1/128",    "!", "!!1.2.3.4",
                                    "/8", "x/y", "1.2.3.4 /8", "fe80::1%lo/64", "1.2.3.4:53/8"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct netmask m;
    struct fault f = FAULT_INIT;
    char want[100] = "Unable to convert '";
    strcat(strcat(want, bad[i]), "' to a netmask");
    assert_false(netmask_parse(&m, bad[i], &f));
    assert_int_equal(f.kind, FAULT_ADDRESS);
    assert_string_equal(f.text, want);
  }
  static const char *const bits[][2] = {{"1.2.3.4/x", "stoull: the prefix length 'x' is not a number"},
                                        {"1.2.3.4/+8", "stoull: the prefix length '+8' is not a number"},
                                        {"1.2.3.4/-1", "The prefix length -1 is too large, the maximum is 255"},
                                        {"1.2.3.4/256", "The prefix length 256 is too large, the maximum is 255"},
                                        {"::/300", "The prefix length 300 is too large, the maximum is 255"}};
  for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
    struct netmask m;
    struct fault f = FAULT_INIT;
    assert_false(netmask_parse(&m, bits[i][0], &f));
    assert_int_equal(f.kind, FAULT_CAUGHT);
    assert_string_equal(f.text, bits[i][1]);
  }
}

static void
one_mask_matches(void **state)
{
  (void)state;
  struct netmask m = mask("10.0.0.0/8"), same = mask("10.9.9.9/8"), other = mask("10.0.0.0/9"), all = mask("::/0");
  struct address in = address("10.255.0.1"), out = address("11.0.0.0"), six = address("::ffff:10.0.0.1");
  assert_true(netmask_match(&m, &in));
  assert_false(netmask_match(&m, &out) || netmask_match(&m, &six) || netmask_match(&all, &in));
  assert_true(netmask_match(&all, &six));
  assert_true(netmask_equal(&m, &same));
  assert_false(netmask_equal(&m, &other) || netmask_equal(&m, &all));
}

static void
add_text(struct netmask_set *s, const char *text)
{
  struct netmask m = mask(text);
  netmask_set_add(s, &m);
}

static bool
matches(const struct netmask_set *s, const char *text)
{
  struct address a = address(text);
  return netmask_set_match(s, &a);
}

static void
longest_prefix_decides(void **state)
{
  (void)state;
  struct netmask_set *s = netmask_set_new();
  assert_false(matches(s, "1.2.3.4") || matches(s, "::1"));
  netmask_set_build(s);
  assert_false(matches(s, "1.2.3.4") || matches(s, "::1"));
  add_text(s, "10.0.0.0/8");
  add_text(s, "!10.1.0.0/16");
  add_text(s, "10.1.2.0/24");
  add_text(s, "2001:db8::/32");
  add_text(s, "!2001:db8::1");
  for (int built = 0; built < 2; built++) {
    assert_true(matches(s, "10.0.0.1") && matches(s, "10.1.2.3") && matches(s, "10.255.255.255"));
    assert_false(matches(s, "10.1.3.1") || matches(s, "9.255.255.255") || matches(s, "11.0.0.0"));
    assert_true(matches(s, "2001:db8::") && matches(s, "2001:db8::2"));
    assert_false(matches(s, "2001:db8::1") || matches(s, "::ffff:10.0.0.1"));
    netmask_set_build(s);
  }
  assert_int_equal(netmask_set_count(s), 5);
  add_text(s, "10.1.0.0/16"); // replaces the negated one
  assert_int_equal(netmask_set_count(s), 5);
  assert_true(matches(s, "10.1.3.1"));
  struct netmask gone = mask("10.0.0.0/8"), never = mask("10.0.0.0/9");
  assert_false(netmask_set_remove(s, &never));
  assert_true(netmask_set_remove(s, &gone));
  assert_false(netmask_set_remove(s, &gone));
  assert_false(matches(s, "10.0.0.1"));
  assert_true(matches(s, "10.1.0.1"));
  netmask_set_clear(s);
  assert_int_equal(netmask_set_count(s), 0);
  assert_false(matches(s, "10.1.0.1"));
  object_unref(&s);
}

static void
tree_order(void **state)
{
  (void)state;
  static const char *const added[] = {"::/0",           "192.0.2.0/24", "10.0.0.0/8", "fc00::/7", "!10.200.0.0/16",
                                      "0.0.0.0/0",      "::1",          "10.1.0.0/16", "10.1.2.3", "255.255.255.255"};
  struct netmask_set *s = netmask_set_new();
  for (size_t i = 0; i < sizeof added / sizeof added[0]; i++)
    add_text(s, added[i]);
  struct text t;
  text_init(&t);
  netmask_set_text(s, " ", &t);
  assert_string_equal(t.data, "10.1.2.3/32 10.1.0.0/16 !10.200.0.0/16 10.0.0.0/8 192.0.2.0/24 255.255.255.255/32 "
                              "0.0.0.0/0 ::1/128 fc00::/7 ::/0");
  struct netmask_set *all = netmask_set_new();
  add_text(all, "1.1.1.1");
  netmask_set_add_all(all, s);
  netmask_set_add_all(all, all);
  assert_int_equal(netmask_set_count(all), 11);
  text_fini(&t);
  object_unref(&s);
  object_unref(&all);
}

static void
shared_sets_are_cloned(void **state)
{
  (void)state;
  struct netmask_set *s = netmask_set_new(), *before = s;
  add_text(s, "10.0.0.0/8");
  add_text(s, "!2001:db8::/32");
  netmask_set_writable(&s);
  assert_ptr_equal(s, before);
  struct netmask_set *shared = object_ref(s);
  netmask_set_build(shared); // allowed on a shared set
  netmask_set_writable(&s);
  assert_ptr_not_equal(s, shared);
  assert_int_equal(object_refs(shared), 1);
  assert_int_equal(netmask_set_count(s), 2);
  add_text(s, "11.0.0.0/8");
  assert_true(matches(s, "11.0.0.1") && matches(s, "10.0.0.1"));
  assert_false(matches(shared, "11.0.0.1"));
  assert_true(matches(shared, "10.0.0.1"));
  object_unref(&s);
  object_unref(&shared);
}

enum { MASKS = 400, PROBES = 400, ROUNDS = 60 };

// A random mask; few distinct bits, so that masks nest and touch, at the ends of the address space too.
static struct netmask
random_mask(struct random_state *r, bool v6)
{
  uint8_t raw[16];
  for (int i = 0; i < 16; i++)
    raw[i] = (uint8_t[]){0, 255, 1, 128}[random_below(r, 4)];
  unsigned size = v6 ? 16 : 4;
  for (unsigned i = 1 + random_below(r, 3); i + 2 < size; i++)
    raw[i] = raw[0];
  struct netmask m = {.bits = (uint8_t)random_below(r, size * 8 + 1), .negated = random_below(r, 3) == 0};
  address_from_raw(&m.network, raw, size, 0);
  address_truncate(&m.network, m.bits);
  return m;
}

static bool
list_match(const struct netmask *list, size_t count, const struct address *a)
{
  const struct netmask *best = NULL;
  for (size_t i = 0; i < count; i++)
    if (netmask_match(&list[i], a) && (best == NULL || list[i].bits > best->bits))
      best = &list[i];
  return best != NULL && !best->negated;
}

// Adds to the list, or replaces the negation of the same mask.
static void
list_add(struct netmask *list, size_t *count, const struct netmask *m)
{
  for (size_t i = 0; i < *count; i++)
    if (netmask_equal(&list[i], m)) {
      list[i] = *m;
      return;
    }
  list[(*count)++] = *m;
}

// The first and last address of a mask and their neighbours are where mistakes show.
static struct address
random_probe(struct random_state *r, const struct netmask *list, size_t count, bool v6)
{
  struct netmask m = count > 0 && random_below(r, 4) > 0 ? list[random_below(r, (uint32_t)count)] : random_mask(r, v6);
  struct address a = m.network;
  size_t size;
  uint8_t *raw = (uint8_t *)(uintptr_t)address_raw(&a, &size);
  if (random_below(r, 2) == 0) // the last one
    for (unsigned bit = m.bits; bit < size * 8; bit++)
      raw[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
  int step = (int)random_below(r, 3) - 1;
  for (size_t i = size; step != 0 && i-- > 0;) {
    int sum = raw[i] + step;
    raw[i] = (uint8_t)sum;
    step = sum > 255 ? 1 : sum < 0 ? -1 : 0;
  }
  return a;
}

static void
compare(struct random_state *r, const struct netmask_set *s, const struct netmask *list, size_t count)
{
  assert_int_equal(netmask_set_count(s), count);
  for (int i = 0; i < PROBES; i++) {
    struct address a = random_probe(r, list, count, i % 2 == 0);
    if (netmask_set_match(s, &a) != list_match(list, count, &a)) {
      char text[ADDRESS_TEXT_SIZE];
      fail_msg("%s of %zu masks: the set says %d", address_text(&a, text), count, netmask_set_match(s, &a));
    }
  }
}

static void
sets_agree_with_lists(void **state)
{
  (void)state;
  struct random_state r = {.s = {1, 2, 3, 4}};
  struct netmask *list = calloc(MASKS, sizeof *list);
  for (int round = 0; round < ROUNDS; round++) {
    struct netmask_set *s = netmask_set_new();
    size_t count = 0, size = random_below(&r, MASKS);
    for (size_t i = 0; i < size; i++) {
      struct netmask m = random_mask(&r, random_below(&r, 2) == 0);
      list_add(list, &count, &m);
      netmask_set_add(s, &m);
    }
    for (size_t i = random_below(&r, (uint32_t)count + 1); i > 0; i--) { // some leave again
      size_t victim = random_below(&r, (uint32_t)count);
      assert_true(netmask_set_remove(s, &list[victim]));
      assert_false(netmask_set_remove(s, &list[victim]));
      list[victim] = list[--count];
    }
    compare(&r, s, list, count);
    netmask_set_build(s);
    compare(&r, s, list, count);
    struct netmask_set *old = object_ref(s);
    netmask_set_writable(&s);
    compare(&r, s, list, count);
    object_unref(&old);
    object_unref(&s);
  }
  free(list);
}

// Enough that the index has several levels.
static void
many_masks(void **state)
{
  (void)state;
  enum { COUNT = 30000 };
  struct netmask_set *s = netmask_set_new();
  struct netmask m = {.bits = 26};
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t raw = htonl(i * 128); // every other /26
    address_from_raw(&m.network, &raw, 4, 0);
    netmask_set_add(s, &m);
  }
  netmask_set_build(s);
  for (uint32_t i = 0; i < COUNT * 128 + 1000; i += 21) {
    struct address a;
    uint32_t raw = htonl(i);
    address_from_raw(&a, &raw, 4, 0);
    assert_int_equal(netmask_set_match(s, &a), i % 128 < 64 && i < COUNT * 128);
  }
  object_unref(&s);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts),          cmocka_unit_test(one_mask_matches),       cmocka_unit_test(longest_prefix_decides),
      cmocka_unit_test(tree_order),     cmocka_unit_test(shared_sets_are_cloned), cmocka_unit_test(sets_agree_with_lists),
      cmocka_unit_test(many_masks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
