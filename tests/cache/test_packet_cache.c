// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/cache: what is a key, what is stored and for how long, what a hit looks like.
#include "tests/cache_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1000 };
#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct packet_cache *
new_cache(const struct packet_cache_options *o)
{
  struct packet_cache *cache = packet_cache_new(1000, o);
  assert_non_null(cache);
  return cache;
}

static struct packet_cache_stats
stats_of(const struct packet_cache *cache)
{
  struct packet_cache_stats s;
  packet_cache_stats(cache, &s);
  return s;
}

static const struct packet_cache_options defaults = PACKET_CACHE_OPTIONS_DEFAULT;

static struct packet_cache_options cookies_count = PACKET_CACHE_OPTIONS_DEFAULT;
static struct packet_cache_options only_65001_skipped = PACKET_CACHE_OPTIONS_DEFAULT;
static struct packet_cache_options ranked = PACKET_CACHE_OPTIONS_DEFAULT;
static struct packet_cache_options ecs_parsed = PACKET_CACHE_OPTIONS_DEFAULT;

static int
set_up(void **state)
{
  (void)state;
  cookies_count.cookie_hashing = true;
  only_65001_skipped.skip_options[0] = 65001;
  only_65001_skipped.skip_count = 1;
  ranked.payload_ranks[0] = 512;
  ranked.payload_ranks[1] = 1232;
  ranked.payload_ranks[2] = 4096;
  ranked.rank_count = 3;
  ecs_parsed.parse_ecs = true;
  epoch_enter(0);
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  epoch_leave(0);
  return 0;
}

#define OPTION(...) .opt = true, .options = (const uint8_t[]){__VA_ARGS__}, .options_size = sizeof((uint8_t[]){__VA_ARGS__})
#define COOKIE(x) 0, 10, 0, 8, x, 1, 2, 3, 4, 5, 6, 7
#define PADDING(x) 0, 12, 0, 2, x, x
#define PRIVATE(x) 0xfd, 0xe9, 0, 1, x
#define ECS(x) 0, 8, 0, 7, 0, 1, 24, 0, 192, 0, x

// Two queries: do they have the same key?
struct key_case {
  const char *what;
  enum relation { DIFFERENT, EQUAL } relation;
  const struct packet_cache_options *options;
  struct sample a, b;
};

