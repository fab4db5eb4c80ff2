// SPDX-License-Identifier: BSD-2-Clause
// Names as raw, well-formed, uncompressed bytes: the functions that run for every query.
#include "dnsproxy/wire/name.h"
#include "dnsproxy/wire/words.h"

#include <assert.h>
#include <string.h>

size_t
name_bytes_size(const uint8_t *bytes)
{
  size_t at = 0;
  while (bytes[at] != 0)
    at += 1u + bytes[at];
  return at + 1;
}

unsigned
name_bytes_labels(const uint8_t *bytes)
{
  unsigned labels = 0;
  for (; *bytes != 0; bytes += 1 + *bytes)
    labels++;
  return labels;
}

bool
name_bytes_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
  if (a_size != b_size)
    return false;
  for (; a_size > 16; a += 16, b += 16, a_size -= 16) {
    uint64_t head = word_lower(word_load(a)) ^ word_lower(word_load(b));
    uint64_t tail = word_lower(word_load(a + 8)) ^ word_lower(word_load(b + 8));
    if ((head | tail) != 0)
      return false;
  }
  if (a_size == 0)
    return true;
  uint64_t left[2], right[2];
  word_pair(a, a_size, left);
  word_pair(b, a_size, right);
  return word_lower(left[0]) == word_lower(right[0]) && word_lower(left[1]) == word_lower(right[1]);
}

bool
name_bytes_is_part_of(const uint8_t *bytes, size_t size, const struct name *parent)
{
  while (size > parent->size) {
    size_t label = 1u + *bytes;
    if (label == 1)
      return false;
    bytes += label;
    size -= label;
  }
  return name_bytes_equal(bytes, size, parent->bytes, parent->size);
}

uint64_t
name_bytes_hash(const uint8_t *bytes, size_t size, uint64_t seed)
{
  return word_hash(bytes, size, seed);
}

void
name_bytes_suffixes(const uint8_t *bytes, unsigned most_labels, uint64_t seed, struct name_suffixes *s)
{
  uint8_t starts[NAME_MAX_LABELS];
  unsigned labels = 0, at = 0;
  for (; bytes[at] != 0; at += 1u + bytes[at])
    starts[labels++] = (uint8_t)at;
  s->count = labels < most_labels ? labels : most_labels;
  s->at[0] = (uint8_t)at;
  s->hash[0] = seed;
  for (unsigned i = 1; i <= s->count; i++) {
    unsigned start = starts[labels - i];
    s->at[i] = (uint8_t)start;
    s->hash[i] = word_hash(bytes + start, 1u + bytes[start], s->hash[i - 1]);
  }
}

void
name_bytes_lower(uint8_t *out, const uint8_t *bytes, size_t size)
{
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t w = word_lower(word_load(bytes + at));
    memcpy(out + at, &w, sizeof w);
  }
  for (; at < size; at++)
    out[at] = bytes[at] >= 'A' && bytes[at] <= 'Z' ? bytes[at] | 0x20 : bytes[at];
}

bool
name_equal(const struct name *a, const struct name *b)
{
  return name_bytes_equal(a->bytes, a->size, b->bytes, b->size);
}

// Offsets of the labels, leftmost first, without the root.
static unsigned
label_offsets(const struct name *name, uint8_t offsets[NAME_MAX_LABELS])
{
  unsigned count = 0;
  if (name->size == 0)
    return 0;
  for (unsigned at = 0; name->bytes[at] != 0; at += 1u + name->bytes[at])
    offsets[count++] = (uint8_t)at;
  return count;
}

static int
label_compare(const uint8_t *a, const uint8_t *b)
{
  uint8_t left[64], right[64];
  size_t common = *a < *b ? *a : *b;
  name_bytes_lower(left, a + 1, common);
  name_bytes_lower(right, b + 1, common);
  int order = memcmp(left, right, common);
  return order != 0 ? order : *a - *b;
}

int
name_compare(const struct name *a, const struct name *b)
{
  uint8_t left[NAME_MAX_LABELS], right[NAME_MAX_LABELS];
  unsigned i = label_offsets(a, left), j = label_offsets(b, right);
  while (i > 0 && j > 0) {
    int order = label_compare(a->bytes + left[--i], b->bytes + right[--j]);
    if (order != 0)
      return order;
  }
  return (int)i - (int)j;
}
