// SPDX-License-Identifier: BSD-2-Clause
// Writing, comparing and serving cached answers.
#include "dnsproxy/cache/cache_entry.h"
#include "dnsproxy/wire/codes.h"

#include <string.h>

enum { ECS_SIZE = sizeof(((struct cache_key *)0)->ecs), TYPE_AND_CLASS = 4 };

static size_t
cache_entry_question_size(const struct entry_draft *d)
{
  return d->own_question ? (size_t)d->qname->size + TYPE_AND_CLASS : 0;
}

size_t
entry_size(const struct entry_draft *d)
{
  return offsetof(struct cache_entry, data) + d->ttl_count * sizeof(uint16_t) + (d->key->has_ecs ? ECS_SIZE : 0) +
         cache_entry_question_size(d) + d->answer->size;
}

static uint8_t
cache_entry_draft_bits(const struct entry_draft *d)
{
  return (uint8_t)((d->key->dnssec_ok ? ENTRY_DNSSEC_OK : 0) | (d->key->over_tcp ? ENTRY_OVER_TCP : 0) |
                   (d->key->has_ecs ? ENTRY_ECS : 0) | (d->answer->received_over_udp ? ENTRY_RECEIVED_OVER_UDP : 0) |
                   (d->own_question ? ENTRY_OWN_QUESTION : 0));
}

void
entry_write(struct cache_entry *e, const struct entry_draft *d)
{
  e->hash = d->key->hash;
  e->added_s = d->answer->now_s;
  e->expires_s = d->expires_s;
  atomic_store_explicit(&e->chain, 0, memory_order_relaxed);
  e->size = (uint16_t)d->answer->size;
  e->ttl_count = (uint16_t)d->ttl_count;
  memcpy(e->flags, d->key->flags, sizeof e->flags);
  e->name_size = d->qname->size;
  e->bits = cache_entry_draft_bits(d);
  atomic_store_explicit(&e->visited, 0, memory_order_relaxed);
  uint8_t *at = e->data;
  memcpy(at, d->ttl_offsets, d->ttl_count * sizeof(uint16_t));
  at += d->ttl_count * sizeof(uint16_t);
  if (d->key->has_ecs) {
    memcpy(at, &d->key->ecs, ECS_SIZE);
    at += ECS_SIZE;
  }
  if (d->own_question) {
    memcpy(at, d->qname->bytes, d->qname->size);
    message_put_u16(at + d->qname->size, d->key->qtype);
    message_put_u16(at + d->qname->size + 2, d->key->qclass);
    at += cache_entry_question_size(d);
  }
  memcpy(at, d->answer->data, d->answer->size);
}

static const uint8_t *
cache_entry_ecs(const struct cache_entry *e)
{
  return e->data + e->ttl_count * sizeof(uint16_t);
}

bool
entry_subnet(const struct cache_entry *e, struct netmask *subnet)
{
  enum { FAMILY_V4 = 1, FAMILY_V6 = 2 };
  struct cache_key key;
  struct address address;
  if ((e->bits & ENTRY_ECS) == 0)
    return false;
  memcpy(&key.ecs, cache_entry_ecs(e), ECS_SIZE);
  if (key.ecs.family != FAMILY_V4 && key.ecs.family != FAMILY_V6)
    return false;
  address_from_raw(&address, key.ecs.bytes, key.ecs.family == FAMILY_V4 ? 4 : 16, 0);
  netmask_from_address(subnet, &address, key.ecs.source_bits);
  return true;
}

const uint8_t *
entry_answer(const struct cache_entry *e)
{
  const uint8_t *at = cache_entry_ecs(e) + (e->bits & ENTRY_ECS ? ECS_SIZE : 0);
  return e->bits & ENTRY_OWN_QUESTION ? at + e->name_size + TYPE_AND_CLASS : at;
}

const uint8_t *
entry_question(const struct cache_entry *e)
{
  const uint8_t *answer = entry_answer(e);
  return e->bits & ENTRY_OWN_QUESTION ? answer - e->name_size - TYPE_AND_CLASS : answer + HEADER_SIZE;
}

static bool
cache_entry_question_equal(const uint8_t *question, const struct cache_key *key, const struct name *qname)
{
  const uint8_t *type = question + qname->size;
  return message_u16(type) == key->qtype && message_u16(type + 2) == key->qclass &&
         (memcmp(question, qname->bytes, qname->size) == 0 ||
          name_bytes_equal(question, qname->size, qname->bytes, qname->size));
}

bool
entry_has_question(const struct cache_answer *a, const struct cache_key *key, const struct name *qname)
{
  return a->size >= (size_t)HEADER_SIZE + qname->size + TYPE_AND_CLASS && message_count(a->data, 0) == 1 &&
         cache_entry_question_equal(a->data + HEADER_SIZE, key, qname);
}

