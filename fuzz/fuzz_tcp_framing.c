// SPDX-License-Identifier: BSD-2-Clause
// A stream cut into reads anywhere, with pauses anywhere, gives the messages that its bytes say: a byte that drives the
// cuts, a byte that drives the pauses, then the stream.
#include "dnsproxy/net/input.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH = 700 };

struct source {
  const uint8_t *bytes;
  size_t count, at;    // what a socket would still give
  size_t expected_at;  // where the next message starts, by the plain reading of the stream
  uint32_t cuts, pauses;
};

static uint32_t
draw(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state >> 16;
}

static void
check_message(struct source *s, const struct frame *frame)
{
  const uint8_t *expected = s->bytes + s->expected_at;
  assert(s->expected_at + 2 <= s->at);
  assert(frame->size == (size_t)(expected[0] << 8 | expected[1]));
  assert(s->expected_at + 2 + frame->size <= s->at);
  assert(memcmp(frame->message, expected + 2, frame->size) == 0);
  s->expected_at += 2u + frame->size;
}

// Takes what is there, or stops before a message, as a connection does that has enough queries in flight.
static void
take_messages(struct source *s, struct input *f, bool may_pause)
{
  struct frame frame;
  while (input_next(f, &frame)) {
    if (may_pause && draw(&s->pauses) % 4 == 0) {
      input_put_back(f, &frame);
      return;
    }
    check_message(s, &frame);
  }
}

static void
read_some(struct source *s, struct input *f)
{
  uint8_t scratch[SCRATCH];
  struct iovec parts[2];
  int n = input_space(f, scratch, sizeof scratch, parts);
  assert(n == 1 || n == 2);
  size_t got = 0, want = 1 + draw(&s->cuts) % (SCRATCH + 100);
  for (int i = 0; i < n; i++) {
    size_t part = parts[i].iov_len;
    assert(part > 0);
    part = part < want - got ? part : want - got;
    part = part < s->count - s->at ? part : s->count - s->at;
    memcpy(parts[i].iov_base, s->bytes + s->at, part);
    s->at += part;
    got += part;
  }
  input_received(f, got);
  take_messages(s, f, true);
  assert(input_keep(f));
  memset(scratch, 0xee, sizeof scratch); // somebody else reads into it
  take_messages(s, f, false);
  assert(input_keep(f));
  assert(input_unread(f) == s->at - s->expected_at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  struct source s = {.bytes = data + 2, .count = size - 2, .cuts = data[0], .pauses = data[1]};
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_dns, 0);
  while (s.at < s.count)
    read_some(&s, &f);
  input_fini(&f);
  return 0;
}