static const struct key_case key_cases[] = {
  {"the same", EQUAL, &defaults, {.name = "www.example.com"}, {.name = "www.example.com"}},
  {"casing", EQUAL, &defaults, {.name = "www.example.com"}, {.name = "WWW.eXample.Com"}},
  {"name", DIFFERENT, &defaults, {.name = "www.example.com"}, {.name = "wwx.example.com"}},
  {"labels", DIFFERENT, &defaults, {.name = "ab.c"}, {.name = "a.bc"}},
  {"type", DIFFERENT, &defaults, {.name = "a", .type = QTYPE_A}, {.name = "a", .type = QTYPE_AAAA}},
  {"class", DIFFERENT, &defaults, {.name = "a"}, {.name = "a", .class = QCLASS_CHAOS}},
  {"RD", DIFFERENT, &defaults, {.name = "a", .flags = {FLAG2_RD, 0}}, {.name = "a"}},
  {"CD", DIFFERENT, &defaults, {.name = "a", .flags = {0, FLAG3_CD}}, {.name = "a"}},
  {"AD", DIFFERENT, &defaults, {.name = "a", .flags = {0, FLAG3_AD}}, {.name = "a"}},
  {"TCP", DIFFERENT, &defaults, {.name = "a", .tcp = true}, {.name = "a"}},
  {"both TCP", EQUAL, &defaults, {.name = "a", .tcp = true}, {.name = "a", .tcp = true}},
  {"EDNS or not", DIFFERENT, &defaults, {.name = "a", .opt = true}, {.name = "a"}},
  {"DO", DIFFERENT, &defaults, {.name = "a", .opt = true, .opt_flags = 0x80}, {.name = "a", .opt = true}},
  {"payload", DIFFERENT, &defaults, {.name = "a", .opt = true, .payload = 1232},
   {.name = "a", .opt = true, .payload = 1400}},
  {"ranked payload", EQUAL, &ranked, {.name = "a", .opt = true, .payload = 1232},
   {.name = "a", .opt = true, .payload = 1400}},
  {"ranks apart", DIFFERENT, &ranked, {.name = "a", .opt = true, .payload = 1231},
   {.name = "a", .opt = true, .payload = 1232}},
  {"below all ranks", DIFFERENT, &ranked, {.name = "a", .opt = true, .payload = 400},
   {.name = "a", .opt = true, .payload = 401}},
  {"above all ranks", EQUAL, &ranked, {.name = "a", .opt = true, .payload = 4096},
   {.name = "a", .opt = true, .payload = 65535}},
  {"cookies", EQUAL, &defaults, {.name = "a", OPTION(COOKIE(1))}, {.name = "a", OPTION(COOKIE(2))}},
  {"cookie or not", DIFFERENT, &defaults, {.name = "a", OPTION(COOKIE(1))}, {.name = "a", .opt = true}},
  {"cookie lengths", DIFFERENT, &defaults, {.name = "a", OPTION(0, 10, 0, 1, 1)},
   {.name = "a", OPTION(0, 10, 0, 2, 1, 1)}},
  {"cookies hashed", DIFFERENT, &cookies_count, {.name = "a", OPTION(COOKIE(1))}, {.name = "a", OPTION(COOKIE(2))}},
  {"padding", EQUAL, &defaults, {.name = "a", OPTION(PADDING(1))}, {.name = "a", OPTION(PADDING(2))}},
  {"padding not listed", DIFFERENT, &only_65001_skipped, {.name = "a", OPTION(PADDING(1))},
   {.name = "a", OPTION(PADDING(2))}},
  {"cookie not listed", EQUAL, &only_65001_skipped, {.name = "a", OPTION(COOKIE(1))}, {.name = "a", OPTION(COOKIE(2))}},
  {"listed", EQUAL, &only_65001_skipped, {.name = "a", OPTION(PRIVATE(1))}, {.name = "a", OPTION(PRIVATE(2))}},
  {"not listed", DIFFERENT, &defaults, {.name = "a", OPTION(PRIVATE(1))}, {.name = "a", OPTION(PRIVATE(2))}},
  {"behind a skipped one", DIFFERENT, &defaults, {.name = "a", OPTION(COOKIE(1), PRIVATE(1))},
   {.name = "a", OPTION(COOKIE(1), PRIVATE(2))}},
  {"before a skipped one", EQUAL, &defaults, {.name = "a", OPTION(PRIVATE(1), COOKIE(1))},
   {.name = "a", OPTION(PRIVATE(1), COOKIE(2))}},
  {"ECS", DIFFERENT, &defaults, {.name = "a", OPTION(ECS(1))}, {.name = "a", OPTION(ECS(2))}},
  {"broken option", DIFFERENT, &defaults, {.name = "a", OPTION(0, 10, 0, 9, 1)}, {.name = "a", OPTION(0, 10, 0, 9, 2)}},
};

static void
keys(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(key_cases); i++) {
    const struct key_case *c = &key_cases[i];
    struct packet_cache *cache = new_cache(c->options);
    struct sample_query a = sample_ask(cache, &c->a), b = sample_ask(cache, &c->b);
    if ((a.key.hash == b.key.hash) != (c->relation == EQUAL))
      fail_msg("%s: keys are %s", c->what, c->relation == EQUAL ? "different" : "equal");
    object_unref(&cache);
  }
}

