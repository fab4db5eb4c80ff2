// SPDX-License-Identifier: BSD-2-Clause
// The families of keys: what of a selector and what of a query is hashed, and for whom it is worth looking.
#include "rules/chain/chain_key.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/wire/name_set.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

// Strangers choose names: they must not choose where those go.
static struct {
  uint64_t name, suffix, source, qtype;
} seeds;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void
chain_key_seed(void)
{
  random_bytes(&seeds, sizeof seeds);
}

static void
chain_key_bit_set(uint64_t *words, unsigned bit)
{
  words[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool
chain_key_bit_get(const uint64_t *words, unsigned bit)
{
  return (words[bit / 64] >> bit % 64 & 1) != 0;
}

void
key_shape_add(struct key_shape *s, const struct key *k)
{
  switch (k->family) {
  case KEYS_NAME:
    s->names = true;
    break;
  case KEYS_SUFFIX:
    s->suffixes = true;
    chain_key_bit_set(s->labels, k->measure);
    if (k->measure > s->most_labels)
      s->most_labels = k->measure;
    break;
  case KEYS_SOURCE:
    chain_key_bit_set(k->v6 ? s->v6 : &s->v4, k->measure);
    break;
  case KEYS_QTYPE:
    chain_key_bit_set(s->qtypes, k->qtype % 256);
    break;
  }
}

void
key_shape_join(struct key_shape *s, const struct key_shape *other)
{
  s->names |= other->names;
  s->suffixes |= other->suffixes;
  if (other->most_labels > s->most_labels)
    s->most_labels = other->most_labels;
  for (unsigned i = 0; i < sizeof s->labels / sizeof *s->labels; i++)
    s->labels[i] |= other->labels[i];
  s->v4 |= other->v4;
  for (unsigned i = 0; i < sizeof s->v6 / sizeof *s->v6; i++)
    s->v6[i] |= other->v6[i];
  for (unsigned i = 0; i < sizeof s->qtypes / sizeof *s->qtypes; i++)
    s->qtypes[i] |= other->qtypes[i];
}

// ---- names ----

struct visitor {
  key_visit_fn *visit;
  void *arg;
};

static uint64_t
chain_key_hash_name(const uint8_t *bytes, size_t size)
{
  return name_bytes_hash(bytes, size, seeds.name);
}

static void
chain_key_visit_name(const struct name *name, void *arg)
{
  const struct visitor *v = arg;
  struct key k = {.family = KEYS_NAME, .hash = chain_key_hash_name(name->bytes, name->size)};
  v->visit(&k, v->arg);
}

static void
chain_key_visit_suffix(const struct name *name, void *arg)
{
  const struct visitor *v = arg;
  struct name_suffixes s;
  name_bytes_suffixes(name->bytes, NAME_MAX_LABELS, seeds.suffix, &s);
  struct key k = {.family = KEYS_SUFFIX, .measure = (uint8_t)s.count, .hash = s.hash[s.count]};
  v->visit(&k, v->arg);
}

static unsigned
chain_key_suffix_keys(const struct query *q, const struct key_shape *shape, uint64_t *keys)
{
  struct name_suffixes s;
  unsigned count = 0;
  name_bytes_suffixes(q->qname.bytes, shape->most_labels, seeds.suffix, &s);
  for (unsigned i = 0; i <= s.count; i++)
    if (chain_key_bit_get(shape->labels, i))
      keys[count++] = s.hash[i];
  return count;
}

// ---- addresses ----

static uint64_t
chain_key_load_be(const uint8_t *at)
{
  uint64_t v;
  memcpy(&v, at, sizeof v);
  return be64toh(v);
}

static uint64_t
chain_key_high_bits(uint64_t v, unsigned bits)
{
  return bits == 0 ? 0 : v & UINT64_MAX << (64 - bits);
}

static uint64_t
chain_key_hash_v4(uint32_t address, unsigned bits)
{
  return hash_u64(chain_key_high_bits((uint64_t)address << 32, bits) | bits, seeds.source);
}

static uint64_t
chain_key_hash_v6(uint64_t high, uint64_t low, unsigned bits)
{
  if (bits <= 64)
    return hash_u64(chain_key_high_bits(high, bits), seeds.source ^ (bits + 1));
  return hash_u64(chain_key_high_bits(low, bits - 64), hash_u64(high, seeds.source ^ (bits + 1)));
}

// A negated mask alone lets nobody in; where it makes a hole in another, the selector will tell.
static void
chain_key_visit_netmask(const struct netmask *m, void *arg)
{
  const struct visitor *v = arg;
  struct key k = {.family = KEYS_SOURCE, .v6 = address_is_v6(&m->network), .measure = m->bits};
  if (m->negated)
    return;
  if (k.v6) {
    const uint8_t *bytes = m->network.v6.sin6_addr.s6_addr;
    k.hash = chain_key_hash_v6(chain_key_load_be(bytes), chain_key_load_be(bytes + 8), m->bits);
  } else {
    k.hash = chain_key_hash_v4(ntohl(m->network.v4.sin_addr.s_addr), m->bits);
  }
  v->visit(&k, v->arg);
}

static unsigned
chain_key_v6_keys(const struct query *q, const struct key_shape *shape, uint64_t *keys)
{
  const uint8_t *bytes = q->arrival.client.v6.sin6_addr.s6_addr;
  uint64_t high = chain_key_load_be(bytes), low = chain_key_load_be(bytes + 8);
  unsigned count = 0;
  for (unsigned word = 0; word < sizeof shape->v6 / sizeof *shape->v6; word++)
    for (uint64_t left = shape->v6[word]; left != 0; left &= left - 1)
      keys[count++] = chain_key_hash_v6(high, low, word * 64 + (unsigned)__builtin_ctzll(left));
  return count;
}

static unsigned
chain_key_source_keys(const struct query *q, const struct key_shape *shape, uint64_t *keys)
{
  unsigned count = 0;
  if (q->arrival.client.sa.sa_family == AF_INET6)
    return chain_key_v6_keys(q, shape, keys);
  if (q->arrival.client.sa.sa_family != AF_INET)
    return 0;
  uint32_t address = ntohl(q->arrival.client.v4.sin_addr.s_addr);
  for (uint64_t left = shape->v4; left != 0; left &= left - 1)
    keys[count++] = chain_key_hash_v4(address, (unsigned)__builtin_ctzll(left));
  return count;
}

// ---- selectors ----

bool
selector_has_keys(const struct selector *s)
{
  enum selector_key key = s->kind->key;
  return key != KEY_NONE && key != KEY_AND && key != KEY_OR && key != KEY_NOT && s->kind->key_value(s) != NULL;
}

size_t
selector_key_count(const struct selector *s)
{
  const void *value = s->kind->key_value(s);
  switch (s->kind->key) {
  case KEY_QNAME_SET:
    return name_set_count(value);
  case KEY_SUFFIX:
    return suffix_set_count(value);
  case KEY_SOURCE:
    return netmask_set_count(value);
  default:
    return 1;
  }
}

void
selector_keys(const struct selector *s, key_visit_fn *visit, void *arg)
{
  struct visitor v = {.visit = visit, .arg = arg};
  const void *value = s->kind->key_value(s);
  struct key k = {.family = KEYS_QTYPE};
  pthread_once(&seeded, chain_key_seed);
  switch (s->kind->key) {
  case KEY_QNAME:
    chain_key_visit_name(value, &v);
    break;
  case KEY_QNAME_SET:
    name_set_each(value, chain_key_visit_name, &v);
    break;
  case KEY_SUFFIX:
    suffix_set_scan(value, chain_key_visit_suffix, &v);
    break;
  case KEY_SOURCE:
    netmask_set_each(value, chain_key_visit_netmask, &v);
    break;
  case KEY_QTYPE:
    k.qtype = *(const uint16_t *)value;
    k.hash = hash_u64(k.qtype, seeds.qtype);
    visit(&k, arg);
    break;
  default:
    assert(!"a compound has no keys of its own");
  }
}

unsigned
query_keys(const struct query *q, const struct key_shape *shape, uint64_t keys[QUERY_KEYS_MAX])
{
  unsigned count = 0;
  if (shape->names)
    keys[count++] = chain_key_hash_name(q->qname.bytes, q->qname.size);
  if (shape->suffixes)
    count += chain_key_suffix_keys(q, shape, keys + count);
  if (chain_key_bit_get(shape->qtypes, q->qtype % 256))
    keys[count++] = hash_u64(q->qtype, seeds.qtype);
  return count + chain_key_source_keys(q, shape, keys + count);
}

uint64_t
query_keys_stamp(const struct query *q)
{
  return name_bytes_hash(q->qname.bytes, q->qname.size, seeds.name) ^ address_hash(&q->arrival.client, seeds.source) ^
         hash_u64(q->qtype, seeds.qtype);
}
