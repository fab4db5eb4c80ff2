// SPDX-License-Identifier: BSD-2-Clause
// The life of a query, its tags, and the facts that self-made answers need.
#include "dnsproxy/core/query.h"

#include "dnsproxy/wire/codes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// What a tag, or another rare thing, is too large for goes here.
struct overflow {
  struct overflow *next;
  size_t capacity;
};

struct query *
query_new(struct worker *w)
{
  struct query *q = slab_take(&w->queries);
  if (q == NULL)
    return NULL;
  // Names are written by the decode room; clearing them would cost more than the rest.
  memset(q, 0, offsetof(struct query, qname));
  q->arrival.transport = &transport_udp; // unless its transport says so
  q->magic = QUERY_MAGIC;
  q->worker = w;
  q->limits.failure_ttl = -1;
  q->limits.max_ttl = UINT32_MAX;
  q->subnet.wanted = true;
  q->qname.size = 0;
  return q;
}

// Whoever has a suspended query may be on another thread: that one uses malloc.
static struct buffers *
query_buffers(struct worker *w)
{
  return worker_current() == w ? &w->buffers : NULL;
}

static void
query_extra_free(struct worker *w, struct query_extra *extra)
{
  for (struct overflow *o = extra->overflow, *next; o != NULL; o = next) {
    next = o->next;
    buffers_give(query_buffers(w), o, o->capacity);
  }
  slab_give(&w->extras, extra);
}

static void
query_own_free(struct worker *w, uint8_t *own, uint32_t size)
{
  if (size == PACKET_PIECE)
    slab_give(&w->packets, own);
  else
    buffers_give(query_buffers(w), own, size);
}

static uint8_t *
query_own_take(struct worker *w, size_t size, size_t *capacity)
{
  if (size > PACKET_PIECE)
    return buffers_take(query_buffers(w), size, capacity);
  *capacity = PACKET_PIECE;
  if (w->packets.available == 0)
    slab_refill(&w->packets);
  return slab_take(&w->packets);
}

bool
query_own_packet(struct query *q, const uint8_t *bytes, size_t size, size_t capacity)
{
  assert(size <= capacity && capacity <= UINT32_MAX);
  uint8_t *old = NULL;
  uint32_t old_size = q->own_size;
  if (q->own == NULL || q->own_size < capacity) {
    uint8_t *own = query_own_take(q->worker, capacity, &capacity);
    if (own == NULL)
      return false;
    old = q->own;
    q->own = own;
    q->own_size = (uint32_t)capacity;
  }
  memmove(q->own, bytes, size);
  q->packet = (struct wire_buffer){.data = q->own, .size = size, .capacity = q->own_size};
  if (old != NULL)
    query_own_free(q->worker, old, old_size);
  return true;
}

bool
query_set_option(struct query *q, uint16_t code, const void *data, size_t size, uint16_t payload, bool *added_opt)
{
  enum { OPT_AND_OPTION_HEADER = 15 };
  size_t most = query_most(q), need = q->packet.size + size + OPT_AND_OPTION_HEADER;
  *added_opt = false;
  if (q->packet.size > most)
    most = q->packet.size;
  if (need > q->packet.capacity && need <= most && q->worker != NULL)
    query_own_packet(q, q->packet.data, q->packet.size, need);
  struct wire_buffer b = q->packet;
  if (b.capacity > most)
    b.capacity = most;
  if (size > most || !message_set_option(&b, code, data, size, payload, added_opt))
    return false;
  q->packet.size = b.size;
  q->packet_changed = true;
  return true;
}

void
query_free(struct query **slot)
{
  struct query *q = *slot;
  assert(q->magic == QUERY_MAGIC);
  *slot = NULL;
  q->magic = 0;
  if (q->own != NULL)
    query_own_free(q->worker, q->own, q->own_size);
  if (q->extra != NULL)
    query_extra_free(q->worker, q->extra);
  if (q->lease != NULL)
    q->lease->queries--;
  slab_give(&q->worker->queries, q);
}

static struct query_extra *
query_extra_get(struct query *q)
{
  if (q->extra == NULL) {
    q->extra = slab_take(&q->worker->extras);
    if (q->extra != NULL)
      memset(q->extra, 0, offsetof(struct query_extra, space));
  }
  return q->extra;
}

void *
query_alloc(struct query *q, size_t size)
{
  struct query_extra *extra = query_extra_get(q);
  if (extra == NULL)
    return NULL;
  size = (size + 7) & ~(size_t)7;
  if (size <= sizeof extra->space - extra->used) {
    void *piece = extra->space + extra->used;
    extra->used += size;
    return piece;
  }
  size_t capacity;
  struct overflow *o = buffers_take(query_buffers(q->worker), sizeof *o + size, &capacity);
  if (o == NULL)
    return NULL;
  o->capacity = capacity;
  o->next = extra->overflow;
  extra->overflow = o;
  return o + 1;
}

