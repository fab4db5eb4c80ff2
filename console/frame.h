// SPDX-License-Identifier: BSD-2-Clause
// The console's wire protocol, for both ends: nonces, secret boxes, lengths (reference: cli.md section 6).
//
//   client                              server
//   24 random bytes  ------------------>
//                    <------------------ 24 random bytes
//   [length][tag][sealed command] ----->
//                    <------------------ [length][tag][sealed answer]     and so on
//
// Each side seals with a nonce of its own that counts up, mixed of both sides' random bytes, so that no frame can be played
// again. The length comes in front of the seal and is not protected by it: whoever reads bounds it before it takes memory.
// Boxes are libsodium's secretbox; the key is shared (setKey(), -k) and is the only proof of who one is.
//
// A value per connection; no sockets here. Any thread, one at a time.
#ifndef CONSOLE_FRAME_H
#define CONSOLE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CONSOLE_KEY_SIZE = 32,
  CONSOLE_NONCE_SIZE = 24,
  CONSOLE_TAG_SIZE = 16,   // authenticator in front of the encrypted text
  CONSOLE_LENGTH_SIZE = 4, // big-endian, of tag and text together
};

struct console_box {
  uint8_t key[CONSOLE_KEY_SIZE];
  uint8_t reading[CONSOLE_NONCE_SIZE], writing[CONSOLE_NONCE_SIZE];
};

// After both sides have sent 24 random bytes.
void console_box_init(struct console_box *, const uint8_t *key, const uint8_t *own_nonce, const uint8_t *peer_nonce);
// A whole frame: length, tag, encrypted text. out has CONSOLE_LENGTH_SIZE + CONSOLE_TAG_SIZE + size bytes; returns that number.
size_t console_seal(struct console_box *, const void *text, size_t size, uint8_t *out);
// What follows the length. out has size - CONSOLE_TAG_SIZE bytes. False: too short or not sealed with this key and nonce.
bool console_open(struct console_box *, const uint8_t *sealed, size_t size, uint8_t *out);

// Looks at the front of what has been received.
enum console_frame { CONSOLE_FRAME_MORE, CONSOLE_FRAME_WHOLE, CONSOLE_FRAME_TOO_LARGE };
// *size: bytes behind the length, set when WHOLE (may be 0: a frame without box) or TOO_LARGE.
enum console_frame console_frame_look(const uint8_t *received, size_t count, size_t maximum, size_t *size);

#endif
