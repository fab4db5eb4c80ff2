// SPDX-License-Identifier: BSD-2-Clause
// What chains cost: memory and time to publish, to add one rule, and per query, by number and kind of rules.
//
// Queries have 4096 names, clients and types that no rule has; `hit` are those of rules, whose action goes on.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/name_set.h"
#include "rules/chain/chain.h"
#include "tests/fake_worker.h"
#include "tests/rule_spec.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERIES = 4096 };

static struct fake_worker worker;
static struct query *queries[QUERIES];

static const char *const kinds[] = {"name", "suffix", "netmask", "type", "and", "or", "mixed", "plain"};

// The text of a rule: number i of its kind.
static void
spec_of(const char *kind, uint32_t i, char *out, size_t room)
{
  static const char *const mix[] = {"suffix", "name", "netmask", "and", "type"};
  if (strcmp(kind, "mixed") == 0)
    kind = mix[i % 5];
  if (strcmp(kind, "name") == 0)
    snprintf(out, room, "QNameRule(www.blk%u.example%u.com)", i, i % 97);
  else if (strcmp(kind, "suffix") == 0)
    snprintf(out, room, "QNameSuffixRule(blk%u.example%u.com)", i, i % 97);
  else if (strcmp(kind, "netmask") == 0)
    snprintf(out, room, "NetmaskGroupRule(%u.%u.%u.0/24)", 10 + i / 65536, i / 256 % 256, i % 256);
  else if (strcmp(kind, "type") == 0)
    snprintf(out, room, "QTypeRule(TYPE%u)", 1000 + i % 60000);
  else if (strcmp(kind, "and") == 0)
    snprintf(out, room, "AndRule(NetmaskGroupRule(192.0.2.0/24),QNameSuffixRule(blk%u.example%u.com))", i, i % 97);
  else if (strcmp(kind, "or") == 0)
    snprintf(out, room, "OrRule(QTypeRule(TYPE%u),QNameRule(www.blk%u.com))", 1000 + i % 60000, i);
  else
    snprintf(out, room, "OpcodeRule(9)");
}

static void
add(struct rule_list *list, const char *kind, uint32_t i)
{
  char spec[256];
  spec_of(kind, i, spec, sizeof spec);
  struct selector *s = spec_selector(spec, NULL);
  struct action *a = spec_action("NoneAction()", NULL);
  struct rule *r = rule_new(s, a, "", NULL);
  rule_list_add(list, r);
  object_unref(&r);
  object_unref(&s);
  object_unref(&a);
}

static struct query *
query_for(const char *name)
{
  slab_refill(&worker.worker->queries);
  struct query *q = fake_query(&worker, "1234 0100 0001 0000 0000 0000 00 0001 0001");
  if (!name_from_text(&q->qname, name, strlen(name), NULL))
    abort();
  return q;
}

// `hits` out of 16 ask for names of rules.
static void
make_queries(uint32_t rules, unsigned hits)
{
  char name[128];
  for (unsigned i = 0; i < QUERIES; i++) {
    uint32_t rule = (uint32_t)((uint64_t)i * 7919 % rules);
    if (i % 16 < hits)
      snprintf(name, sizeof name, "www.blk%u.example%u.com", rule, rule % 97);
    else
      snprintf(name, sizeof name, "n%08u.host.example.com", i * 7919);
    queries[i] = query_for(name);
  }
}

static double
cost_ns(const struct chain *c, enum verdict (*run)(const struct chain *, struct query *))
{
  uint64_t begin = clock_mono_us(), end = begin, runs = 0;
  do {
    for (unsigned i = 0; i < QUERIES && (i % 64 != 0 || clock_mono_us() - begin < 300000); i++, runs++)
      run(c, queries[i]);
    end = clock_mono_us();
  } while (end - begin < 150000);
  return (double)(end - begin) * 1000 / (double)runs;
}

static void
measure(const char *kind, uint32_t count)
{
  struct rule_list list = {.rules = NULL};
  size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  for (uint32_t i = 0; i < count; i++)
    add(&list, kind, i);
  size_t rules = mallinfo2().uordblks + mallinfo2().hblkhd;
  uint64_t t0 = clock_mono_us();
  struct chain *c = chain_build(&list);
  uint64_t t1 = clock_mono_us();
  size_t built = mallinfo2().uordblks + mallinfo2().hblkhd;
  make_queries(count, 0);
  double miss = cost_ns(c, chain_run), plain = cost_ns(c, chain_run_plain);
  for (unsigned i = 0; i < QUERIES; i++)
    fake_query_free(&queries[i]);
  make_queries(count, 16);
  double hit = cost_ns(c, chain_run);
  for (unsigned i = 0; i < QUERIES; i++)
    fake_query_free(&queries[i]);
  uint64_t most = 0, sum = 0;
  for (unsigned i = 0; i < 1000; i++) {
    add(&list, kind, count + i);
    uint64_t t2 = clock_mono_us();
    struct chain *next = chain_build(&list);
    object_unref(&c);
    uint64_t took = clock_mono_us() - t2;
    c = next;
    most = took > most ? took : most;
    sum += took;
  }
  printf("%-8s %7u %9.1f %9.1f %9.2f %8.1f %8llu %8.0f %8.0f %10.0f\n", kind, count, (double)(rules - before) / count,
         (double)(built - rules) / count, (double)(t1 - t0) / 1000, (double)sum / 1000, (unsigned long long)most, miss, hit,
         plain);
  object_unref(&c);
  rule_list_clear(&list);
}

static void
suffix_set_of_a_million(void)
{
  struct suffix_set *set = suffix_set_new();
  char text[64];
  struct name *names = memory_array(1000000, sizeof *names);
  for (unsigned i = 0; i < 1000000; i++) {
    snprintf(text, sizeof text, "d%u.zone%u.com", i + 1, (i + 1) % 5000);
    if (!name_from_text(&names[i], text, strlen(text), NULL))
      abort();
  }
  size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  uint64_t t0 = clock_mono_us();
  for (unsigned i = 0; i < 1000000; i++)
    suffix_set_add(set, &names[i]);
  uint64_t t1 = clock_mono_us();
  printf("a set of a million suffixes: %.1f ms, %.1f MB\n", (double)(t1 - t0) / 1000,
         (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / 1e6);
  object_unref(&set);
  free(names);
}

int
main(int argc, char **argv)
{
  static const uint32_t counts[] = {10, 1000, 10000, 100000};
  fake_worker_open(&worker);
  printf("%-8s %7s %9s %9s %9s %8s %8s %8s %8s %10s\n", "kind", "rules", "B/rule", "B/indexed", "build ms", "add us",
         "most us", "miss ns", "hit ns", "no index");
  for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
      if (argc < 2 || strcmp(argv[1], kinds[k]) == 0)
        measure(kinds[k], counts[i]);
  suffix_set_of_a_million();
  fake_worker_close(&worker);
  return 0;
}
