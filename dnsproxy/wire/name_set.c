// SPDX-License-Identifier: BSD-2-Clause
// Sets of names: the table of names that both are made of, exact names, suffixes.
#include "dnsproxy/wire/name_set.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/wire/words.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// ---- names in one arena and a hash table of 32-bit offsets into it: what both kinds of sets are made of ----
//
// Owner: the set it is in; readers share it while nobody writes. 8 bytes of table for each slot, at least a quarter of the
// slots free; a look-up touches the arena only where 32 bits of the hash agree.

enum { FIRST_SLOTS = 8, FIRST_ARENA = 128, DEAD_ENOUGH = 4096 };

struct name_slot {
  uint32_t tag; // lower half of the hash; its lower bits are the slot where the search begins
  uint32_t at;  // offset into the arena, 0: free
};

struct name_table {
  uint8_t *arena; // wire bytes, casing as added; offset 0 is not used
  size_t arena_size, arena_capacity, arena_dead; // dead: bytes of removed names
  struct name_slot *slots;
  size_t slot_count, count; // slots: 0 or a power of two
};

// Leaves it empty and usable.
static void
name_table_fini(struct name_table *t)
{
  free(t->arena);
  free(t->slots);
  memset(t, 0, sizeof *t);
}

// Index of the slot that holds the name, or of the free slot where it belongs.
static size_t
name_set_find_slot(const struct name_table *t, uint32_t tag, const uint8_t *bytes, size_t size)
{
  size_t mask = t->slot_count - 1, i = tag & mask;
  for (; t->slots[i].at != 0; i = (i + 1) & mask) {
    const uint8_t *stored = t->arena + t->slots[i].at;
    if (t->slots[i].tag == tag && name_bytes_equal(stored, name_bytes_size(stored), bytes, size))
      break;
  }
  return i;
}

// Offset of the name in the arena, 0 if it is not there. `hash` is the caller's, always the same for a name.
static uint32_t
name_table_find(const struct name_table *t, uint64_t hash, const uint8_t *bytes, size_t size)
{
  return t->count == 0 ? 0 : t->slots[name_set_find_slot(t, (uint32_t)hash, bytes, size)].at;
}

// Tags hold all the bits that a bigger table needs: the names need not be hashed again.
static void
name_set_resize_slots(struct name_table *t, size_t slot_count)
{
  struct name_slot *old = t->slots;
  size_t old_count = t->slot_count, mask = slot_count - 1;
  assert(slot_count <= UINT32_MAX);
  t->slots = memory_table(slot_count * sizeof *t->slots);
  t->slot_count = slot_count;
  for (size_t i = 0; i < old_count; i++) {
    if (old[i].at == 0)
      continue;
    size_t to = old[i].tag & mask;
    while (t->slots[to].at != 0)
      to = (to + 1) & mask;
    t->slots[to] = old[i];
  }
  free(old);
}

static uint32_t
name_set_store(struct name_table *t, const uint8_t *bytes, size_t size)
{
  if (t->arena_size == 0)
    t->arena_size = 1;
  if (t->arena_size + size > t->arena_capacity) {
    size_t grown = t->arena_capacity + t->arena_capacity / 2 + FIRST_ARENA;
    t->arena_capacity = grown > t->arena_size + size ? grown : t->arena_size + size;
    t->arena = memory_resize(t->arena, t->arena_capacity, 1);
  }
  assert(t->arena_size + size <= UINT32_MAX);
  size_t at = t->arena_size;
  memcpy(t->arena + at, bytes, size);
  t->arena_size += size;
  return (uint32_t)at;
}

// False if already there.
static bool
name_table_add(struct name_table *t, uint64_t hash, const uint8_t *bytes, size_t size)
{
  if (t->slot_count == 0)
    name_set_resize_slots(t, FIRST_SLOTS);
  size_t i = name_set_find_slot(t, (uint32_t)hash, bytes, size);
  if (t->slots[i].at != 0)
    return false;
  if (t->count + 1 > t->slot_count / 4 * 3) {
    name_set_resize_slots(t, t->slot_count * 2);
    i = name_set_find_slot(t, (uint32_t)hash, bytes, size);
  }
  t->slots[i] = (struct name_slot){.tag = (uint32_t)hash, .at = name_set_store(t, bytes, size)};
  t->count++;
  return true;
}

