// SPDX-License-Identifier: BSD-2-Clause
// Bytes written as text in test tables: hex digits, with 'quoted' runs taken as they are; spaces are ignored.
#ifndef DNSPROXY_TESTS_HEX_H
#define DNSPROXY_TESTS_HEX_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned
hex_digit(char c)
{
  const char *digits = "0123456789abcdef", *found = strchr(digits, c);
  assert(c != '\0' && found != NULL);
  return (unsigned)(found - digits);
}

// Returns exactly *size allocated bytes, so that a sanitizer sees any step over the end; free() them.
static inline uint8_t *
hex_bytes(const char *text, size_t *size)
{
  uint8_t *bytes = malloc(strlen(text) + 1);
  assert(bytes != NULL);
  *size = 0;
  while (*text != '\0') {
    if (*text == ' ') {
      text++;
    } else if (*text == '\'') {
      for (text++; *text != '\''; text++)
        bytes[(*size)++] = (uint8_t)*text;
      text++;
    } else {
      bytes[(*size)++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
      text += 2;
    }
  }
  uint8_t *exact = malloc(*size > 0 ? *size : 1);
  assert(exact != NULL);
  memcpy(exact, bytes, *size);
  free(bytes);
  return exact;
}

#endif
