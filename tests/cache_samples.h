// SPDX-License-Identifier: BSD-2-Clause
// Queries and answers for the tests of the packet cache, made from a few words.
#ifndef TESTS_CACHE_SAMPLES_H
#define TESTS_CACHE_SAMPLES_H

#include "dnsproxy/base/epoch.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/wire/codes.h"

#include <stdio.h>
#include <string.h>

struct sample_record {
  unsigned section; // 1 to 3
  uint16_t type;
  uint32_t ttl;
  uint8_t data_size, data; // that many bytes of this value
};

struct sample {
  const char *name; // without escapes
  uint16_t type, class;
  uint8_t flags[2];
  bool no_question, tcp;
  const struct sample_record *records;
  size_t record_count;
  bool opt; // with these:
  uint16_t payload;
  uint8_t opt_flags; // 0x80: DO
  const uint8_t *options;
  size_t options_size;
};

static inline void
sample_put16(uint8_t *out, size_t *at, unsigned value)
{
  message_put_u16(out + *at, (uint16_t)value);
  *at += 2;
}

static inline struct name
sample_name(const char *text)
{
  struct name n = {0};
  while (*text != '\0') {
    size_t label = strcspn(text, ".");
    n.bytes[n.size] = (uint8_t)label;
    memcpy(n.bytes + n.size + 1, text, label);
    n.size = (uint8_t)(n.size + 1 + label);
    text += label + (text[label] == '.');
  }
  n.bytes[n.size++] = 0;
  return n;
}

static inline void
sample_put_record(uint8_t *out, size_t *at, const struct sample_record *r)
{
  sample_put16(out, at, 0xc00c);
  sample_put16(out, at, r->type);
  sample_put16(out, at, QCLASS_IN);
  message_put_u32(out + *at, r->ttl);
  *at += 4;
  sample_put16(out, at, r->data_size);
  memset(out + *at, r->data, r->data_size);
  *at += r->data_size;
  message_set_count(out, r->section, (uint16_t)(message_count(out, r->section) + 1));
}

static inline void
sample_put_opt(uint8_t *out, size_t *at, const struct sample *s)
{
  out[(*at)++] = 0;
  sample_put16(out, at, QTYPE_OPT);
  sample_put16(out, at, s->payload != 0 ? s->payload : 1232);
  sample_put16(out, at, 0);
  sample_put16(out, at, (unsigned)s->opt_flags << 8);
  sample_put16(out, at, (unsigned)s->options_size);
  if (s->options_size > 0)
    memcpy(out + *at, s->options, s->options_size);
  *at += s->options_size;
  message_set_count(out, 3, (uint16_t)(message_count(out, 3) + 1));
}

// Returns the size.
static inline size_t
sample_write(const struct sample *s, uint8_t *out)
{
  memset(out, 0, HEADER_SIZE);
  memcpy(out + 2, s->flags, 2);
  size_t at = HEADER_SIZE;
  if (!s->no_question) {
    struct name name = sample_name(s->name);
    memcpy(out + at, name.bytes, name.size);
    at += name.size;
    sample_put16(out, &at, s->type != 0 ? s->type : QTYPE_A);
    sample_put16(out, &at, s->class != 0 ? s->class : QCLASS_IN);
    message_set_count(out, 0, 1);
  }
  for (size_t i = 0; i < s->record_count; i++)
    sample_put_record(out, &at, &s->records[i]);
  if (s->opt)
    sample_put_opt(out, &at, s);
  return at;
}

// A question as the proxy knows it: its name and key.
struct sample_query {
  struct name name;
  struct cache_key key;
};

static inline struct sample_query
sample_ask(const struct packet_cache *cache, const struct sample *s)
{
  uint8_t bytes[2048];
  size_t size = sample_write(s, bytes);
  struct question question;
  struct edns edns;
  struct sample_query q = {0};
  if (message_question(bytes, size, &question) && message_edns(bytes, size, question.end, &edns)) {
    q.name = question.name;
    packet_cache_key(cache, bytes, size, &question, &edns, s->tcp, &q.key);
  }
  return q;
}

static inline struct sample_query
sample_ask_name(const struct packet_cache *cache, const char *name)
{
  return sample_ask(cache, &(struct sample){.name = name, .flags = {FLAG2_RD, 0}});
}

static inline void
sample_store(struct packet_cache *cache, const struct sample_query *q, const struct sample *answer, uint32_t now_s)
{
  static _Thread_local uint8_t bytes[MESSAGE_MAX_SIZE];
  struct cache_answer a = {.data = bytes, .size = sample_write(answer, bytes), .now_s = now_s,
                           .received_over_udp = true, .temporary_failure_ttl_s = -1};
  packet_cache_insert(cache, &q->key, &q->name, &a);
}

// One A record, 45 to 61 bytes for names of 13 to 29.
static inline void
sample_store_name(struct packet_cache *cache, const char *name, uint32_t ttl, uint32_t now_s)
{
  struct sample_query q = sample_ask_name(cache, name);
  struct sample_record record = {1, QTYPE_A, ttl, 4, 7};
  sample_store(cache, &q, &(struct sample){.name = name, .flags = {0x81, 0x80}, .records = &record, .record_count = 1},
               now_s);
}

static inline enum cache_result
sample_find(struct packet_cache *cache, const struct sample_query *q, uint32_t now_s, uint32_t stale_s, uint8_t *out,
            size_t *size)
{
  struct cache_find find = {.key = &q->key, .qname = &q->name, .id = 0x1234, .now_s = now_s, .stale_s = stale_s};
  return packet_cache_lookup(cache, &find, out, MESSAGE_MAX_SIZE, size);
}

static inline bool
sample_has(struct packet_cache *cache, const char *name, uint32_t now_s)
{
  static _Thread_local uint8_t out[MESSAGE_MAX_SIZE];
  size_t size;
  struct sample_query q = sample_ask_name(cache, name);
  return sample_find(cache, &q, now_s, 0, out, &size) == CACHE_HIT;
}

#endif