static void
key_carries_what_is_verified(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&ecs_parsed);
  struct sample s = {.name = "a", .type = QTYPE_MX, .class = QCLASS_CHAOS, .flags = {1, 0x10}, .opt_flags = 0x80,
                     OPTION(COOKIE(0), ECS(2)), .tcp = true};
  struct cache_key key = sample_ask(cache, &s).key;
  assert_int_equal(key.qtype, QTYPE_MX);
  assert_int_equal(key.qclass, QCLASS_CHAOS);
  assert_int_equal(key.flags[0], 1);
  assert_int_equal(key.flags[1], 0x10);
  assert_true(key.dnssec_ok && key.over_tcp && key.has_ecs);
  assert_int_equal(key.ecs.family, 1);
  assert_int_equal(key.ecs.source_bits, 24);
  assert_memory_equal(key.ecs.bytes, ((uint8_t[16]){192, 0, 2}), 16);
  object_unref(&cache);
  cache = new_cache(&defaults);
  assert_false(sample_ask(cache, &s).key.has_ecs);
  object_unref(&cache);
}

// A query whose hash is forced upon another's entry.
static void
mismatches_are_collisions(void **state)
{
  (void)state;
  const struct sample others[] = {
    {.name = "b.example"},
    {.name = "a.example", .type = QTYPE_AAAA},
    {.name = "a.example", .class = QCLASS_CHAOS},
    {.name = "a.example", .flags = {1, 0}},
    {.name = "a.example", .flags = {0, 0x10}},
    {.name = "a.example", .tcp = true},
    {.name = "a.example", .opt = true, .opt_flags = 0x80},
    {.name = "a.example", OPTION(ECS(2))},
  };
  struct packet_cache *cache = new_cache(&ecs_parsed);
  struct sample_record record = {1, QTYPE_A, 100, 4, 1};
  struct sample_query q = sample_ask(cache, &(struct sample){.name = "a.example"});
  sample_store(cache, &q, &(struct sample){.name = "a.example", .records = &record, .record_count = 1}, NOW);
  uint8_t out[512];
  size_t size;
  for (size_t i = 0; i < COUNT(others); i++) {
    struct sample_query other = sample_ask(cache, &others[i]);
    other.key.hash = q.key.hash;
    assert_int_equal(sample_find(cache, &other, NOW, 0, out, &size), CACHE_MISS);
    assert_int_equal(stats_of(cache).lookup_collisions, i + 1);
    struct sample mine = {.name = others[i].name, .type = others[i].type, .class = others[i].class,
                          .records = &record, .record_count = 1};
    sample_store(cache, &other, &mine, NOW); // the living entry stays
    assert_int_equal(stats_of(cache).insert_collisions, i + 1);
  }
  assert_int_equal(sample_find(cache, &q, NOW, 0, out, &size), CACHE_HIT);
  assert_int_equal(stats_of(cache).entries, 1);
  object_unref(&cache);
}

static void
expired_entries_yield_to_collisions(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&defaults);
  sample_store_name(cache, "a.example", 100, NOW);
  struct sample_query q = sample_ask_name(cache, "b.example");
  q.key.hash = sample_ask_name(cache, "a.example").key.hash;
  struct sample_record record = {1, QTYPE_A, 100, 4, 1};
  sample_store(cache, &q, &(struct sample){.name = "b.example", .records = &record, .record_count = 1}, NOW + 100);
  uint8_t out[512];
  size_t size;
  assert_int_equal(sample_find(cache, &q, NOW + 100, 0, out, &size), CACHE_HIT);
  assert_int_equal(stats_of(cache).entries, 1);
  assert_int_equal(stats_of(cache).insert_collisions, 0);
  object_unref(&cache);
}

static void
ecs_is_verified(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&ecs_parsed);
  struct sample_record record = {1, QTYPE_A, 100, 4, 1};
  struct sample answer = {.name = "a.example", .records = &record, .record_count = 1};
  struct sample_query one = sample_ask(cache, &(struct sample){.name = "a.example", OPTION(ECS(1))});
  struct sample_query two = sample_ask(cache, &(struct sample){.name = "a.example", OPTION(ECS(2))});
  sample_store(cache, &one, &answer, NOW);
  uint8_t out[512];
  size_t size;
  assert_int_equal(sample_find(cache, &one, NOW, 0, out, &size), CACHE_HIT);
  two.key.hash = one.key.hash;
  assert_int_equal(sample_find(cache, &two, NOW, 0, out, &size), CACHE_MISS);
  assert_int_equal(stats_of(cache).lookup_collisions, 1);
  object_unref(&cache);
}

