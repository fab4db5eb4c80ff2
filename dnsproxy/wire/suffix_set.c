// SPDX-License-Identifier: BSD-2-Clause
// Sets of suffixes: one probe for each number of labels that some member has, longest first.
//
// The hash of a name is made label by label from the right, so that one pass over a name hashes all of its suffixes.
#include "dnsproxy/wire/name_set.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/wire/name_table.h"

#include <stdlib.h>
#include <string.h>

struct suffix_set {
  struct object object;
  uint64_t seed;
  struct name_table table;
  unsigned most_labels;              // of any member
  uint32_t members[NAME_MAX_LABELS]; // by number of labels
};

static void
suffix_set_free(struct object *object)
{
  struct suffix_set *set = (struct suffix_set *)object;
  name_table_fini(&set->table);
  free(set);
}

const struct object_class suffix_set_class = {.name = "SuffixMatchNode", .free = suffix_set_free};

struct suffix_set *
suffix_set_new(void)
{
  struct suffix_set *set = memory_new(sizeof *set);
  object_init(&set->object, &suffix_set_class);
  random_bytes(&set->seed, sizeof set->seed);
  return set;
}

void
suffix_set_writable(struct suffix_set **set)
{
  if (object_refs(*set) == 1)
    return;
  struct suffix_set *copy = suffix_set_new();
  copy->seed = (*set)->seed;
  copy->most_labels = (*set)->most_labels;
  memcpy(copy->members, (*set)->members, sizeof copy->members);
  name_table_copy(&copy->table, &(*set)->table);
  object_unref(set);
  *set = copy;
}

static uint64_t
hash_name(const struct suffix_set *set, const struct name *name, unsigned *labels)
{
  struct name_suffixes s;
  name_bytes_suffixes(name->bytes, NAME_MAX_LABELS, set->seed, &s);
  *labels = s.count;
  return s.hash[s.count];
}

void
suffix_set_add(struct suffix_set *set, const struct name *name)
{
  unsigned labels;
  uint64_t hash = hash_name(set, name, &labels);
  if (!name_table_add(&set->table, hash, name->bytes, name->size))
    return;
  set->members[labels]++;
  if (labels > set->most_labels)
    set->most_labels = labels;
}

bool
suffix_set_remove(struct suffix_set *set, const struct name *name)
{
  unsigned labels;
  uint64_t hash = hash_name(set, name, &labels);
  if (!name_table_remove(&set->table, hash, name->bytes, name->size))
    return false;
  set->members[labels]--;
  while (set->most_labels > 0 && set->members[set->most_labels] == 0)
    set->most_labels--;
  return true;
}

size_t
suffix_set_count(const struct suffix_set *set)
{
  return set->table.count;
}

// Offset of the longest member in the arena, 0 if there is none; *match is where it begins in bytes.
static uint32_t
find_longest(const struct suffix_set *set, const uint8_t *bytes, size_t size, size_t *match)
{
  struct name_suffixes s;
  if (set->table.count == 0)
    return 0;
  name_bytes_suffixes(bytes, set->most_labels, set->seed, &s);
  for (unsigned i = s.count + 1; i-- > 0;) {
    if (set->members[i] == 0)
      continue;
    uint32_t found = name_table_find(&set->table, s.hash[i], bytes + s.at[i], size - s.at[i]);
    if (found != 0) {
      *match = s.at[i];
      return found;
    }
  }
  return 0;
}

bool
suffix_set_match(const struct suffix_set *set, const uint8_t *bytes, size_t size, size_t *match)
{
  size_t ignored;
  return find_longest(set, bytes, size, match != NULL ? match : &ignored) != 0;
}

static void
get_name(const struct suffix_set *set, uint32_t at, struct name *name)
{
  const uint8_t *bytes = set->table.arena + at;
  name->size = (uint8_t)name_bytes_size(bytes);
  memcpy(name->bytes, bytes, name->size);
}

bool
suffix_set_best(const struct suffix_set *set, const uint8_t *bytes, size_t size, struct name *member)
{
  size_t match;
  uint32_t found = find_longest(set, bytes, size, &match);
  if (found != 0)
    get_name(set, found, member);
  return found != 0;
}

static int
compare_members(const void *left, const void *right, void *arg)
{
  struct name a, b;
  get_name(arg, *(const uint32_t *)left, &a);
  get_name(arg, *(const uint32_t *)right, &b);
  return name_compare(&a, &b);
}

void
suffix_set_scan(const struct suffix_set *set, void (*visit)(const struct name *, void *), void *arg)
{
  const struct name_table *t = &set->table;
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i].at != 0) {
      struct name name;
      get_name(set, t->slots[i].at, &name);
      visit(&name, arg);
    }
}

void
suffix_set_each(const struct suffix_set *set, void (*visit)(const struct name *, void *), void *arg)
{
  const struct name_table *t = &set->table;
  uint32_t *sorted = memory_array(t->count, sizeof *sorted);
  size_t count = 0;
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i].at != 0)
      sorted[count++] = t->slots[i].at;
  qsort_r(sorted, count, sizeof *sorted, compare_members, (void *)(uintptr_t)set);
  for (size_t i = 0; i < count; i++) {
    struct name name;
    get_name(set, sorted[i], &name);
    visit(&name, arg);
  }
  free(sorted);
}

struct listing {
  const char *separator;
  struct text *text;
  bool begun;
};

static void
list_member(const struct name *name, void *arg)
{
  struct listing *listing = arg;
  char text[NAME_TEXT_SIZE];
  if (listing->begun)
    text_puts(listing->text, listing->separator);
  listing->begun = true;
  text_puts(listing->text, name_text(name, text));
}

void
suffix_set_text(const struct suffix_set *set, const char *separator, struct text *text)
{
  struct listing listing = {.separator = separator, .text = text};
  suffix_set_each(set, list_member, &listing);
}
