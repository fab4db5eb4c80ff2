// SPDX-License-Identifier: BSD-2-Clause
// Growing text, and base64.
#include "dnsproxy/base/text.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_FIRST = 64 };

// Makes room for `count` more bytes and the NUL.
static void
text_reserve(struct text *t, size_t count)
{
  assert(count < SIZE_MAX / 4);
  size_t need = t->size + count + 1;
  if (need <= t->capacity)
    return;
  size_t capacity = t->capacity * 2;
  if (capacity < need)
    capacity = need;
  t->data = memory_resize(t->data, capacity, 1);
  t->capacity = capacity;
}

void
text_init(struct text *t)
{
  *t = (struct text){.data = memory_new(TEXT_FIRST), .capacity = TEXT_FIRST};
}

void
text_fini(struct text *t)
{
  free(t->data);
  *t = (struct text){.data = NULL};
}

void
text_clear(struct text *t)
{
  t->size = 0;
  t->data[0] = '\0';
}

void
text_add(struct text *t, const char *bytes, size_t count)
{
  text_reserve(t, count);
  if (count > 0)
    memcpy(t->data + t->size, bytes, count);
  t->size += count;
  t->data[t->size] = '\0';
}

void
text_puts(struct text *t, const char *string)
{
  text_add(t, string, strlen(string));
}

void
text_vprintf(struct text *t, const char *format, va_list args)
{
  va_list again;
  va_copy(again, args);
  size_t room = t->capacity - t->size;
  int size = vsnprintf(t->data + t->size, room, format, args);
  assert(size >= 0);
  if ((size_t)size >= room) {
    text_reserve(t, (size_t)size);
    vsnprintf(t->data + t->size, t->capacity - t->size, format, again);
  }
  va_end(again);
  t->size += (size_t)size;
}

void
text_printf(struct text *t, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  text_vprintf(t, format, args);
  va_end(args);
}

char *
text_steal(struct text *t)
{
  char *data = t->data;
  text_init(t);
  return data;
}

// Base64 in both directions.

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

ssize_t
base64_encode(char *out, size_t room, const void *bytes, size_t size)
{
  const uint8_t *p = bytes;
  if (room < BASE64_TEXT_SIZE(size))
    return -1;
  char *at = out;
  for (; size > 0; p += 3) {
    size_t taken = size < 3 ? size : 3;
    uint32_t group = (uint32_t)p[0] << 16 | (taken > 1 ? (uint32_t)p[1] << 8 : 0) | (taken > 2 ? p[2] : 0);
    *at++ = alphabet[group >> 18];
    *at++ = alphabet[group >> 12 & 63];
    *at++ = taken > 1 ? alphabet[group >> 6 & 63] : '=';
    *at++ = taken > 2 ? alphabet[group & 63] : '=';
    size -= taken;
  }
  *at = '\0';
  return at - out;
}

static int
text_digit(char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Four characters, of which the last `padding` are '='; -1 if one is wrong or the bits under the padding are not zero.
static int32_t
text_decode_group(const char *text, size_t padding)
{
  int32_t group = 0;
  for (size_t i = 0; i < 4; i++) {
    int value = i < 4 - padding ? text_digit(text[i]) : 0;
    if (value < 0)
      return -1;
    group = group << 6 | value;
  }
  int32_t unused = (1 << (8 * padding)) - 1;
  return (group & unused) != 0 ? -1 : group;
}

ssize_t
base64_decode(void *out, size_t room, const char *text, size_t size)
{
  if (size % 4 != 0)
    return -1;
  uint8_t *bytes = out;
  size_t made = 0;
  for (size_t at = 0; at < size; at += 4) {
    size_t padding = 0;
    if (at + 4 == size && text[at + 3] == '=')
      padding = text[at + 2] == '=' ? 2 : 1;
    int32_t group = text_decode_group(text + at, padding);
    if (group < 0 || made + 3 - padding > room)
      return -1;
    for (size_t i = 0; i < 3 - padding; i++)
      bytes[made++] = (uint8_t)(group >> (16 - 8 * i));
  }
  return (ssize_t)made;
}
