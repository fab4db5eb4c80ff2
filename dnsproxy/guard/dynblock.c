// SPDX-License-Identifier: BSD-2-Clause
// Keys, blocks, sets of them, and the draft that sets are built from.
#include "dnsproxy/guard/dynblock_table.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"

#include <stdlib.h>
#include <string.h>

// ---- keys ----

void
dynblock_mask(struct address *a, unsigned bits, unsigned port_bits)
{
  unsigned port = address_port(a);
  address_truncate(a, bits);
  address_set_port(a, (uint16_t)(port_bits == 0 ? 0 : port & (0xffffu << (16 - port_bits))));
}

struct dynblock_key
dynblock_key_address(const struct address *a, unsigned bits, unsigned port_bits)
{
  struct dynblock_key key = {.address = *a};
  unsigned most = address_is_v6(a) ? 128 : 32;
  key.bits = (uint8_t)(bits > most ? most : bits);
  key.port_bits = (uint8_t)(port_bits > 16 ? 16 : port_bits);
  dynblock_mask(&key.address, key.bits, key.port_bits);
  return key;
}

struct dynblock_key
dynblock_key_suffix(const struct name *name)
{
  return (struct dynblock_key){.is_suffix = true, .suffix = *name};
}

void
dynblock_key_text(const struct dynblock_key *key, struct text *out)
{
  char text[NAME_TEXT_SIZE + ADDRESS_TEXT_SIZE];
  if (key->is_suffix)
    text_puts(out, name_text(&key->suffix, text));
  else if (key->port_bits > 0)
    text_printf(out, "%s/%u", address_text_with_port(&key->address, text), key->port_bits);
  else
    text_printf(out, "%s/%u", address_text(&key->address, text), key->bits);
}

// ---- blocks ----

static void
dynblock_hits_free(struct object *object)
{
  free(object);
}
static const struct object_class hits_class = {.name = "hits", .free = dynblock_hits_free};

static void
dynblock_block_free(struct object *object)
{
  struct dynblock *b = (struct dynblock *)(void *)object;
  object_unref(&b->hits);
  free(b->reason);
  free(b->tag_name);
  free(b->tag_value);
  free(b);
}
const struct object_class dynblock_class = {.name = "DynBlock", .free = dynblock_block_free};

// ---- sets ----

static void
dynblock_set_free(struct object *object)
{
  struct dynblock_set *s = (struct dynblock_set *)(void *)object;
  dynblock_table_free(&s->addresses);
  dynblock_table_free(&s->suffixes);
  free(s);
}
const struct object_class dynblock_set_class = {.name = "dynamic blocks", .free = dynblock_set_free};

// ---- the draft of a configuration ----

void
dynblock_draft_init(struct dynblock_draft *d)
{
  enum { PURGE_S = 60 };
  *d = (struct dynblock_draft){.changed = true, .purge_interval_s = PURGE_S, .swept = {DYNBLOCK_SHARDS, DYNBLOCK_SHARDS}, .addresses = dynblock_table_new(), .suffixes = dynblock_table_new()};
}

void
dynblock_draft_fini(struct dynblock_draft *d)
{
  dynblock_table_free(&d->addresses);
  dynblock_table_free(&d->suffixes);
  dynblock_reap(SIZE_MAX);
}

struct dynblock_set *
dynblock_set_build(const struct dynblock_draft *d)
{
  struct dynblock_set *s = memory_new(sizeof *s);
  object_init(&s->object, &dynblock_set_class);
  s->address_count = d->addresses->count;
  s->count = s->address_count + d->suffixes->count;
  s->default_action = d->default_action;
  s->addresses = dynblock_table_copy(d->addresses);
  s->suffixes = dynblock_table_copy(d->suffixes);
  return s;
}

static struct dynblock *
dynblock_block_new(const struct dynblock_spec *spec, uint64_t until_us, const struct dynblock *old)
{
  struct dynblock *b = memory_new(sizeof *b);
  object_init(&b->object, &dynblock_class);
  b->key = spec->key;
  b->until_us = until_us;
  b->action = spec->action;
  b->warning = spec->warning;
  b->reason = memory_string(spec->reason);
  b->tag_name = memory_string(spec->tag_name);
  b->tag_value = memory_string(spec->tag_value);
  if (old != NULL) {
    b->hits = object_ref(old->hits);
  } else {
    b->hits = memory_new(sizeof *b->hits);
    object_init(&b->hits->object, &hits_class);
  }
  return b;
}

// ---- how edits are taken back: records of a transaction (base/undo.h) ----

struct dynblock_edit {
  struct dynblock_draft *draft;
  struct dynblock *was, *is; // a block and what took its place; NULL: there was none
  struct dynblock_table *addresses, *suffixes; // all blocks, which were cleared
};

static void
dynblock_uninsert(void *room)
{
  struct dynblock_edit *e = room;
  if (e->was != NULL)
    dynblock_table_put(e->is->key.is_suffix ? e->draft->suffixes : e->draft->addresses, object_ref(e->was));
  else
    e->is->until_us = 0; // nobody else has seen it: the next purge takes it away
  e->draft->changed = true;
}

static void
dynblock_unclear(void *room)
{
  struct dynblock_edit *e = room;
  struct dynblock_table *addresses = e->draft->addresses, *suffixes = e->draft->suffixes;
  e->draft->addresses = e->addresses;
  e->draft->suffixes = e->suffixes;
  e->addresses = addresses;
  e->suffixes = suffixes;
  e->draft->changed = true;
}

