// SPDX-License-Identifier: BSD-2-Clause
// Chains: the verbs that edit a list of rules, and the walk through what was built from it.
#include "rules/chain.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>
#include <string.h>

const struct chain_row chain_rows[CHAIN_COUNT] = {
#define CHAIN(id, of, between, verb, text)                                                                             \
  [CHAIN_##id] = {.side = (of), .infix = (between), .word = (verb), .help = (text)},
#include "rules/chains.def"
#undef CHAIN
};

enum verdict
chain_run(const struct chain *c, struct query *q)
{
  for (uint32_t i = 0; i < c->count; i++) {
    const struct rule *r = c->rules[i];
    if (!selector_match(r->selector, q))
      continue;
    if (q->selector_failed)
      return VERDICT_DROP;
    rule_hit(r, q->worker);
    enum verdict v = r->action->kind->run(r->action, q);
    if (v != VERDICT_NEXT)
      return v;
  }
  // A failure that a NotRule turned into "no match" still counts.
  return q->selector_failed ? VERDICT_DROP : VERDICT_NEXT;
}

static void
chain_free(struct object *o)
{
  struct chain *c = (struct chain *)(void *)o;
  for (uint32_t i = 0; i < c->count; i++)
    object_unref(&c->rules[i]);
  free(c);
}

const struct object_class chain_class = {.name = "Chain", .free = chain_free};

struct chain *
chain_build(const struct rule_list *list)
{
  struct chain *c = memory_new(sizeof *c + list->count * sizeof(struct rule *));
  object_init(&c->object, &chain_class);
  c->count = list->count;
  for (uint32_t i = 0; i < list->count; i++)
    c->rules[i] = object_ref(list->rules[i]);
  rule_pages_open();
  return c;
}

void
rule_list_add(struct rule_list *list, struct rule *r)
{
  if (list->count == list->capacity) {
    list->capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
    list->rules = memory_resize(list->rules, list->capacity, sizeof(struct rule *));
  }
  list->rules[list->count++] = object_ref(r);
  list->changed = true;
}

bool
rule_list_remove_at(struct rule_list *list, uint32_t position)
{
  if (position >= list->count)
    return false;
  object_unref(&list->rules[position]);
  list->count--;
  memmove(&list->rules[position], &list->rules[position + 1], (list->count - position) * sizeof(struct rule *));
  list->changed = true;
  return true;
}

// What the console and scripts call a rule by: text in UUID form is never a name.
struct rule_key {
  const char *name; // NULL: by uuid
  struct uuid uuid;
};

static struct rule_key
key_of(const char *name_or_uuid)
{
  struct rule_key key = {.name = NULL};
  if (!uuid_parse(&key.uuid, name_or_uuid))
    key.name = name_or_uuid;
  return key;
}

static bool
key_fits(const struct rule_key *key, const struct rule *r)
{
  return key->name != NULL ? strcmp(key->name, r->name) == 0 : uuid_equal(&key->uuid, &r->uuid);
}

uint32_t
rule_list_remove_named(struct rule_list *list, const char *name_or_uuid)
{
  struct rule_key key = key_of(name_or_uuid);
  uint32_t kept = 0, count = list->count;
  for (uint32_t i = 0; i < count; i++)
    if (key_fits(&key, list->rules[i]))
      object_unref(&list->rules[i]);
    else
      list->rules[kept++] = list->rules[i];
  list->count = kept;
  if (kept < count)
    list->changed = true;
  return count - kept;
}

struct rule *
rule_list_find(const struct rule_list *list, const char *name_or_uuid)
{
  struct rule_key key = key_of(name_or_uuid);
  for (uint32_t i = 0; i < list->count; i++)
    if (key_fits(&key, list->rules[i]))
      return list->rules[i];
  return NULL;
}

bool
rule_list_move(struct rule_list *list, int64_t from, int64_t to)
{
  int64_t count = list->count;
  if (from < 0 || from >= count || to < 0 || to > count)
    return false;
  if (to == from || to == from + 1)
    return true;
  struct rule *r = list->rules[from], **rules = list->rules;
  if (to > from) {
    memmove(&rules[from], &rules[from + 1], (size_t)(to - 1 - from) * sizeof *rules);
    rules[to - 1] = r;
  } else {
    memmove(&rules[to + 1], &rules[to], (size_t)(from - to) * sizeof *rules);
    rules[to] = r;
  }
  list->changed = true;
  return true;
}

void
rule_list_move_to_top(struct rule_list *list)
{
  if (list->count > 1)
    rule_list_move(list, (int64_t)list->count - 1, 0);
}

void
rule_list_clear(struct rule_list *list)
{
  for (uint32_t i = 0; i < list->count; i++)
    object_unref(&list->rules[i]);
  free(list->rules);
  *list = (struct rule_list){.changed = true};
}

void
rule_list_set(struct rule_list *list, struct rule *const *rules, uint32_t count)
{
  // References first: the new rules may be the old ones.
  struct rule_list new = {.rules = NULL};
  for (uint32_t i = 0; i < count; i++)
    rule_list_add(&new, rules[i]);
  rule_list_clear(list);
  *list = new;
  list->changed = true;
}