// Moves back the slots behind a hole that were pushed past it.
static void
name_set_close_gap(struct name_table *t, size_t hole)
{
  size_t mask = t->slot_count - 1;
  for (size_t i = (hole + 1) & mask; t->slots[i].at != 0; i = (i + 1) & mask) {
    size_t home = t->slots[i].tag & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      t->slots[hole] = t->slots[i];
      hole = i;
    }
  }
  t->slots[hole].at = 0;
}

// Gives back the bytes of removed names.
static void
name_set_compact_arena(struct name_table *t)
{
  uint8_t *old = t->arena;
  t->arena_capacity = t->arena_size - t->arena_dead;
  t->arena = memory_new(t->arena_capacity);
  t->arena_size = 1;
  t->arena_dead = 0;
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i].at != 0)
      t->slots[i].at = name_set_store(t, old + t->slots[i].at, name_bytes_size(old + t->slots[i].at));
  free(old);
}

static bool
name_table_remove(struct name_table *t, uint64_t hash, const uint8_t *bytes, size_t size)
{
  if (t->count == 0)
    return false;
  size_t i = name_set_find_slot(t, (uint32_t)hash, bytes, size);
  if (t->slots[i].at == 0)
    return false;
  t->arena_dead += size;
  name_set_close_gap(t, i);
  t->count--;
  if (t->arena_dead > DEAD_ENOUGH && t->arena_dead > t->arena_size / 2)
    name_set_compact_arena(t);
  return true;
}

// Into one that is all zero.
static void
name_table_copy(struct name_table *t, const struct name_table *from)
{
  if (from->count == 0)
    return;
  *t = *from;
  t->arena_capacity = t->arena_size;
  t->arena = memory_array(t->arena_size, 1);
  memcpy(t->arena, from->arena, t->arena_size);
  t->slots = memory_table(t->slot_count * sizeof *t->slots);
  memcpy(t->slots, from->slots, t->slot_count * sizeof *t->slots);
}

// ---- sets of exact names ----

struct name_set {
  struct object object;
  uint64_t seed; // of this set: strangers may choose names that are added, never where they collide
  struct name_table table;
};

static void
name_set_free(struct object *object)
{
  struct name_set *set = (struct name_set *)object;
  name_table_fini(&set->table);
  free(set);
}

const struct object_class name_set_class = {.name = "DNSNameSet", .free = name_set_free};

struct name_set *
name_set_new(void)
{
  struct name_set *set = memory_new(sizeof *set);
  object_init(&set->object, &name_set_class);
  random_bytes(&set->seed, sizeof set->seed);
  return set;
}

void
name_set_writable(struct name_set **set)
{
  if (object_refs(*set) == 1)
    return;
  struct name_set *copy = name_set_new();
  copy->seed = (*set)->seed;
  name_table_copy(&copy->table, &(*set)->table);
  object_unref(set);
  *set = copy;
}

bool
name_set_add(struct name_set *set, const struct name *name)
{
  return name_table_add(&set->table, word_hash(name->bytes, name->size, set->seed), name->bytes, name->size);
}

bool
name_set_remove(struct name_set *set, const struct name *name)
{
  return name_table_remove(&set->table, word_hash(name->bytes, name->size, set->seed), name->bytes, name->size);
}

void
name_set_clear(struct name_set *set)
{
  name_table_fini(&set->table);
}

size_t
name_set_count(const struct name_set *set)
{
  return set->table.count;
}

bool
name_set_has(const struct name_set *set, const uint8_t *bytes, size_t size)
{
  return set->table.count > 0 && name_table_find(&set->table, word_hash(bytes, size, set->seed), bytes, size) != 0;
}

void
name_set_each(const struct name_set *set, void (*visit)(const struct name *, void *), void *arg)
{
  for (size_t i = 0; i < set->table.slot_count; i++) {
    if (set->table.slots[i].at == 0)
      continue;
    struct name name;
    const uint8_t *bytes = set->table.arena + set->table.slots[i].at;
    name.size = (uint8_t)name_bytes_size(bytes);
    memcpy(name.bytes, bytes, name.size);
    visit(&name, arg);
  }
}

