// SPDX-License-Identifier: BSD-2-Clause
// The verbs that edit a list of rules.
#include "rules/chain/rule_list.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "rules/chain/chain_builder.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
rule_list_hash_name(const char *name)
{
  return (uint32_t)hash_bytes(name, strlen(name), 0);
}

static uint32_t
rule_list_hash_uuid(const struct uuid *uuid)
{
  return (uint32_t)hash_bytes(uuid->bytes, sizeof uuid->bytes, 0);
}

// The rule leaves its seat: it is gone, or will get another one.
static void
rule_list_leave_seat(struct rule_list *list, uint32_t position)
{
  if (list->places[position].seat != NO_SEAT)
    chain_builder_vacate(list->builder, list->places[position].seat);
  list->places[position].seat = NO_SEAT;
}

// ---- how each verb is taken back: records of a transaction (base/undo.h) ----

struct rule_list_edit {
  struct rule_list *list;
  uint32_t from, to;
  struct rule *rule;        // taken out of `from`
  struct rule **all;        // the whole list, a reference each
  uint32_t count;
};

static void
rule_list_edit_gone(void *room)
{
  struct rule_list_edit *e = room;
  object_unref(&e->rule);
  for (uint32_t i = 0; i < e->count; i++)
    object_unref(&e->all[i]);
  free(e->all);
}

static struct rule_list_edit *
rule_list_note(struct rule_list *list, void (*back)(void *))
{
  struct rule_list_edit *e = undo_record(sizeof *e, back, rule_list_edit_gone);
  if (e != NULL)
    e->list = list;
  return e;
}

static void
rule_list_unadd(void *room)
{
  struct rule_list *list = ((struct rule_list_edit *)room)->list;
  rule_list_remove_at(list, list->count - 1);
}

static void
rule_list_unremove(void *room)
{
  struct rule_list_edit *e = room;
  rule_list_add(e->list, e->rule);
  rule_list_move(e->list, (int64_t)e->list->count - 1, e->from);
}

static void
rule_list_unmove(void *room)
{
  struct rule_list_edit *e = room;
  rule_list_move(e->list, e->to, e->from > e->to ? (int64_t)e->from + 1 : e->from);
}

static void
rule_list_unset(void *room)
{
  struct rule_list_edit *e = room;
  rule_list_set(e->list, e->all, e->count);
}

static void
rule_list_note_removal(struct rule_list *list, uint32_t position, struct rule *r)
{
  struct rule_list_edit *e = rule_list_note(list, rule_list_unremove);
  if (e != NULL) {
    e->from = position;
    e->rule = object_ref(r);
  }
}

static void
rule_list_note_all(struct rule_list *list)
{
  struct rule_list_edit *e = rule_list_note(list, rule_list_unset);
  if (e == NULL)
    return;
  e->all = memory_array(list->count, sizeof *e->all);
  for (e->count = 0; e->count < list->count; e->count++)
    e->all[e->count] = object_ref(list->rules[e->count]);
}

// ---- the verbs ----

static void
rule_list_append(struct rule_list *list, struct rule *r)
{
  if (list->count == list->capacity) {
    list->capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
    list->rules = memory_resize(list->rules, list->capacity, sizeof *list->rules);
    list->places = memory_resize(list->places, list->capacity, sizeof *list->places);
  }
  list->places[list->count] = (struct rule_place){
      .seat = NO_SEAT, .name_hash = rule_list_hash_name(r->name), .uuid_hash = rule_list_hash_uuid(&r->uuid)};
  list->rules[list->count++] = object_ref(r);
  list->changed = true;
}

void
rule_list_add(struct rule_list *list, struct rule *r)
{
  rule_list_append(list, r);
  rule_list_note(list, rule_list_unadd);
}

bool
rule_list_remove_at(struct rule_list *list, uint32_t position)
{
  if (position >= list->count)
    return false;
  rule_list_note_removal(list, position, list->rules[position]);
  rule_list_leave_seat(list, position);
  object_unref(&list->rules[position]);
  list->count--;
  size_t behind = list->count - position;
  memmove(&list->rules[position], &list->rules[position + 1], behind * sizeof *list->rules);
  memmove(&list->places[position], &list->places[position + 1], behind * sizeof *list->places);
  list->changed = true;
  return true;
}

// What the console and scripts call a rule by: text in UUID form is never a name.
struct rule_key {
  const char *name; // NULL: by uuid
  struct uuid uuid;
  uint32_t hash;
};

static struct rule_key
rule_list_key_of(const char *name_or_uuid)
{
  struct rule_key key = {.name = NULL};
  if (uuid_parse(&key.uuid, name_or_uuid)) {
    key.hash = rule_list_hash_uuid(&key.uuid);
  } else {
    key.name = name_or_uuid;
    key.hash = rule_list_hash_name(name_or_uuid);
  }
  return key;
}