// How long an answer lives: -1 means that it is not stored.
struct life_case {
  const char *what;
  struct sample_record records[4];
  unsigned count;
  uint8_t flags[2]; // TC, rcode
  int64_t life;
  uint32_t max_ttl, min_ttl, truncated_ttl; // 0: the default
  bool no_failures;
  int64_t override; // of the temporary failure's TTL for this query, NO_OVERRIDE: 0
  bool too_short, no_question;
};
enum { NO_OVERRIDE = 0, OVERRIDE_ZERO = -2 };

#define A_RECORD(ttl) {1, QTYPE_A, ttl, 4, 1}
#define SOA_RECORD(ttl) {2, QTYPE_SOA, ttl, 22, 0}

static const struct life_case life_cases[] = {
  {"plain", {A_RECORD(300)}, 1, {0}, .life = 300},
  {"smallest of all sections", {A_RECORD(300), {2, QTYPE_NS, 200, 2, 0}, {3, QTYPE_A, 100, 4, 1}}, 3, {0}, .life = 100},
  {"OPT is no record", {A_RECORD(300), {3, QTYPE_OPT, 5, 0, 0}}, 2, {0}, .life = 300},
  {"maxTTL", {A_RECORD(100000)}, 1, {0}, .life = 86400},
  {"maxTTL of ten", {A_RECORD(300)}, 1, {0}, .life = 10, .max_ttl = 10},
  {"NXDomain", {SOA_RECORD(7200)}, 1, {0, RCODE_NXDOMAIN}, .life = 3600},
  {"NXDomain below the cap", {SOA_RECORD(72)}, 1, {0, RCODE_NXDOMAIN}, .life = 72},
  {"NXDomain without SOA", {A_RECORD(7200)}, 1, {0, RCODE_NXDOMAIN}, .life = 3600},
  {"no data", {SOA_RECORD(7200)}, 1, {0}, .life = 3600},
  {"SOA as an answer", {{1, QTYPE_SOA, 7200, 22, 0}}, 1, {0}, .life = 7200},
  {"answer and SOA", {A_RECORD(9000), SOA_RECORD(7200)}, 2, {0}, .life = 3600},
  {"negative is not capped by maxTTL", {SOA_RECORD(50)}, 1, {0}, .life = 50, .max_ttl = 10},
  {"another rcode is positive", {SOA_RECORD(7200)}, 1, {0, RCODE_FORMERR}, .life = 7200},
  {"minTTL met", {A_RECORD(30)}, 1, {0}, .life = 30, .min_ttl = 30},
  {"minTTL missed", {A_RECORD(29)}, 1, {0}, .life = -1, .min_ttl = 30, .too_short = true},
  {"minTTL after the cap", {A_RECORD(300)}, 1, {0}, .life = -1, .min_ttl = 30, .max_ttl = 10, .too_short = true},
  {"ServFail", {{0}}, 0, {0, RCODE_SERVFAIL}, .life = 60},
  {"Refused", {{0}}, 0, {0, RCODE_REFUSED}, .life = 60},
  {"ServFail without question", {{0}}, 0, {0, RCODE_SERVFAIL}, .life = 60, .no_question = true},
  {"ServFail whatever its TTLs", {A_RECORD(5)}, 1, {0, RCODE_SERVFAIL}, .life = 60, .min_ttl = 100},
  {"ServFail not wanted", {{0}}, 0, {0, RCODE_SERVFAIL}, .life = -1, .no_failures = true},
  {"ServFail of this query", {{0}}, 0, {0, RCODE_SERVFAIL}, .life = 5, .override = 5},
  {"ServFail of this query not wanted", {{0}}, 0, {0, RCODE_REFUSED}, .life = -1, .override = OVERRIDE_ZERO},
  {"override is for failures", {A_RECORD(300)}, 1, {0}, .life = 300, .override = 5},
  {"no record", {{0}}, 0, {0}, .life = -1, .truncated_ttl = 7},
  {"no record but OPT", {{3, QTYPE_OPT, 0, 0, 0}}, 1, {0}, .life = -1, .truncated_ttl = 7},
  {"truncated", {{0}}, 0, {FLAG2_TC}, .life = 7, .truncated_ttl = 7},
  {"truncated, by default", {{0}}, 0, {FLAG2_TC}, .life = -1},
  {"truncated with records", {A_RECORD(300)}, 1, {FLAG2_TC}, .life = 300, .truncated_ttl = 7},
};