bool
entry_matches(const struct cache_entry *e, const struct cache_key *key, const struct name *qname)
{
  uint8_t bits = (uint8_t)((key->dnssec_ok ? ENTRY_DNSSEC_OK : 0) | (key->over_tcp ? ENTRY_OVER_TCP : 0) |
                           (key->has_ecs ? ENTRY_ECS : 0));
  if ((e->bits & (ENTRY_DNSSEC_OK | ENTRY_OVER_TCP | ENTRY_ECS)) != bits || e->name_size != qname->size ||
      memcmp(e->flags, key->flags, sizeof e->flags) != 0)
    return false;
  if (key->has_ecs && memcmp(cache_entry_ecs(e), &key->ecs, ECS_SIZE) != 0)
    return false;
  return cache_entry_question_equal(entry_question(e), key, qname);
}

void
entry_copy(const struct cache_entry *e, const struct cache_find *find, uint8_t *out)
{
  memcpy(out, entry_answer(e), e->size);
  message_put_u16(out, find->id);
  if (!(e->bits & ENTRY_OWN_QUESTION))
    memcpy(out + HEADER_SIZE, find->qname->bytes, e->name_size);
}

static uint16_t
cache_entry_ttl_offset(const struct cache_entry *e, size_t i)
{
  uint16_t offset;
  memcpy(&offset, e->data + i * sizeof offset, sizeof offset);
  return offset;
}

void
entry_age(const struct cache_entry *e, uint8_t *out, uint32_t age_s)
{
  for (size_t i = 0; i < e->ttl_count; i++) {
    uint8_t *at = out + cache_entry_ttl_offset(e, i);
    uint32_t ttl = message_u32(at);
    message_put_u32(at, ttl > age_s ? ttl - age_s : 0);
  }
}

void
entry_set_ttls(const struct cache_entry *e, uint8_t *out, uint32_t ttl_s)
{
  for (size_t i = 0; i < e->ttl_count; i++)
    message_put_u32(out + cache_entry_ttl_offset(e, i), ttl_s);
}

// The records of the answer section are walked by their TTLs: type and class before, data size and data behind.
struct rotation {
  const struct cache_entry *entry;
  uint8_t *out;
  size_t count; // records of the answer section
};

static const uint8_t *
cache_entry_record_type(const struct rotation *r, size_t i)
{
  return r->out + cache_entry_ttl_offset(r->entry, i) - 4;
}

static size_t
cache_entry_record_end(const struct rotation *r, size_t i)
{
  size_t offset = cache_entry_ttl_offset(r->entry, i);
  return offset + 6 + message_u16(r->out + offset + 4);
}

static size_t
cache_entry_record_start(const struct rotation *r, size_t i)
{
  return i > 0 ? cache_entry_record_end(r, i - 1) : (size_t)HEADER_SIZE + r->entry->name_size + TYPE_AND_CLASS;
}

// Same owner bytes, type, class and data size: an address record and its twin.
static bool
cache_entry_is_twin(const struct rotation *r, size_t i, size_t j)
{
  size_t a = cache_entry_record_start(r, i), b = cache_entry_record_start(r, j);
  size_t a_type = cache_entry_ttl_offset(r->entry, i) - 4u, b_type = cache_entry_ttl_offset(r->entry, j) - 4u;
  return a_type - a == b_type - b && memcmp(r->out + a, r->out + b, a_type - a + 4) == 0 &&
         cache_entry_record_end(r, i) - a == cache_entry_record_end(r, j) - b;
}

static void
cache_entry_rotate_run(const struct rotation *r, size_t from, size_t to, uint32_t turn)
{
  size_t n = to - from, shift = turn % n;
  size_t data_size = cache_entry_record_end(r, from) - cache_entry_ttl_offset(r->entry, from) - 6;
  const uint8_t *answer = entry_answer(r->entry);
  for (size_t i = 0; i < n && shift > 0; i++)
    memcpy(r->out + cache_entry_ttl_offset(r->entry, from + i) + 6,
           answer + cache_entry_ttl_offset(r->entry, from + (i + shift) % n) + 6, data_size);
}

void
entry_rotate(const struct cache_entry *e, uint8_t *out, uint32_t turn)
{
  struct rotation r = {.entry = e, .out = out, .count = message_count(out, 1)};
  if (r.count > e->ttl_count || e->bits & ENTRY_OWN_QUESTION)
    return;
  for (size_t i = 0, next; i < r.count; i = next) {
    uint16_t type = message_u16(cache_entry_record_type(&r, i));
    for (next = i + 1; next < r.count && cache_entry_is_twin(&r, i, next); next++)
      ;
    if (next > i + 1 && (type == QTYPE_A || type == QTYPE_AAAA))
      cache_entry_rotate_run(&r, i, next, turn);
  }
}
