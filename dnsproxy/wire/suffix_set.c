// SPDX-License-Identifier: BSD-2-Clause
// Sets of suffixes: one probe for each number of labels that some member has, longest first.
//
// The hash of a name is made label by label from the right, so that one pass over a name hashes all of its suffixes. A
// single member, as most rules have, is kept as it is and compared.
#include "dnsproxy/wire/name_set.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/wire/name_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct suffix_set {
  struct object object;
  uint64_t seed;
  uint8_t *only; // the single member; NULL: the table has them
  uint8_t only_size;
  uint8_t most_labels; // of any member of the table
  struct name_table table;
  uint32_t *members; // of the table, by number of labels: most_labels + 1 of them, or more
};

static void
suffix_set_free(struct object *object)
{
  struct suffix_set *set = (struct suffix_set *)object;
  name_table_fini(&set->table);
  free(set->members);
  free(set->only);
  free(set);
}

const struct object_class suffix_set_class = {.name = "SuffixMatchNode", .free = suffix_set_free};

static uint64_t secret;

static void
suffix_set_draw_secret(void)
{
  random_bytes(&secret, sizeof secret);
}

// Sets are made for every argument of a script: randomness is asked for once.
static uint64_t
suffix_set_new_seed(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static _Atomic uint64_t sets;
  pthread_once(&once, suffix_set_draw_secret);
  return hash_u64(atomic_fetch_add_explicit(&sets, 1, memory_order_relaxed), secret);
}

struct suffix_set *
suffix_set_new(void)
{
  struct suffix_set *set = memory_new(sizeof *set);
  object_init(&set->object, &suffix_set_class);
  set->seed = suffix_set_new_seed();
  return set;
}

void
suffix_set_writable(struct suffix_set **slot)
{
  const struct suffix_set *set = *slot;
  if (object_refs(set) == 1)
    return;
  struct suffix_set *copy = suffix_set_new();
  copy->seed = set->seed;
  copy->only = set->only == NULL ? NULL : memory_copy(set->only, set->only_size);
  copy->only_size = set->only_size;
  copy->most_labels = set->most_labels;
  if (set->members != NULL)
    copy->members = memory_copy(set->members, (set->most_labels + 1u) * sizeof *set->members);
  name_table_copy(&copy->table, &set->table);
  object_unref(slot);
  *slot = copy;
}

static uint64_t
suffix_set_hash_name(const struct suffix_set *set, const uint8_t *bytes, unsigned *labels)
{
  struct name_suffixes s;
  name_bytes_suffixes(bytes, NAME_MAX_LABELS, set->seed, &s);
  *labels = s.count;
  return s.hash[s.count];
}

static void
suffix_set_table_add(struct suffix_set *set, const uint8_t *bytes, size_t size)
{
  unsigned labels;
  uint64_t hash = suffix_set_hash_name(set, bytes, &labels);
  if (!name_table_add(&set->table, hash, bytes, size))
    return;
  if (set->members == NULL || labels > set->most_labels) {
    unsigned known = set->members == NULL ? 0 : set->most_labels + 1u;
    set->members = memory_resize(set->members, labels + 1, sizeof *set->members);
    memset(set->members + known, 0, (labels + 1 - known) * sizeof *set->members);
    set->most_labels = (uint8_t)labels;
  }
  set->members[labels]++;
}

void
suffix_set_add(struct suffix_set *set, const struct name *name)
{
  if (set->only == NULL && set->table.count == 0) {
    set->only = memory_copy(name->bytes, name->size);
    set->only_size = name->size;
    return;
  }
  if (set->only != NULL) {
    if (name_bytes_equal(set->only, set->only_size, name->bytes, name->size))
      return;
    suffix_set_table_add(set, set->only, set->only_size);
    free(set->only);
    set->only = NULL;
  }
  suffix_set_table_add(set, name->bytes, name->size);
}

