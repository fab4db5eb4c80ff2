// SPDX-License-Identifier: BSD-2-Clause
// A console stream of arbitrary bytes: frames are cut where their lengths say, nothing opens that was not sealed, and
// what was sealed opens at the other end, in order only.
#include "console/frame.h"
#include "fuzz/fuzz.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { MAXIMUM = 4096 };

// The frames of a hostile stream.
static void
look_at(struct console_box *box, const uint8_t *stream, size_t count)
{
  size_t size;
  while (console_frame_look(stream, count, MAXIMUM, &size) == CONSOLE_FRAME_WHOLE) {
    assert(size <= MAXIMUM && size + CONSOLE_LENGTH_SIZE <= count);
    uint8_t *plain = malloc(size + 1);
    assert(!console_open(box, stream + CONSOLE_LENGTH_SIZE, size, plain));
    free(plain);
    stream += CONSOLE_LENGTH_SIZE + size;
    count -= CONSOLE_LENGTH_SIZE + size;
  }
}

// Each quarter of the bytes is a text: sealed by one end, opened by the other.
static void
round_trip(struct console_box *from, struct console_box *to, const uint8_t *bytes, size_t count)
{
  size_t piece = count / 4 + 1;
  for (size_t at = 0; at < count; at += piece) {
    size_t size = count - at < piece ? count - at : piece, seen;
    uint8_t *frame = malloc(CONSOLE_LENGTH_SIZE + CONSOLE_TAG_SIZE + size), *plain = malloc(size + 1);
    size_t total = console_seal(from, bytes + at, size, frame);
    assert(console_frame_look(frame, total, SIZE_MAX, &seen) == CONSOLE_FRAME_WHOLE && seen == size + CONSOLE_TAG_SIZE);
    assert(console_open(to, frame + CONSOLE_LENGTH_SIZE, seen, plain));
    assert(memcmp(plain, bytes + at, size) == 0);
    assert(!console_open(to, frame + CONSOLE_LENGTH_SIZE, seen, plain)); // not twice
    free(frame);
    free(plain);
  }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  uint8_t key[CONSOLE_KEY_SIZE] = {1}, client[CONSOLE_NONCE_SIZE] = {2}, server[CONSOLE_NONCE_SIZE] = {3};
  struct console_box near, far;
  if (sodium_init() < 0)
    abort();
  if (size >= sizeof client)
    memcpy(client, data, sizeof client);
  console_box_init(&near, key, client, server);
  console_box_init(&far, key, server, client);
  look_at(&far, data, size);
  round_trip(&near, &far, data, size);
  return 0;
}
