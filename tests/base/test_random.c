// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/random, uuid and hash.
#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
generator_is_xoshiro(void **state)
{
  (void)state;
  struct random_state r = {.s = {1, 2, 3, 4}};
  static const uint64_t first[] = {11520, 0, 1509978240, 1215971899390074240}; // of the published generator
  for (int i = 0; i < 4; i++)
    assert_true(random_next(&r) == first[i]);
}

static void
below_is_fair(void **state)
{
  (void)state;
  struct random_state r = {.s = {5, 6, 7, 8}};
  unsigned hits[7] = {0};
  for (int i = 0; i < 70000; i++)
    hits[random_below(&r, 7)]++;
  for (int i = 0; i < 7; i++)
    assert_in_range(hits[i], 9500, 10500);
  assert_int_equal(random_below(&r, 1), 0);
  for (int i = 0; i < 1000; i++) {
    assert_true(random_below(&r, UINT32_MAX) < UINT32_MAX);
    double unit = random_unit(&r);
    assert_true(unit >= 0 && unit < 1);
  }
}

static void
seeds_differ(void **state)
{
  (void)state;
  struct random_state a, b;
  random_seed(&a);
  random_seed(&b);
  assert_memory_not_equal(a.s, b.s, sizeof a.s);
}

static void
permutation_is_one_to_one(void **state)
{
  (void)state;
  struct permutation16 p, other;
  permutation16_init(&p);
  permutation16_init(&other);
  static bool seen[65536];
  unsigned fixed = 0, same = 0;
  memset(seen, 0, sizeof seen);
  for (uint32_t x = 0; x < 65536; x++) {
    uint16_t y = permutation16(&p, (uint16_t)x);
    assert_false(seen[y]);
    seen[y] = true;
    assert_int_equal(permutation16_inverse(&p, y), x);
    fixed += y == x;
    same += y == permutation16(&other, (uint16_t)x);
  }
  assert_true(fixed < 20); // a random permutation has one fixed point on average
  assert_true(same < 20);
}

static void
uuid_is_version_4(void **state)
{
  (void)state;
  struct uuid a, b;
  char text[UUID_TEXT_SIZE];
  uuid_random(&a);
  uuid_random(&b);
  assert_false(uuid_equal(&a, &b));
  assert_int_equal(strlen(uuid_text(&a, text)), 36);
  assert_int_equal(text[14], '4');
  assert_non_null(strchr("89ab", text[19]));
  assert_true(uuid_parse(&b, text));
  assert_true(uuid_equal(&a, &b));
}

static void
uuid_form_is_checked(void **state)
{
  (void)state;
  struct uuid u;
  char text[UUID_TEXT_SIZE];
  assert_true(uuid_parse(&u, "00112233-4455-6677-8899-AABBCCDDEEFF"));
  assert_string_equal(uuid_text(&u, text), "00112233-4455-6677-8899-aabbccddeeff");
  static const char *const bad[] = {"",
                                    "0",
                                    "00112233-4455-6677-8899-AABBCCDDEEF",
                                    "00112233-4455-6677-8899-AABBCCDDEEFF0",
                                    "0011223344556677-8899-AABBCCDDEEFF00",
                                    "00112233-4455-6677-8899-AABBCCDDEEFG",
                                    "001122334-455-6677-8899-AABBCCDDEEFF"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_false(uuid_parse(&u, bad[i]));
}

// One flipped bit of input or seed changes about half of the 64 bits, whatever the size.
static void
hash_avalanches(void **state)
{
  (void)state;
  uint8_t bytes[200];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * 37);
  for (size_t size = 1; size < sizeof bytes; size++) {
    uint64_t plain = hash_bytes(bytes, size, 42), changed = 0;
    for (size_t bit = 0; bit < size * 8; bit++) {
      bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
      uint64_t difference = plain ^ hash_bytes(bytes, size, 42);
      bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
      assert_true(difference != 0);
      changed += (unsigned)__builtin_popcountll(difference);
    }
    assert_in_range(changed / size, 8 * 32 - 32, 8 * 32 + 32);
    assert_in_range(__builtin_popcountll(plain ^ hash_bytes(bytes, size, 43)), 8, 56);
  }
}

