// SPDX-License-Identifier: BSD-2-Clause
// Names as values: made from text and wire bytes, printed, joined and cut.
#include "dnsproxy/wire/name.h"

#include "dnsproxy/wire/words.h"

#include <assert.h>
#include <string.h>

enum { LABEL_MAX_SIZE = 63 };

static bool
name_is_digit(char c)
{
  return c >= '0' && c <= '9';
}

// One byte as it is written in text; dots and backslashes get a backslash, the unprintable becomes \ddd.
static char *
name_put_escaped(char *out, uint8_t byte)
{
  if (byte == '.' || byte == '\\') {
    *out++ = '\\';
    *out++ = (char)byte;
  } else if (byte > 0x20 && byte < 0x7f) {
    *out++ = (char)byte;
  } else {
    *out++ = '\\';
    *out++ = (char)('0' + byte / 100);
    *out++ = (char)('0' + byte / 10 % 10);
    *out++ = (char)('0' + byte % 10);
  }
  return out;
}

// The dialect prints the offending text as if it were one label, hence "a\.\.b".
static bool
name_refuse(struct fault *fault, const char *reason, const char *text, size_t count)
{
  char escaped[NAME_TEXT_SIZE], *out = escaped;
  size_t shown = count < NAME_MAX_SIZE - 1 ? count : NAME_MAX_SIZE - 1;
  for (size_t i = 0; i < shown; i++)
    out = name_put_escaped(out, (uint8_t)text[i]);
  *out = '\0';
  return fault_set(fault, FAULT_CAUGHT, "%s: %s%s", reason, escaped, shown < count ? "..." : "");
}

// Reads what follows a backslash. Returns how many characters of text it took, 0 if it is no escape.
static size_t
name_read_escape(const char *text, size_t count, uint8_t *byte)
{
  if (count == 0)
    return 0;
  if (!name_is_digit(text[0])) {
    *byte = (uint8_t)text[0];
    return 1;
  }
  if (count < 3 || !name_is_digit(text[1]) || !name_is_digit(text[2]))
    return 0;
  int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  *byte = (uint8_t)value;
  return value <= 255 ? 3 : 0;
}

// Reads one label up to its dot or the end into name; *at ends behind the dot. Returns NULL or the reason of failure.
static const char *
name_read_label(struct name *name, const char *text, size_t count, size_t *at)
{
  size_t start = name->size, size = 0;
  if (text[*at] == '.')
    return "Found . in wrong position in DNSName";
  for (; *at < count && text[*at] != '.'; size++) {
    uint8_t byte = (uint8_t)text[(*at)++];
    if (byte == '\\') {
      size_t taken = name_read_escape(text + *at, count - *at, &byte);
      if (taken == 0)
        return "Found \\ in wrong position in DNSName";
      *at += taken;
    }
    if (size < LABEL_MAX_SIZE && start + 1 + size < NAME_MAX_SIZE - 1)
      name->bytes[start + 1 + size] = byte;
  }
  if (*at < count)
    ++*at;
  if (size > LABEL_MAX_SIZE)
    return "label too long to append";
  if (start + 1 + size > NAME_MAX_SIZE - 1)
    return "name too long to append";
  name->bytes[start] = (uint8_t)size;
  name->size = (uint8_t)(start + 1 + size);
  return NULL;
}

bool
name_from_text(struct name *name, const char *text, size_t count, struct fault *fault)
{
  struct name read;
  read.size = 0;
  if (count == 1 && text[0] == '.')
    count = 0;
  for (size_t at = 0; at < count;) {
    const char *reason = name_read_label(&read, text, count, &at);
    if (reason != NULL)
      return name_refuse(fault, reason, text, count);
  }
  read.bytes[read.size++] = 0;
  name->size = read.size;
  memcpy(name->bytes, read.bytes, read.size);
  return true;
}

bool
name_from_wire(struct name *name, const uint8_t *bytes, size_t count)
{
  size_t at = 0;
  while (at < count && at < NAME_MAX_SIZE && bytes[at] != 0) {
    if (bytes[at] > LABEL_MAX_SIZE)
      return false;
    at += 1u + bytes[at];
  }
  if (at >= count || at >= NAME_MAX_SIZE)
    return false;
  name->size = (uint8_t)(at + 1);
  memcpy(name->bytes, bytes, at + 1);
  return true;
}

char *
name_bytes_text(const uint8_t *bytes, char *out)
{
  char *at = out;
  if (*bytes == 0)
    *at++ = '.';
  while (*bytes != 0) {
    for (unsigned left = *bytes++; left > 0; left--)
      at = name_put_escaped(at, *bytes++);
    *at++ = '.';
  }
  *at = '\0';
  return out;
}

char *
name_text(const struct name *name, char *out)
{
  if (name->size == 0)
    return strcpy(out, "");
  return name_bytes_text(name->bytes, out);
}

char *
name_text_no_dot(const struct name *name, char *out)
{
  name_text(name, out);
  size_t size = strlen(out);
  if (size > 0)
    out[size - 1] = '\0';
  return out;
}

bool
name_append(struct name *name, const struct name *tail, struct fault *fault)
{
  size_t keep = name->size > 0 ? name->size - 1u : 0;
  if (tail->size == 0)
    return true;
  if (keep + tail->size > NAME_MAX_SIZE) {
    char text[NAME_TEXT_SIZE];
    name_text_no_dot(tail, text);
    return name_refuse(fault, "name too long to append", text, strlen(text));
  }
  // tail may be name itself: its root label, which is overwritten first, is put back at the end.
  size_t labels = tail->size - 1u;
  memmove(name->bytes + keep, tail->bytes, labels);
  name->bytes[keep + labels] = 0;
  name->size = (uint8_t)(keep + labels + 1);
  return true;
}

bool
name_chop(struct name *name)
{
  if (name->size <= 1)
    return false;
  unsigned label = 1u + name->bytes[0];
  name->size = (uint8_t)(name->size - label);
  memmove(name->bytes, name->bytes + label, name->size);
  return true;
}

// ---- bytes of names: equal, hashed, lower-cased, compared ----

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
name_label_offsets(const struct name *name, uint8_t offsets[NAME_MAX_LABELS])
{
  unsigned count = 0;
  if (name->size == 0)
    return 0;
  for (unsigned at = 0; name->bytes[at] != 0; at += 1u + name->bytes[at])
    offsets[count++] = (uint8_t)at;
  return count;
}

static int
name_label_compare(const uint8_t *a, const uint8_t *b)
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
  unsigned i = name_label_offsets(a, left), j = name_label_offsets(b, right);
  while (i > 0 && j > 0) {
    int order = name_label_compare(a->bytes + left[--i], b->bytes + right[--j]);
    if (order != 0)
      return order;
  }
  return (int)i - (int)j;
}