static void
run_life_case(const struct life_case *c)
{
  struct packet_cache_options o = defaults;
  o.max_ttl_s = c->max_ttl != 0 ? c->max_ttl : o.max_ttl_s;
  o.min_ttl_s = c->min_ttl;
  o.truncated_ttl_s = c->truncated_ttl;
  o.temporary_failure_ttl_s = c->no_failures ? 0 : o.temporary_failure_ttl_s;
  struct packet_cache *cache = new_cache(&o);
  struct sample_query q = sample_ask_name(cache, "a.example");
  uint8_t bytes[1024];
  struct sample answer = {.name = "a.example", .flags = {(uint8_t)(0x80 | c->flags[0]), c->flags[1]},
                          .no_question = c->no_question, .records = c->records, .record_count = c->count};
  struct cache_answer a = {.data = bytes, .size = sample_write(&answer, bytes), .now_s = NOW,
                           .temporary_failure_ttl_s = c->override == NO_OVERRIDE     ? -1
                                                      : c->override == OVERRIDE_ZERO ? 0
                                                                                     : c->override};
  packet_cache_insert(cache, &q.key, &q.name, &a);
  size_t size = 0;
  uint8_t out[1024];
  if (stats_of(cache).entries != (c->life >= 0) || stats_of(cache).ttl_too_shorts != c->too_short)
    fail_msg("%s: stored or counted wrongly", c->what);
  if (c->life < 0)
    goto out;
  if (sample_find(cache, &q, NOW + (uint32_t)c->life - 1, 0, out, &size) != CACHE_HIT || size != a.size)
    fail_msg("%s: dead before its time", c->what);
  if (sample_find(cache, &q, NOW + (uint32_t)c->life, 0, out, &size) != CACHE_MISS)
    fail_msg("%s: lives too long", c->what);
out:
  object_unref(&cache);
}

static void
lives(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(life_cases); i++)
    run_life_case(&life_cases[i]);
}

static void
never_stored(void **state)
{
  (void)state;
  struct packet_cache_options small = defaults;
  small.maximum_entry_size = 100;
  struct packet_cache *cache = new_cache(&small);
  struct sample_record fits = {1, QTYPE_TXT, 100, 100 - 12 - 15 - 12, 0}, large = fits;
  large.data_size++;
  struct sample sample = {.name = "a.example", .records = &large, .record_count = 1};
  struct sample_query q = sample_ask(cache, &(struct sample){.name = "a.example"});
  sample_store(cache, &q, &sample, NOW);
  assert_int_equal(stats_of(cache).entries, 0);
  for (uint16_t type = QTYPE_IXFR; type <= QTYPE_AXFR; type++) {
    struct sample transfer = {.name = "a.example", .type = type, .tcp = true, .records = &fits, .record_count = 1};
    struct sample_query t = sample_ask(cache, &transfer);
    sample_store(cache, &t, &transfer, NOW);
  }
  struct sample other = {.name = "b.example", .records = &fits, .record_count = 1};
  sample_store(cache, &q, &other, NOW); // the answer to another question
  uint8_t cut[100];
  sample.records = &fits;
  size_t size = sample_write(&sample, cut);
  assert_int_equal(size, 100);
  struct cache_answer a = {.data = cut, .size = size - 1, .now_s = NOW, .temporary_failure_ttl_s = -1};
  packet_cache_insert(cache, &q.key, &q.name, &a); // malformed
  assert_int_equal(stats_of(cache).entries, 0);
  a.size = size;
  packet_cache_insert(cache, &q.key, &q.name, &a);
  assert_int_equal(stats_of(cache).entries, 1);
  object_unref(&cache);
}

