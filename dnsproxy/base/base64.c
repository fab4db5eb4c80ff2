// SPDX-License-Identifier: BSD-2-Clause
// Base64 in both directions.
#include "dnsproxy/base/base64.h"

#include <stdint.h>
#include <string.h>

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
base64_digit(char c)
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
base64_decode_group(const char *text, size_t padding)
{
  int32_t group = 0;
  for (size_t i = 0; i < 4; i++) {
    int value = i < 4 - padding ? base64_digit(text[i]) : 0;
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
    int32_t group = base64_decode_group(text + at, padding);
    if (group < 0 || made + 3 - padding > room)
      return -1;
    for (size_t i = 0; i < 3 - padding; i++)
      bytes[made++] = (uint8_t)(group >> (16 - 8 * i));
  }
  return (ssize_t)made;
}