static void
dynblock_edit_gone(void *room)
{
  struct dynblock_edit *e = room;
  object_unref(&e->was);
  object_unref(&e->is);
  if (e->addresses != NULL) {
    dynblock_table_free(&e->addresses);
    dynblock_table_free(&e->suffixes);
  }
}

enum dynblock_outcome
dynblock_insert(struct dynblock_draft *d, const struct dynblock_spec *spec, uint64_t now_us)
{
  struct dynblock_table *t = spec->key.is_suffix ? d->suffixes : d->addresses;
  uint64_t until_us = now_us + spec->seconds * 1000000;
  struct dynblock *old = dynblock_unexpired(dynblock_table_get(t, &spec->key), now_us);
  if (old != NULL && spec->warning && !old->warning)
    return DYNBLOCK_KEPT;
  bool outranks = old != NULL && old->warning && !spec->warning; // a block takes the place of a warning, however long
  if (old != NULL && !outranks && old->until_us >= until_us)
    return DYNBLOCK_KEPT;
  bool fresh = old == NULL || outranks;
  struct dynblock *new = dynblock_block_new(spec, until_us, outranks ? NULL : old);
  struct dynblock_edit *e = undo_record(sizeof *e, dynblock_uninsert, dynblock_edit_gone);
  if (e != NULL)
    *e = (struct dynblock_edit){.draft = d, .was = object_ref(old), .is = object_ref(new)};
  dynblock_table_put(t, new);
  d->changed = true;
  return fresh ? DYNBLOCK_NEW : DYNBLOCK_REFRESHED;
}

void
dynblock_log(const struct dynblock_spec *spec)
{
  struct text key;
  text_init(&key);
  dynblock_key_text(&spec->key, &key);
  log_info("dynamic-rules", "Inserting %sdynamic block for %s for %llu seconds: %s", spec->warning ? "(warning) " : "", key.data,
           (unsigned long long)spec->seconds, spec->reason);
  text_fini(&key);
}

void
dynblock_clear(struct dynblock_draft *d)
{
  struct dynblock_edit *e = undo_record(sizeof *e, dynblock_unclear, dynblock_edit_gone);
  if (e != NULL) {
    *e = (struct dynblock_edit){.draft = d, .addresses = d->addresses, .suffixes = d->suffixes};
  } else {
    dynblock_table_free(&d->addresses);
    dynblock_table_free(&d->suffixes);
  }
  d->addresses = dynblock_table_new();
  d->suffixes = dynblock_table_new();
  d->changed = true;
}

// A sweep begins when the interval is over and goes on, call by call, until all have been looked at.
void
dynblock_purge(struct dynblock_draft *d, uint64_t now_us)
{
  enum { ENOUGH = 16384 };
  bool sweeping = d->swept[0] < DYNBLOCK_SHARDS || d->swept[1] < DYNBLOCK_SHARDS;
  if (!sweeping && d->purge_interval_s > 0 && now_us - d->purged_us >= (uint64_t)d->purge_interval_s * 1000000) {
    d->purged_us = now_us;
    d->swept[0] = d->swept[1] = 0;
  }
  d->changed |= dynblock_table_sweep(d->addresses, &d->swept[0], ENOUGH, now_us);
  d->changed |= dynblock_table_sweep(d->suffixes, &d->swept[1], ENOUGH, now_us);
}

static int
dynblock_in_order(const void *left, const void *right)
{
  const struct dynblock_key *a = &(*(struct dynblock *const *)left)->key, *b = &(*(struct dynblock *const *)right)->key;
  if (a->is_suffix) {
    char first[NAME_TEXT_SIZE], second[NAME_TEXT_SIZE];
    return strcmp(name_text(&a->suffix, first), name_text(&b->suffix, second));
  }
  int order = address_compare(&a->address, &b->address);
  return order != 0 ? order : (int)b->bits - (int)a->bits;
}

struct list {
  struct dynblock **blocks;
  size_t count;
  uint64_t now_us;
};

static void
dynblock_list_add(struct dynblock *b, void *arg)
{
  struct list *l = arg;
  if (dynblock_unexpired(b, l->now_us) != NULL)
    l->blocks[l->count++] = b;
}

static void
dynblock_each_in(const struct dynblock_table *t, uint64_t now_us, void (*visit)(struct dynblock *, void *), void *arg)
{
  struct list l = {.blocks = memory_array(t->count + 1, sizeof(struct dynblock *)), .now_us = now_us};
  dynblock_table_each(t, dynblock_list_add, &l);
  qsort(l.blocks, l.count, sizeof(struct dynblock *), dynblock_in_order);
  for (size_t i = 0; i < l.count; i++)
    visit(l.blocks[i], arg);
  free(l.blocks);
}

void
dynblock_each(const struct dynblock_draft *d, uint64_t now_us, void (*visit)(struct dynblock *, void *), void *arg)
{
  dynblock_each_in(d->addresses, now_us, visit, arg);
  dynblock_each_in(d->suffixes, now_us, visit, arg);
}

const char *
dynblock_action_text(int action)
{
  static const char *const texts[] = {
      "Drop", "Send NXDomain", "Send Refused", "Spoof an answer", "Allow", "Modify the header", "Route to a pool", "Delay",
      "Truncate over UDP", "Send ServFail", "Do nothing", "Do nothing (NoOp)", "Set rd=0", "Spoof an answer from raw bytes (SpoofRaw)",
      "Spoof a raw answer from bytes (SpoofPacket)", "Set Tag"};
  return action >= 0 && (size_t)action < sizeof texts / sizeof *texts ? texts[action] : "Unknown";
}