bool
query_make_portable(struct query *q)
{
  enum { OUTSIDE = PACKET_PIECE + 1 }; // larger than a slab's piece: from malloc
  size_t capacity = q->packet.size < OUTSIDE ? OUTSIDE : q->packet.size;
  if (query_extra_get(q) == NULL)
    return false;
  if (q->own != NULL && q->own_size >= OUTSIDE)
    capacity = q->own_size;
  return query_own_packet(q, q->packet.data, q->packet.size, capacity);
}

const struct tag *
query_tags(const struct query *q)
{
  return q->extra == NULL ? NULL : q->extra->tags;
}

const struct tag *
query_tag_get(const struct query *q, const char *key)
{
  for (const struct tag *t = query_tags(q); t != NULL; t = t->next)
    if (strcmp(t->key, key) == 0)
      return t;
  return NULL;
}

void
query_tag_unset(struct query *q, const char *key)
{
  if (q->extra == NULL)
    return;
  for (struct tag **at = &q->extra->tags; *at != NULL; at = &(*at)->next)
    if (strcmp((*at)->key, key) == 0) {
      *at = (*at)->next;
      return;
    }
}

bool
query_tag_set(struct query *q, const char *key, const char *value, size_t size)
{
  size_t key_size = strlen(key) + 1;
  char *space = query_alloc(q, sizeof(struct tag) + key_size + size + 1);
  if (space == NULL)
    return false;
  query_tag_unset(q, key);
  struct tag *t = (struct tag *)(void *)space;
  t->key = space + sizeof *t;
  t->value = t->key + key_size;
  t->value_size = (uint32_t)size;
  memcpy(t->key, key, key_size);
  memcpy(t->value, value, size);
  t->value[size] = '\0';
  t->next = q->extra->tags;
  q->extra->tags = t;
  return true;
}

bool
query_add_error(struct query *q, uint16_t code, const char *text, size_t size)
{
  if (size > UINT16_MAX - sizeof code)
    return false;
  struct extended_error *e = query_alloc(q, sizeof *e + size);
  if (e == NULL)
    return false;
  *e = (struct extended_error){.code = code, .size = (uint16_t)size};
  memcpy(e->text, text, size);
  struct extended_error **at = &q->extra->errors;
  while (*at != NULL)
    at = &(*at)->next;
  *at = e;
  return true;
}

void
query_clear_errors(struct query *q)
{
  if (query_extra_get(q) == NULL)
    return;
  q->extra->errors = NULL;
  q->extra->errors_replace = true;
}

void
query_attach_errors(struct query *q)
{
  if (q->extra == NULL || q->extra->errors == NULL)
    return;
  if (q->extra->errors_replace)
    message_remove_option(&q->packet, EDNS_EDE);
  for (const struct extended_error *e = q->extra->errors; e != NULL; e = e->next) {
    uint8_t data[512];
    size_t size = e->size < sizeof data - 2 ? e->size : sizeof data - 2;
    message_put_u16(data, e->code);
    memcpy(data + 2, e->text, size);
    message_append_option(&q->packet, EDNS_EDE, data, size + 2);
  }
  q->extra->errors = NULL;
}

const struct proxy_value *
query_proxy_values(const struct query *q)
{
  return q->extra == NULL ? NULL : q->extra->proxy_values;
}

bool
query_add_proxy_value(struct query *q, uint8_t type, const void *data, size_t size)
{
  struct proxy_value one = {.size = (uint16_t)size};
  // What is written behind the fixed part: addresses, then values.
  size_t others = PROXY_HEADER_MAX - PROXY_HEADER_FIXED + proxy_values_size(query_proxy_values(q));
  if (size > UINT16_MAX || others + proxy_values_size(&one) > UINT16_MAX)
    return false;
  uint8_t *copy = query_alloc(q, size + 1);
  struct proxy_value *v = copy == NULL ? NULL : query_alloc(q, sizeof *v);
  if (v == NULL)
    return false;
  if (size > 0)
    memcpy(copy, data, size);
  *v = (struct proxy_value){.type = type, .size = (uint16_t)size, .data = copy};
  if (q->extra->last_proxy_value == NULL)
    q->extra->proxy_values = v;
  else
    q->extra->last_proxy_value->next = v;
  q->extra->last_proxy_value = v;
  return true;
}

void
query_clear_proxy_values(struct query *q)
{
  if (q->extra != NULL)
    q->extra->proxy_values = q->extra->last_proxy_value = NULL;
}