bool
suffix_set_remove(struct suffix_set *set, const struct name *name)
{
  if (set->only != NULL) {
    if (!name_bytes_equal(set->only, set->only_size, name->bytes, name->size))
      return false;
    free(set->only);
    set->only = NULL;
    return true;
  }
  unsigned labels;
  uint64_t hash = suffix_set_hash_name(set, name->bytes, &labels);
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
  return set->only != NULL ? 1 : set->table.count;
}

// Where in bytes the single member begins.
static bool
suffix_set_ends_with_only(const struct suffix_set *set, const uint8_t *bytes, size_t size, size_t *match)
{
  size_t at = 0;
  while (size - at > set->only_size && bytes[at] != 0)
    at += 1u + bytes[at];
  if (!name_bytes_equal(bytes + at, size - at, set->only, set->only_size))
    return false;
  *match = at;
  return true;
}

// The longest member, NULL if there is none; *match is where it begins in bytes.
static const uint8_t *
suffix_set_find_longest(const struct suffix_set *set, const uint8_t *bytes, size_t size, size_t *match)
{
  struct name_suffixes s;
  if (set->only != NULL)
    return suffix_set_ends_with_only(set, bytes, size, match) ? set->only : NULL;
  if (set->table.count == 0)
    return NULL;
  name_bytes_suffixes(bytes, set->most_labels, set->seed, &s);
  for (unsigned i = s.count + 1; i-- > 0;) {
    if (set->members[i] == 0)
      continue;
    uint32_t found = name_table_find(&set->table, s.hash[i], bytes + s.at[i], size - s.at[i]);
    if (found != 0) {
      *match = s.at[i];
      return set->table.arena + found;
    }
  }
  return NULL;
}

bool
suffix_set_match(const struct suffix_set *set, const uint8_t *bytes, size_t size, size_t *match)
{
  size_t ignored;
  return suffix_set_find_longest(set, bytes, size, match != NULL ? match : &ignored) != NULL;
}

static void
suffix_set_get_name(const uint8_t *bytes, struct name *name)
{
  name->size = (uint8_t)name_bytes_size(bytes);
  memcpy(name->bytes, bytes, name->size);
}

bool
suffix_set_best(const struct suffix_set *set, const uint8_t *bytes, size_t size, struct name *member)
{
  size_t match;
  const uint8_t *found = suffix_set_find_longest(set, bytes, size, &match);
  if (found != NULL)
    suffix_set_get_name(found, member);
  return found != NULL;
}

static int
suffix_set_compare_members(const void *left, const void *right, void *arena)
{
  struct name a, b;
  suffix_set_get_name((const uint8_t *)arena + *(const uint32_t *)left, &a);
  suffix_set_get_name((const uint8_t *)arena + *(const uint32_t *)right, &b);
  return name_compare(&a, &b);
}

static void
suffix_set_visit_member(const uint8_t *bytes, void (*visit)(const struct name *, void *), void *arg)
{
  struct name name;
  suffix_set_get_name(bytes, &name);
  visit(&name, arg);
}

void
suffix_set_scan(const struct suffix_set *set, void (*visit)(const struct name *, void *), void *arg)
{
  const struct name_table *t = &set->table;
  if (set->only != NULL)
    suffix_set_visit_member(set->only, visit, arg);
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i].at != 0)
      suffix_set_visit_member(t->arena + t->slots[i].at, visit, arg);
}

void
suffix_set_each(const struct suffix_set *set, void (*visit)(const struct name *, void *), void *arg)
{
  const struct name_table *t = &set->table;
  if (t->count == 0) {
    suffix_set_scan(set, visit, arg);
    return;
  }
  uint32_t *sorted = memory_array(t->count, sizeof *sorted);
  size_t count = 0;
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i].at != 0)
      sorted[count++] = t->slots[i].at;
  qsort_r(sorted, count, sizeof *sorted, suffix_set_compare_members, t->arena);
  for (size_t i = 0; i < count; i++)
    suffix_set_visit_member(t->arena + sorted[i], visit, arg);
  free(sorted);
}

struct listing {
  const char *separator;
  struct text *text;
  bool begun;
};

static void
suffix_set_list_member(const struct name *name, void *arg)
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
  suffix_set_each(set, suffix_set_list_member, &listing);
}