// ---- sets of suffixes: one probe for each number of labels that some member has, longest first ----
//
// The hash of a name is made label by label from the right, so that one pass over a name hashes all of its suffixes. A
// single member, as most rules have, is kept as it is and compared.

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
name_set_suffix_set_free(struct object *object)
{
  struct suffix_set *set = (struct suffix_set *)object;
  name_table_fini(&set->table);
  free(set->members);
  free(set->only);
  free(set);
}

const struct object_class suffix_set_class = {.name = "SuffixMatchNode", .free = name_set_suffix_set_free};

static uint64_t secret;

static void
name_set_draw_secret(void)
{
  random_bytes(&secret, sizeof secret);
}

// Sets are made for every argument of a script: randomness is asked for once.
static uint64_t
name_set_new_seed(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static _Atomic uint64_t sets;
  pthread_once(&once, name_set_draw_secret);
  return hash_u64(atomic_fetch_add_explicit(&sets, 1, memory_order_relaxed), secret);
}

struct suffix_set *
suffix_set_new(void)
{
  struct suffix_set *set = memory_new(sizeof *set);
  object_init(&set->object, &suffix_set_class);
  set->seed = name_set_new_seed();
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
name_set_hash_name(const struct suffix_set *set, const uint8_t *bytes, unsigned *labels)
{
  struct name_suffixes s;
  name_bytes_suffixes(bytes, NAME_MAX_LABELS, set->seed, &s);
  *labels = s.count;
  return s.hash[s.count];
}

static void
name_set_table_add(struct suffix_set *set, const uint8_t *bytes, size_t size)
{
  unsigned labels;
  uint64_t hash = name_set_hash_name(set, bytes, &labels);
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
    name_set_table_add(set, set->only, set->only_size);
    free(set->only);
    set->only = NULL;
  }
  name_set_table_add(set, name->bytes, name->size);
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
  uint64_t hash = name_set_hash_name(set, name->bytes, &labels);
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
name_set_ends_with_only(const struct suffix_set *set, const uint8_t *bytes, size_t size, size_t *match)
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
name_set_find_longest(const struct suffix_set *set, const uint8_t *bytes, size_t size, size_t *match)
{
  struct name_suffixes s;
  if (set->only != NULL)
    return name_set_ends_with_only(set, bytes, size, match) ? set->only : NULL;
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
  return name_set_find_longest(set, bytes, size, match != NULL ? match : &ignored) != NULL;
}

static void
name_set_get_name(const uint8_t *bytes, struct name *name)
{
  name->size = (uint8_t)name_bytes_size(bytes);
  memcpy(name->bytes, bytes, name->size);
}

bool
suffix_set_best(const struct suffix_set *set, const uint8_t *bytes, size_t size, struct name *member)
{
  size_t match;
  const uint8_t *found = name_set_find_longest(set, bytes, size, &match);
  if (found != NULL)
    name_set_get_name(found, member);
  return found != NULL;
}

static int
name_set_compare_members(const void *left, const void *right, void *arena)
{
  struct name a, b;
  name_set_get_name((const uint8_t *)arena + *(const uint32_t *)left, &a);
  name_set_get_name((const uint8_t *)arena + *(const uint32_t *)right, &b);
  return name_compare(&a, &b);
}

static void
name_set_visit_member(const uint8_t *bytes, void (*visit)(const struct name *, void *), void *arg)
{
  struct name name;
  name_set_get_name(bytes, &name);
  visit(&name, arg);
}

void
suffix_set_scan(const struct suffix_set *set, void (*visit)(const struct name *, void *), void *arg)
{
  const struct name_table *t = &set->table;
  if (set->only != NULL)
    name_set_visit_member(set->only, visit, arg);
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i].at != 0)
      name_set_visit_member(t->arena + t->slots[i].at, visit, arg);
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
  qsort_r(sorted, count, sizeof *sorted, name_set_compare_members, t->arena);
  for (size_t i = 0; i < count; i++)
    name_set_visit_member(t->arena + sorted[i], visit, arg);
  free(sorted);
}

struct listing {
  const char *separator;
  struct text *text;
  bool begun;
};

static void
name_set_list_member(const struct name *name, void *arg)
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
  suffix_set_each(set, name_set_list_member, &listing);
}
