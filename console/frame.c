// SPDX-License-Identifier: BSD-2-Clause
// Frames of the console protocol.
#include "console/frame.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

_Static_assert(crypto_secretbox_NONCEBYTES == CONSOLE_NONCE_SIZE, "nonce");
_Static_assert(crypto_secretbox_MACBYTES == CONSOLE_TAG_SIZE, "tag");
_Static_assert(crypto_secretbox_KEYBYTES == CONSOLE_KEY_SIZE, "key");

static uint32_t
frame_load32(const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void
frame_store32(uint8_t *at, uint32_t v)
{
  at[0] = (uint8_t)(v >> 24);
  at[1] = (uint8_t)(v >> 16);
  at[2] = (uint8_t)(v >> 8);
  at[3] = (uint8_t)v;
}

void
console_box_init(struct console_box *b, const uint8_t *key, const uint8_t *own, const uint8_t *peer)
{
  enum { HALF = CONSOLE_NONCE_SIZE / 2 };
  memcpy(b->key, key, sizeof b->key);
  memcpy(b->reading, own, HALF);
  memcpy(b->reading + HALF, peer + HALF, HALF);
  memcpy(b->writing, peer, HALF);
  memcpy(b->writing + HALF, own + HALF, HALF);
}

// Only the first four bytes count, wrapping.
static void
frame_advance(uint8_t *nonce)
{
  frame_store32(nonce, frame_load32(nonce) + 1);
}

size_t
console_seal(struct console_box *b, const void *text, size_t size, uint8_t *out)
{
  frame_store32(out, (uint32_t)(size + CONSOLE_TAG_SIZE));
  crypto_secretbox_easy(out + CONSOLE_LENGTH_SIZE, text, size, b->writing, b->key);
  frame_advance(b->writing);
  return CONSOLE_LENGTH_SIZE + CONSOLE_TAG_SIZE + size;
}

bool
console_open(struct console_box *b, const uint8_t *sealed, size_t size, uint8_t *out)
{
  if (size < CONSOLE_TAG_SIZE || crypto_secretbox_open_easy(out, sealed, size, b->reading, b->key) != 0)
    return false;
  frame_advance(b->reading);
  return true;
}

enum console_frame
console_frame_look(const uint8_t *received, size_t count, size_t maximum, size_t *size)
{
  if (count < CONSOLE_LENGTH_SIZE)
    return CONSOLE_FRAME_MORE;
  *size = frame_load32(received);
  if (*size > maximum)
    return CONSOLE_FRAME_TOO_LARGE;
  return count - CONSOLE_LENGTH_SIZE < *size ? CONSOLE_FRAME_MORE : CONSOLE_FRAME_WHOLE;
}
