// SPDX-License-Identifier: BSD-2-Clause
// Making, reading and writing UUIDs.
#include "dnsproxy/base/uuid.h"

#include "dnsproxy/base/random.h"

#include <string.h>

void
uuid_random(struct uuid *u)
{
  random_bytes(u->bytes, sizeof u->bytes);
  u->bytes[6] = (u->bytes[6] & 0x0f) | 0x40; // version 4
  u->bytes[8] = (u->bytes[8] & 0x3f) | 0x80; // the variant of RFC 9562
}

static bool
uuid_dash_before(unsigned byte)
{
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static int
uuid_digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
uuid_parse(struct uuid *u, const char *text)
{
  struct uuid parsed;
  for (unsigned i = 0; i < sizeof parsed.bytes; i++) {
    if (uuid_dash_before(i) && *text++ != '-')
      return false;
    int high = uuid_digit(text[0]);
    if (high < 0)
      return false;
    int low = uuid_digit(text[1]);
    if (low < 0)
      return false;
    parsed.bytes[i] = (uint8_t)(high << 4 | low);
    text += 2;
  }
  if (*text != '\0')
    return false;
  *u = parsed;
  return true;
}

char *
uuid_text(const struct uuid *u, char *out)
{
  static const char digits[] = "0123456789abcdef";
  char *at = out;
  for (unsigned i = 0; i < sizeof u->bytes; i++) {
    if (uuid_dash_before(i))
      *at++ = '-';
    *at++ = digits[u->bytes[i] >> 4];
    *at++ = digits[u->bytes[i] & 15];
  }
  *at = '\0';
  return out;
}

bool
uuid_equal(const struct uuid *a, const struct uuid *b)
{
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