static int
compare_u64(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void
hash_does_not_collide(void **state)
{
  (void)state;
  enum { COUNT = 200000 };
  uint64_t *values = calloc(COUNT + 64, sizeof *values);
  static const uint8_t zeros[64];
  uint32_t low[1024] = {0};
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t number = i + 1; // four zeros are among the zeros below
    values[i] = i % 2 == 0 ? hash_bytes(&number, sizeof number, 1) : hash_u64(number, 1);
    low[values[i] % 1024]++;
  }
  for (size_t size = 0; size < 64; size++) // sizes of the same bytes are told apart
    values[COUNT + size] = hash_bytes(zeros, size, 1);
  qsort(values, COUNT + 64, sizeof *values, compare_u64);
  for (int i = 1; i < COUNT + 64; i++)
    assert_true(values[i] != values[i - 1]);
  for (int i = 0; i < 1024; i++)
    assert_in_range(low[i], 195 - 100, 195 + 100);
  free(values);
}

// Bytes that a stranger may choose: all constants of such hashes, where they would make a product zero.
static const uint64_t known[] = {0x243f6a8885a308d3u, 0xb7e151628aed2a6bu, 0x9e3779b97f4a7c15u, 0x6a09e667f3bcc909u,
                                 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u, 0x589965cc75374cc3u,
                                 0xd6e8feb86659fd93u, 0, UINT64_MAX};

static void
no_bytes_make_a_hash_forget(void **state)
{
  (void)state;
  enum { MOST = 160 };
  uint8_t bytes[MOST];
  for (size_t size = 1; size <= MOST; size++)
    for (size_t at = 0; at + 8 <= size; at++)
      for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes + at, &known[k], 8);
        uint64_t one = hash_bytes(bytes, size, 1), other = hash_bytes(bytes, size, 2);
        assert_true(one != other); // the seed is in it
        if (at == 0)
          continue;
        bytes[at - 1] ^= 1; // and so is what came before
        assert_true(one != hash_bytes(bytes, size, 1));
        assert_true(other != hash_bytes(bytes, size, 2));
      }
}

// Two lanes that see the same bytes, up to constants, do not cancel each other out.
static void
lanes_are_apart(void **state)
{
  (void)state;
  uint8_t bytes[64] = {0};
  for (size_t a = 0; a < sizeof known / sizeof *known; a++)
    for (unsigned pair = 0; pair < 3; pair++) {
      uint64_t hashes[64];
      for (uint64_t n = 0; n < 64; n++) {
        uint64_t word = n * 0x0101010101010101u, twin = word ^ known[a];
        size_t first = pair == 2 ? 16 : 0, second = pair == 0 ? 16 : 32;
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes + first, &word, 8);
        memcpy(bytes + second, &twin, 8);
        hashes[n] = hash_bytes(bytes, sizeof bytes, 99);
        for (uint64_t m = 0; m < n; m++)
          assert_true(hashes[m] != hashes[n]);
      }
    }
}

// The words with which the last product was once made next to nothing: the hashes spread as others do.
static void
made_words_spread(void **state)
{
  (void)state;
  enum { COUNT = 4096, BUCKETS = 256 };
  struct random_state r;
  unsigned hits[BUCKETS] = {0};
  random_seed(&r);
  uint64_t seed = random_next(&r);
  for (uint64_t n = 1; n <= COUNT; n++) {
    const uint64_t words[10] = {[6] = 0x9e3779b97f4a7c15u, [8] = 0x9e3779b97f4a7c14u, [9] = n << 31};
    hits[hash_bytes(words, sizeof words, seed) >> 56]++;
  }
  for (unsigned i = 0; i < BUCKETS; i++)
    assert_in_range(hits[i], 0, 60); // 16 each; beyond 60 once in 10^14
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(generator_is_xoshiro),      cmocka_unit_test(below_is_fair),
      cmocka_unit_test(seeds_differ),              cmocka_unit_test(permutation_is_one_to_one),
      cmocka_unit_test(uuid_is_version_4),         cmocka_unit_test(uuid_form_is_checked),
      cmocka_unit_test(hash_avalanches),           cmocka_unit_test(hash_does_not_collide),
      cmocka_unit_test(no_bytes_make_a_hash_forget),
      cmocka_unit_test(lanes_are_apart),
      cmocka_unit_test(made_words_spread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