bool
query_take_proxy_header(struct query *q, const struct proxy_header *h)
{
  struct proxy_value v;
  size_t at = 0;
  if (h->local)
    return true;
  if (query_alloc(q, 0) == NULL)
    return false;
  q->extra->local = q->arrival.destination;
  q->arrival.has_local = true;
  q->arrival.client = h->source;
  q->arrival.destination = h->destination;
  while (proxy_header_value(h, &at, &v))
    if (!query_add_proxy_value(q, v.type, v.data, v.size))
      return false;
  return true;
}

bool
query_set_pool(struct query *q, const char *name, size_t size)
{
  if (size >= sizeof q->pool_name)
    return false;
  memcpy(q->pool_name, name, size);
  q->pool_name[size] = '\0';
  return true;
}

size_t
query_link_address(const struct query *q, uint8_t link[LINK_ADDRESS_MAX])
{
  return neighbours_find(&q->arrival.client, link);
}

struct answer_form
query_answer_form(const struct query *q, const struct answer_flags *flags, uint32_t ttl)
{
  const struct settings *settings = query_settings(q);
  return (struct answer_form){
      .flags = *flags,
      .edns = {.present = q->edns.offset != 0 && settings->edns_on_self_answers,
               .dnssec_ok = q->edns.dnssec_ok,
               .payload = settings->self_answer_payload},
      .question_end = q->question_end,
      .class = q->qclass,
      .ttl = ttl,
  };
}

bool
query_keep_for_restart(struct query *q)
{
  if (q->is_answer)
    return false;
  uint8_t *copy = query_alloc(q, q->packet.size);
  if (copy == NULL)
    return false;
  memcpy(copy, q->packet.data, q->packet.size);
  q->extra->restart_packet = copy;
  q->extra->restart_size = (uint16_t)q->packet.size;
  q->extra->restart_ecs_added = q->subnet.added;
  q->extra->restart_edns_added = q->subnet.edns_added;
  return true;
}

bool
query_ask_restart(struct query *q)
{
  if (q->extra == NULL || q->extra->restart_packet == NULL || q->from_cache || q->self_answered || q->in_part ||
      q->restarts == UINT8_MAX)
    return false;
  q->restart = true;
  return true;
}

bool
query_restart(struct query *q)
{
  const uint8_t *kept = q->extra->restart_packet;
  size_t size = q->extra->restart_size;
  q->restart = false;
  if (!query_own_packet(q, kept, size, size < PACKET_PIECE ? PACKET_PIECE : size))
    return false;
  // A rule may have changed the name since, or the kept packet before it was kept.
  q->is_answer = q->touched = false;
  query_read_question(q);
  q->subnet.added = q->extra->restart_ecs_added;
  q->subnet.edns_added = q->extra->restart_edns_added;
  q->has_key = false;
  q->drop = 0;
  q->restarts++;
  return true;
}

void
query_key_for_all(const struct query *q, struct cache_key *key)
{
  *key = q->key;
  key->hash = q->subnet.hash_for_all;
  key->has_ecs = false;
}

const struct edns *
query_edns_now(const struct query *q, struct edns *edns)
{
  if (!q->packet_changed)
    return &q->edns;
  if (!message_edns(q->packet.data, q->packet.size, q->question_end, edns))
    memset(edns, 0, sizeof *edns);
  return edns;
}

// Another question: an answer for it is not what the key was made for.
static void
query_take_question(struct query *q, const struct question *question)
{
  if (q->qtype != question->type || q->qclass != question->class ||
      !name_bytes_equal(q->qname.bytes, q->qname.size, question->name.bytes, question->name.size))
    q->has_key = false;
  q->qname.size = question->name.size;
  memcpy(q->qname.bytes, question->name.bytes, question->name.size);
  q->qtype = question->type;
  q->qclass = question->class;
}

void
query_read_question(struct query *q)
{
  struct question question;
  q->packet_changed = true;
  if (!message_question(q->packet.data, q->packet.size, &question)) {
    q->question_end = HEADER_SIZE;
    q->has_key = q->has_key && q->is_answer;
    return;
  }
  q->question_end = question.end;
  if (!q->is_answer && !query_answered(q))
    query_take_question(q, &question);
}

bool
query_reparse(struct query *q)
{
  struct question question;
  if (!message_question(q->packet.data, q->packet.size, &question))
    return false;
  q->question_end = question.end;
  query_take_question(q, &question);
  if (!message_edns(q->packet.data, q->packet.size, question.end, &q->edns))
    memset(&q->edns, 0, sizeof q->edns);
  return true;
}
