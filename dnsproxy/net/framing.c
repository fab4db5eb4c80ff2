// SPDX-License-Identifier: BSD-2-Clause
// Splitting a stream into DNS messages. Invariant: bytes in the scratch buffer follow the kept ones, and while there
// are any, the kept ones are whole messages.
#include "dnsproxy/net/framing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_MIN = 512, GROWTH_MAX = 4096 };

// Bytes that the first message of these takes with its prefix; 0 while the prefix is incomplete.
static size_t
frame_size(const uint8_t *bytes, size_t count)
{
  return count < FRAMING_PREFIX ? 0 : FRAMING_PREFIX + (size_t)(bytes[0] << 8 | bytes[1]);
}

static bool
reserve(struct framing *f, size_t capacity)
{
  if (capacity <= f->capacity)
    return true;
  uint8_t *larger = realloc(f->kept, capacity);
  if (larger == NULL)
    return false;
  f->kept = larger;
  f->capacity = capacity;
  return true;
}

static void
release(struct framing *f)
{
  free(f->kept);
  f->kept = NULL;
  f->start = f->end = f->capacity = 0;
}

static void
compact(struct framing *f)
{
  if (f->start > 0) {
    memmove(f->kept, f->kept + f->start, f->end - f->start);
    f->end -= f->start;
    f->start = 0;
  }
}

int
framing_space(struct framing *f, uint8_t *scratch, size_t scratch_size, struct iovec parts[2])
{
  assert(f->at == f->limit && !framing_has_message(f));
  f->scratch = scratch;
  f->at = f->limit = 0;
  size_t kept = f->end - f->start;
  if (kept < FRAMING_PREFIX) {
    // Nothing, or half a prefix: it moves into the scratch buffer, which then holds whole messages.
    if (kept == 1)
      scratch[f->limit++] = f->kept[f->start];
    release(f);
    parts[0] = (struct iovec){.iov_base = scratch + f->limit, .iov_len = scratch_size - f->limit};
    return 1;
  }
  compact(f);
  // A claimed length is believed in steps, so that two bytes do not cost us 64 KiB.
  size_t whole = frame_size(f->kept, f->end);
  size_t want = whole - f->end > GROWTH_MAX ? 2 * f->end + GROWTH_MAX : whole;
  if (want > whole)
    want = whole;
  if (!reserve(f, want))
    return 0;
  parts[0] = (struct iovec){.iov_base = f->kept + f->end, .iov_len = want - f->end};
  parts[1] = (struct iovec){.iov_base = scratch, .iov_len = scratch_size};
  return want == whole ? 2 : 1;
}

void
framing_received(struct framing *f, size_t count)
{
  size_t kept = f->end - f->start;
  if (kept > 0) {
    size_t whole = frame_size(f->kept + f->start, kept);
    size_t room = (whole < f->capacity ? whole : f->capacity) - kept;
    size_t part = count < room ? count : room;
    f->end += part;
    count -= part;
  }
  f->limit += count;
}

// The first of `count` bytes is the start of a message: takes it if it is all there.
static bool
take(uint8_t *bytes, size_t count, struct frame *frame)
{
  size_t whole = frame_size(bytes, count);
  if (whole == 0 || whole > count)
    return false;
  *frame = (struct frame){.message = bytes + FRAMING_PREFIX, .size = (uint16_t)(whole - FRAMING_PREFIX)};
  return true;
}

bool
framing_next(struct framing *f, struct frame *frame)
{
  if (f->start < f->end) {
    if (!take(f->kept + f->start, f->end - f->start, frame))
      return false;
    f->start += FRAMING_PREFIX + (size_t)frame->size;
    return true;
  }
  if (f->at == f->limit || !take(f->scratch + f->at, f->limit - f->at, frame))
    return false;
  f->at += FRAMING_PREFIX + (size_t)frame->size;
  return true;
}

void
framing_put_back(struct framing *f, const struct frame *frame)
{
  size_t whole = FRAMING_PREFIX + (size_t)frame->size;
  if (f->kept != NULL && frame->message + frame->size == f->kept + f->start)
    f->start -= whole;
  else
    f->at -= whole;
}

bool
framing_keep(struct framing *f)
{
  size_t more = f->limit - f->at;
  if (f->start == f->end && more == 0) {
    release(f);
  } else if (more > 0) {
    compact(f);
    size_t want = f->end + more;
    if (!reserve(f, want < KEPT_MIN ? KEPT_MIN : want))
      return false;
    memcpy(f->kept + f->end, f->scratch + f->at, more);
    f->end += more;
  }
  f->scratch = NULL;
  f->at = f->limit = 0;
  return true;
}

size_t
framing_unread(const struct framing *f)
{
  return f->end - f->start + f->limit - f->at;
}

bool
framing_has_message(const struct framing *f)
{
  struct frame frame;
  if (f->start < f->end)
    return take(f->kept + f->start, f->end - f->start, &frame);
  return f->at < f->limit && take(f->scratch + f->at, f->limit - f->at, &frame);
}

void
framing_fini(struct framing *f)
{
  release(f);
  *f = (struct framing){.kept = NULL};
}