static bool
rule_list_key_fits(const struct rule_key *key, const struct rule_list *list, uint32_t position)
{
  const struct rule_place *place = &list->places[position];
  if (key->name != NULL)
    return place->name_hash == key->hash && strcmp(key->name, list->rules[position]->name) == 0;
  return place->uuid_hash == key->hash && uuid_equal(&key->uuid, &list->rules[position]->uuid);
}

uint32_t
rule_list_remove_named(struct rule_list *list, const char *name_or_uuid)
{
  struct rule_key key = rule_list_key_of(name_or_uuid);
  uint32_t kept = 0, count = list->count;
  for (uint32_t i = 0; i < count; i++)
    if (rule_list_key_fits(&key, list, i)) {
      rule_list_note_removal(list, kept, list->rules[i]);
      rule_list_leave_seat(list, i);
      object_unref(&list->rules[i]);
    } else {
      list->places[kept] = list->places[i];
      list->rules[kept++] = list->rules[i];
    }
  list->count = kept;
  if (kept < count)
    list->changed = true;
  return count - kept;
}

struct rule *
rule_list_find(const struct rule_list *list, const char *name_or_uuid)
{
  struct rule_key key = rule_list_key_of(name_or_uuid);
  for (uint32_t i = 0; i < list->count; i++)
    if (rule_list_key_fits(&key, list, i))
      return list->rules[i];
  return NULL;
}

// Moves one element of an array to another index; those between move over.
static void
rule_list_shift(void *array, size_t size, size_t from, size_t to)
{
  char *at = array, kept[sizeof(struct rule_place)];
  memcpy(kept, at + from * size, size);
  if (to > from)
    memmove(at + from * size, at + (from + 1) * size, (to - from) * size);
  else
    memmove(at + (to + 1) * size, at + to * size, (from - to) * size);
  memcpy(at + to * size, kept, size);
}

bool
rule_list_move(struct rule_list *list, int64_t from, int64_t to)
{
  int64_t count = list->count;
  if (from < 0 || from >= count || to < 0 || to > count)
    return false;
  if (to == from || to == from + 1)
    return true;
  size_t end = (size_t)(to > from ? to - 1 : to);
  rule_list_leave_seat(list, (uint32_t)from);
  rule_list_shift(list->rules, sizeof *list->rules, (size_t)from, end);
  rule_list_shift(list->places, sizeof *list->places, (size_t)from, end);
  list->changed = true;
  struct rule_list_edit *e = rule_list_note(list, rule_list_unmove);
  if (e != NULL) {
    e->from = (uint32_t)from;
    e->to = (uint32_t)end;
  }
  return true;
}

void
rule_list_move_to_top(struct rule_list *list)
{
  if (list->count > 1)
    rule_list_move(list, (int64_t)list->count - 1, 0);
}

static void
rule_list_drop_rules(struct rule_list *list)
{
  for (uint32_t i = 0; i < list->count; i++)
    object_unref(&list->rules[i]);
  free(list->rules);
  free(list->places);
}

void
rule_list_clear(struct rule_list *list)
{
  rule_list_note_all(list);
  rule_list_drop_rules(list);
  chain_builder_free(&list->builder);
  *list = (struct rule_list){.changed = true, .plain = list->plain};
}

// Rules that are in both lists keep their seats, and with them their keys; a rule that is there twice keeps one.
static void
rule_list_keep_seats(struct rule_list *new, struct rule_list *old)
{
  uint32_t slots = 0;
  for (uint32_t i = 0; i < old->count; i++)
    slots = old->rules[i]->slot >= slots ? old->rules[i]->slot + 1 : slots;
  struct rule_place **by_slot = memory_array(slots, sizeof *by_slot);
  for (uint32_t i = 0; i < old->count; i++)
    by_slot[old->rules[i]->slot] = &old->places[i];
  for (uint32_t i = 0; i < new->count; i++) {
    uint32_t slot = new->rules[i]->slot;
    if (slot >= slots || by_slot[slot] == NULL)
      continue;
    new->places[i] = *by_slot[slot];
    by_slot[slot]->seat = NO_SEAT;
    by_slot[slot] = NULL;
  }
  free(by_slot);
  for (uint32_t i = 0; i < old->count; i++)
    rule_list_leave_seat(old, i);
  chain_builder_reorder(old->builder);
  new->builder = old->builder;
}

void
rule_list_set(struct rule_list *list, struct rule *const *rules, uint32_t count)
{
  rule_list_note_all(list);
  // References first: the new rules may be the old ones.
  struct rule_list new = {.plain = list->plain};
  for (uint32_t i = 0; i < count; i++)
    rule_list_append(&new, rules[i]);
  if (list->builder != NULL)
    rule_list_keep_seats(&new, list);
  rule_list_drop_rules(list);
  *list = new;
  list->changed = true;
}