static void
longer_life_wins(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&defaults);
  sample_store_name(cache, "a.example", 100, NOW);
  sample_store_name(cache, "a.example", 50, NOW);
  assert_true(sample_has(cache, "a.example", NOW + 99));
  sample_store_name(cache, "a.example", 200, NOW);
  assert_true(sample_has(cache, "a.example", NOW + 199));
  sample_store_name(cache, "a.example", 100, NOW + 200); // expired
  assert_true(sample_has(cache, "a.example", NOW + 299));
  assert_int_equal(stats_of(cache).entries, 1);
  assert_int_equal(stats_of(cache).insert_collisions, 0);
  object_unref(&cache);
}

// What a hit has to say: TTLs of two records and an OPT.
struct hit {
  uint8_t out[512];
  size_t size;
  enum cache_result result;
};

static struct hit
hit_after(const struct packet_cache_options *o, uint32_t seconds, uint32_t stale_s)
{
  static const struct sample_record records[] = {A_RECORD(300), {1, QTYPE_A, 30, 4, 2}};
  struct packet_cache *cache = new_cache(o);
  struct sample_query q = sample_ask_name(cache, "www.example");
  sample_store(cache, &q,
               &(struct sample){.name = "www.example", .flags = {0x84, 0}, .records = records, .record_count = 2, .opt = true,
                                .opt_flags = 0x80}, NOW);
  q = sample_ask_name(cache, "wWw.eXample");
  struct hit h = {0};
  h.result = sample_find(cache, &q, NOW + seconds, stale_s, h.out, &h.size);
  object_unref(&cache);
  return h;
}

enum { FIRST_TTL = 12 + 17 + 6, SECOND_TTL = FIRST_TTL + 16, OPT_TTL = SECOND_TTL + 4 + 6 + 5 };

static void
assert_hit(const struct hit *h, enum cache_result result, uint32_t first, uint32_t second)
{
  assert_int_equal(h->result, result);
  assert_int_equal(h->size, OPT_TTL + 6);
  assert_int_equal(message_id(h->out), 0x1234);
  assert_memory_equal(h->out + HEADER_SIZE, "\3wWw\7eXample", 13);
  assert_int_equal(h->out[2], 0x84);
  assert_int_equal(message_u32(h->out + FIRST_TTL), first);
  assert_int_equal(message_u32(h->out + SECOND_TTL), second);
  assert_int_equal(message_u32(h->out + OPT_TTL), 0x8000);
}

static void
hits_age(void **state)
{
  (void)state;
  struct packet_cache_options still = defaults, stale = defaults;
  still.dont_age = true;
  stale.dont_age = true;
  stale.stale_ttl_s = 17;
  struct hit h = hit_after(&defaults, 0, 0);
  assert_hit(&h, CACHE_HIT, 300, 30);
  h = hit_after(&defaults, 29, 0);
  assert_hit(&h, CACHE_HIT, 271, 1);
  h = hit_after(&still, 29, 0);
  assert_hit(&h, CACHE_HIT, 300, 30);
  h = hit_after(&defaults, 30, 1);
  assert_hit(&h, CACHE_STALE, 60, 60);
  h = hit_after(&stale, 30 + 99, 100);
  assert_hit(&h, CACHE_STALE, 17, 17);
  h = hit_after(&defaults, 30 + 100, 100);
  assert_int_equal(h.result, CACHE_MISS);
  h = hit_after(&defaults, 30, 0);
  assert_int_equal(h.result, CACHE_MISS);
}

