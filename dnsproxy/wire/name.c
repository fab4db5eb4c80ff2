// SPDX-License-Identifier: BSD-2-Clause
// Names as values: made from text and wire bytes, printed, joined and cut.
#include "dnsproxy/wire/name.h"

#include <string.h>

enum { LABEL_MAX_SIZE = 63 };

static bool
is_digit(char c)
{
  return c >= '0' && c <= '9';
}

// One byte as it is written in text; dots and backslashes get a backslash, the unprintable becomes \ddd.
static char *
put_escaped(char *out, uint8_t byte)
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
refuse(struct fault *fault, const char *reason, const char *text, size_t count)
{
  char escaped[NAME_TEXT_SIZE], *out = escaped;
  size_t shown = count < NAME_MAX_SIZE - 1 ? count : NAME_MAX_SIZE - 1;
  for (size_t i = 0; i < shown; i++)
    out = put_escaped(out, (uint8_t)text[i]);
  *out = '\0';
  return fault_set(fault, FAULT_CAUGHT, "%s: %s%s", reason, escaped, shown < count ? "..." : "");
}

// Reads what follows a backslash. Returns how many characters of text it took, 0 if it is no escape.
static size_t
read_escape(const char *text, size_t count, uint8_t *byte)
{
  if (count == 0)
    return 0;
  if (!is_digit(text[0])) {
    *byte = (uint8_t)text[0];
    return 1;
  }
  if (count < 3 || !is_digit(text[1]) || !is_digit(text[2]))
    return 0;
  int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  *byte = (uint8_t)value;
  return value <= 255 ? 3 : 0;
}

// Reads one label up to its dot or the end into name; *at ends behind the dot. Returns NULL or the reason of failure.
static const char *
read_label(struct name *name, const char *text, size_t count, size_t *at)
{
  size_t start = name->size, size = 0;
  if (text[*at] == '.')
    return "Found . in wrong position in DNSName";
  for (; *at < count && text[*at] != '.'; size++) {
    uint8_t byte = (uint8_t)text[(*at)++];
    if (byte == '\\') {
      size_t taken = read_escape(text + *at, count - *at, &byte);
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
    const char *reason = read_label(&read, text, count, &at);
    if (reason != NULL)
      return refuse(fault, reason, text, count);
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
      at = put_escaped(at, *bytes++);
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
    return refuse(fault, "name too long to append", text, strlen(text));
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
