// SPDX-License-Identifier: BSD-2-Clause
// A set of client addresses, each for some time.
#include "rules/select/timed_ip_set.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
  struct address address; // unset: free
  uint64_t until_us;
};

struct timed_ip_set {
  struct object object;
  pthread_rwlock_t lock;
  uint64_t seed;
  struct entry *entries; // linear probing, at most half full, capacity a power of two
  size_t capacity, used;
};

static void
timed_ip_set_free(struct object *o)
{
  struct timed_ip_set *s = (struct timed_ip_set *)(void *)o;
  pthread_rwlock_destroy(&s->lock);
  free(s->entries);
  free(s);
}

const struct object_class timed_ip_set_class = {.name = "TimedIPSetRule", .free = timed_ip_set_free};

struct timed_ip_set *
timed_ip_set_new(void)
{
  enum { FIRST = 64 };
  struct timed_ip_set *s = memory_new(sizeof *s);
  object_init(&s->object, &timed_ip_set_class);
  pthread_rwlock_init(&s->lock, NULL);
  random_bytes(&s->seed, sizeof s->seed);
  s->capacity = FIRST;
  s->entries = memory_array(s->capacity, sizeof *s->entries);
  return s;
}

// Where the address is, or the free place where it would be.
static struct entry *
timed_ip_set_find(const struct timed_ip_set *s, const struct address *a)
{
  size_t i = address_hash(a, s->seed) & (s->capacity - 1);
  while (address_is_set(&s->entries[i].address) && !address_equal_ip(&s->entries[i].address, a))
    i = (i + 1) & (s->capacity - 1);
  return &s->entries[i];
}

// Into a new table of this capacity, without what has expired.
static void
timed_ip_set_rebuild(struct timed_ip_set *s, size_t capacity, uint64_t now_us)
{
  struct entry *old = s->entries;
  size_t old_capacity = s->capacity;
  s->entries = memory_array(capacity, sizeof *s->entries);
  s->capacity = capacity;
  s->used = 0;
  for (size_t i = 0; i < old_capacity; i++)
    if (address_is_set(&old[i].address) && old[i].until_us > now_us) {
      *timed_ip_set_find(s, &old[i].address) = old[i];
      s->used++;
    }
  free(old);
}

void
timed_ip_set_add(struct timed_ip_set *s, const struct address *a, uint32_t seconds, uint64_t now_us)
{
  uint64_t until = now_us + (uint64_t)seconds * 1000000;
  pthread_rwlock_wrlock(&s->lock);
  if ((s->used + 1) * 2 > s->capacity) {
    timed_ip_set_rebuild(s, s->capacity, now_us);
    if ((s->used + 1) * 4 > s->capacity)
      timed_ip_set_rebuild(s, s->capacity * 2, now_us);
  }
  struct entry *e = timed_ip_set_find(s, a);
  if (!address_is_set(&e->address)) {
    e->address = *a;
    s->used++;
  }
  if (until > e->until_us)
    e->until_us = until;
  pthread_rwlock_unlock(&s->lock);
}

void
timed_ip_set_clear(struct timed_ip_set *s)
{
  timed_ip_set_cleanup(s, UINT64_MAX);
}

void
timed_ip_set_cleanup(struct timed_ip_set *s, uint64_t now_us)
{
  pthread_rwlock_wrlock(&s->lock);
  timed_ip_set_rebuild(s, s->capacity, now_us);
  pthread_rwlock_unlock(&s->lock);
}

size_t
timed_ip_set_count(struct timed_ip_set *s, uint64_t now_us)
{
  size_t n = 0;
  pthread_rwlock_rdlock(&s->lock);
  for (size_t i = 0; i < s->capacity; i++)
    n += address_is_set(&s->entries[i].address) && s->entries[i].until_us > now_us;
  pthread_rwlock_unlock(&s->lock);
  return n;
}

bool
timed_ip_set_has(struct timed_ip_set *s, const struct address *a, uint64_t now_us)
{
  pthread_rwlock_rdlock(&s->lock);
  const struct entry *e = timed_ip_set_find(s, a);
  bool has = address_is_set(&e->address) && e->until_us > now_us;
  pthread_rwlock_unlock(&s->lock);
  return has;
}

struct slice {
  struct selector base;
  struct timed_ip_set *set;
};

static bool
timed_ip_set_slice_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct slice *)base)->set = object_ref(args[0].object);
  return true;
}

static void
timed_ip_set_slice_fini(struct selector *base)
{
  object_unref(&((struct slice *)base)->set);
}

static bool
timed_ip_set_slice_match(const struct selector *base, struct query *q)
{
  return timed_ip_set_has(((const struct slice *)base)->set, &q->arrival.client, q->worker->now_us);
}

static void
timed_ip_set_slice_see(const struct selector *base, const struct query *q, struct text *out)
{
  bool has = timed_ip_set_has(((const struct slice *)base)->set, &q->arrival.client, q->worker->now_us);
  text_puts(out, has ? "the client is in the set" : "the client is not in the set");
}

static void
timed_ip_set_slice_show(const struct selector *base, struct text *out)
{
  text_printf(out, "Src: %zu ips", timed_ip_set_count(((const struct slice *)base)->set, clock_mono_us()));
}

// Not in the index: scripts get it from the set's slice().
static const struct selector_kind select_timed_ip_set = {
    .name = "TimedIPSetRule",
    .help = "The client is in a set of addresses that expire",
    .params = (const struct param[]){{.name = "set", .type = PARAM_OBJECT, .class = &timed_ip_set_class,
                                      .help = "the set"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct slice),
    .init = timed_ip_set_slice_init,
    .fini = timed_ip_set_slice_fini,
    .match = timed_ip_set_slice_match,
    .see = timed_ip_set_slice_see,
    .show = timed_ip_set_slice_show,
};

struct selector *
timed_ip_set_slice(struct timed_ip_set *s)
{
  const struct value args[] = {{.given = true, .object = s}};
  return selector_new(&select_timed_ip_set, args, NULL);
}