// A failure lives longer than its records: their TTLs stop at zero.
static void
ttls_do_not_wrap(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&defaults);
  struct sample_query q = sample_ask_name(cache, "www.example");
  struct sample_record record = A_RECORD(5);
  sample_store(cache, &q, &(struct sample){.name = "www.example", .flags = {0x80, 2}, .records = &record, .record_count = 1}, NOW);
  uint8_t out[512];
  size_t size;
  assert_int_equal(sample_find(cache, &q, NOW + 59, 0, out, &size), CACHE_HIT);
  assert_int_equal(message_u32(out + FIRST_TTL), 0);
  assert_int_equal(sample_find(cache, &q, NOW - 1, 0, out, &size), CACHE_HIT); // another worker's clock
  assert_int_equal(message_u32(out + FIRST_TTL), 5);
  object_unref(&cache);
}

static void
bare_failures_are_served(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&defaults);
  struct sample_query q = sample_ask_name(cache, "www.example");
  sample_store(cache, &q, &(struct sample){.flags = {0x81, 2}, .no_question = true}, NOW);
  uint8_t out[512];
  size_t size;
  assert_int_equal(sample_find(cache, &q, NOW, 0, out, &size), CACHE_HIT);
  assert_int_equal(size, HEADER_SIZE);
  assert_memory_equal(out, "\x12\x34\x81\2\0\0\0\0\0\0\0\0", HEADER_SIZE);
  assert_int_equal(packet_cache_expunge_name(cache, &q.name, QTYPE_A, false), 1);
  object_unref(&cache);
}

static void
truncated_answers_can_be_refused(void **state)
{
  (void)state;
  struct packet_cache_options o = defaults;
  o.truncated_ttl_s = 10;
  struct packet_cache *cache = new_cache(&o);
  struct sample_query q = sample_ask_name(cache, "www.example");
  sample_store(cache, &q, &(struct sample){.name = "www.example", .flags = {0x82, 0}}, NOW);
  uint8_t out[512];
  size_t size;
  assert_int_equal(sample_find(cache, &q, NOW, 0, out, &size), CACHE_HIT);
  struct cache_find find = {.key = &q.key, .qname = &q.name, .now_s = NOW, .refuse_truncated = true};
  assert_int_equal(packet_cache_lookup(cache, &find, out, sizeof out, &size), CACHE_MISS);
  find.refuse_truncated = false;
  assert_int_equal(packet_cache_lookup(cache, &find, out, 12, &size), CACHE_NO_ROOM);
  assert_true(size > 12);
  object_unref(&cache);
}

static void
lookups_are_counted(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&defaults);
  sample_store_name(cache, "a.example", 100, NOW);
  for (unsigned i = 0; i < 3; i++)
    assert_true(sample_has(cache, "a.example", NOW));
  assert_false(sample_has(cache, "b.example", NOW));
  assert_false(sample_has(cache, "a.example", NOW + 100));
  struct sample_query q = sample_ask_name(cache, "c.example");
  struct cache_find find = {.key = &q.key, .qname = &q.name, .now_s = NOW, .another_follows = true};
  uint8_t out[512];
  size_t size;
  assert_int_equal(packet_cache_lookup(cache, &find, out, sizeof out, &size), CACHE_MISS);
  struct packet_cache_stats s = stats_of(cache);
  assert_int_equal(s.hits, 3);
  assert_int_equal(s.misses, 2);
  assert_int_equal(s.entries, 1);
  assert_int_equal(s.max_entries, 1000);
  assert_int_equal(s.deferred_inserts + s.deferred_lookups + s.evictions, 0);
  object_unref(&cache);
}

