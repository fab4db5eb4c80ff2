// SPDX-License-Identifier: BSD-2-Clause
// Two names as text, a newline between them: what is read prints and reads back the same; comparisons agree.
#include "dnsproxy/wire/name_set.h"
#include "fuzz/fuzz.h"

#include <string.h>

static bool
read_name(struct name *name, const uint8_t *text, size_t count)
{
  struct fault fault = FAULT_INIT;
  bool valid = name_from_text(name, (const char *)text, count, &fault);
  assert(valid == (fault.kind == FAULT_NONE));
  assert(valid || fault.text[0] != '\0');
  return valid;
}

static void
check_round_trip(const struct name *name)
{
  char text[NAME_TEXT_SIZE];
  struct name again;
  assert(name->size >= 1 && name_bytes_size(name->bytes) == name->size);
  assert(name_from_wire(&again, name->bytes, name->size) && again.size == name->size);
  assert(read_name(&again, (const uint8_t *)name_text(name, text), strlen(name_text(name, text))));
  assert(again.size == name->size && memcmp(again.bytes, name->bytes, name->size) == 0);
  name_text_no_dot(name, text);
  assert(read_name(&again, (const uint8_t *)text, strlen(text)));
  assert(again.size == name->size && memcmp(again.bytes, name->bytes, name->size) == 0);
  name_bytes_lower(again.bytes, again.bytes, again.size);
  assert(name_equal(&again, name) && name_compare(&again, name) == 0);
  assert(name_bytes_hash(again.bytes, again.size, 3) == name_bytes_hash(name->bytes, name->size, 3));
  unsigned labels = 0;
  while (name_chop(&again)) {
    labels++;
    assert(name_bytes_is_part_of(name->bytes, name->size, &again));
  }
  assert(labels == name_bytes_labels(name->bytes));
}

static void
check_pair(const struct name *a, const struct name *b)
{
  int order = name_compare(a, b), back = name_compare(b, a);
  assert((order > 0) == (back < 0) && (order == 0) == (back == 0) && (order == 0) == name_equal(a, b));
  struct suffix_set *suffixes = suffix_set_new();
  size_t match = 0;
  suffix_set_add(suffixes, b);
  bool part = name_bytes_is_part_of(a->bytes, a->size, b);
  assert(suffix_set_match(suffixes, a->bytes, a->size, &match) == part);
  assert(!part || name_bytes_equal(a->bytes + match, a->size - match, b->bytes, b->size));
  object_unref(&suffixes);
  struct name_set *names = name_set_new();
  name_set_add(names, b);
  assert(name_set_has(names, a->bytes, a->size) == (order == 0));
  object_unref(&names);
  struct name joined = *a;
  struct fault fault = FAULT_INIT;
  assert(name_append(&joined, b, &fault) == (a->size + b->size - 1 <= NAME_MAX_SIZE));
  assert(fault.kind != FAULT_NONE || name_bytes_is_part_of(joined.bytes, joined.size, b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct name a, b;
  const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
  size_t first = line != NULL ? (size_t)(line - data) : size;
  if (read_name(&a, data, first))
    check_round_trip(&a);
  else
    return 0;
  if (line != NULL && read_name(&b, line + 1, size - first - 1))
    check_pair(&a, &b);
  if (name_from_wire(&b, data, size))
    check_round_trip(&b);
  return 0;
}