// Which data come first, by record, over many hits?
static void
shuffled_answers(struct packet_cache *cache, const struct sample *answer, bool seen[4][4])
{
  struct sample_query q = sample_ask_name(cache, answer->name);
  sample_store(cache, &q, answer, NOW);
  for (unsigned hit = 0; hit < 200; hit++) {
    uint8_t out[512];
    size_t size;
    assert_int_equal(sample_find(cache, &q, NOW + 1, 0, out, &size), CACHE_HIT);
    struct record_walk walk;
    struct record r;
    assert_true(record_walk_init(&walk, out, size));
    for (unsigned i = 0; record_next(&walk, &r); i++) {
      assert_int_equal(r.ttl, answer->records[i].ttl - 1);
      assert_int_equal(r.type, answer->records[i].type);
      seen[i][out[r.rdata]] = true;
    }
    assert_false(walk.malformed);
  }
}

static void
addresses_rotate(void **state)
{
  (void)state;
  static const struct sample_record a[] = {{1, QTYPE_A, 10, 4, 0}, {1, QTYPE_A, 10, 4, 1}, {1, QTYPE_A, 10, 4, 2}};
  static const struct sample_record mixed[] = {
    {1, QTYPE_TXT, 10, 4, 0}, {1, QTYPE_AAAA, 10, 16, 1}, {1, QTYPE_AAAA, 10, 16, 2}, {2, QTYPE_AAAA, 10, 16, 3}};
  struct packet_cache_options o = defaults;
  for (int shuffle = 0; shuffle < 2; shuffle++) {
    o.shuffle = shuffle;
    struct packet_cache *cache = new_cache(&o);
    bool seen[4][4] = {0}, seen_mixed[4][4] = {0};
    shuffled_answers(cache, &(struct sample){.name = "a.example", .records = a, .record_count = 3}, seen);
    shuffled_answers(cache, &(struct sample){.name = "b.example", .records = mixed, .record_count = 4}, seen_mixed);
    for (unsigned i = 0; i < 4; i++)
      for (unsigned j = 0; j < 4; j++) {
        assert_int_equal(seen[i][j], i < 3 && j < 3 && (shuffle || i == j));
        assert_int_equal(seen_mixed[i][j], i == j || (shuffle && i * j == 2));
      }
    object_unref(&cache);
  }
}

static void
note_entry(const struct packet_cache_entry *e, void *arg)
{
  *(struct packet_cache_entry *)arg = *e;
}

static void
entries_are_listed(void **state)
{
  (void)state;
  struct packet_cache *cache = new_cache(&defaults);
  struct sample_query q = sample_ask(cache, &(struct sample){.name = "A.example", .flags = {1, 0x10}, .opt = true, .opt_flags = 0x80});
  struct sample_record record = A_RECORD(100);
  sample_store(cache, &q, &(struct sample){.name = "A.example", .records = &record, .record_count = 1}, NOW);
  struct packet_cache_entry e = {0};
  packet_cache_each(cache, NOW + 120, note_entry, &e);
  assert_true(name_equal(&e.qname, &q.name));
  assert_int_equal(e.qtype, QTYPE_A);
  assert_int_equal(e.qclass, QCLASS_IN);
  assert_int_equal(e.size, 12 + 15 + 16);
  assert_int_equal(e.ttl_left_s, -20);
  assert_int_equal(e.added_s, NOW);
  assert_int_equal(e.hash, q.key.hash);
  assert_int_equal(e.flags[0] << 8 | e.flags[1], 0x110);
  assert_true(e.dnssec_ok && e.received_over_udp);
  object_unref(&cache);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(keys),
    cmocka_unit_test(key_carries_what_is_verified),
    cmocka_unit_test(mismatches_are_collisions),
    cmocka_unit_test(expired_entries_yield_to_collisions),
    cmocka_unit_test(ecs_is_verified),
    cmocka_unit_test(lives),
    cmocka_unit_test(never_stored),
    cmocka_unit_test(longer_life_wins),
    cmocka_unit_test(hits_age),
    cmocka_unit_test(ttls_do_not_wrap),
    cmocka_unit_test(bare_failures_are_served),
    cmocka_unit_test(truncated_answers_can_be_refused),
    cmocka_unit_test(lookups_are_counted),
    cmocka_unit_test(addresses_rotate),
    cmocka_unit_test(entries_are_listed),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
