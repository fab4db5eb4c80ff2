// SPDX-License-Identifier: BSD-2-Clause
// Cutting what was read into messages.
#include "dnsproxy/net/input.h"

#include <string.h>

enum { KEPT_MIN = 512, GROWTH_MAX = 4096 };

// Bytes of the first message of these, with what stands around it; 0: cannot tell yet; PROTOCOL_BROKEN.
static size_t
input_measure(const struct input *in, const uint8_t *bytes, size_t count)
{
  size_t whole = count == 0 ? 0 : in->protocol->measure(bytes, count);
  if (whole > in->most || (whole == 0 && count >= in->most))
    return PROTOCOL_BROKEN;
  return whole;
}

static bool
input_reserve(struct input *in, size_t capacity)
{
  if (capacity <= in->capacity)
    return true;
  uint8_t *larger = buffers_grow(in->buffers, in->kept, in->end, capacity, &in->capacity);
  if (larger == NULL)
    return false;
  in->kept = larger;
  return true;
}

static void
input_release(struct input *in)
{
  buffers_give(in->buffers, in->kept, in->capacity);
  in->kept = NULL;
  in->start = in->end = in->capacity = 0;
}

static void
input_compact(struct input *in)
{
  if (in->start > 0) {
    memmove(in->kept, in->kept + in->start, in->end - in->start);
    in->end -= in->start;
    in->start = 0;
  }
}

void
input_speak(struct input *in, const struct protocol *protocol, size_t most)
{
  in->protocol = protocol;
  in->most = most > 0 ? most : protocol->most;
  in->broken = false;
}

int
input_space(struct input *in, uint8_t *scratch, size_t scratch_size, struct iovec parts[2])
{
  size_t kept = in->end - in->start;
  size_t whole = input_measure(in, in->kept + in->start, kept);
  in->scratch = scratch;
  in->at = in->limit = in->room = 0;
  if (kept <= scratch_size / 2 && whole == 0) {
    // Nothing, or too little to know the length: it moves into the scratch buffer, which then holds whole messages.
    if (kept > 0)
      memcpy(scratch, in->kept + in->start, kept);
    in->limit = kept;
    input_release(in);
    parts[0] = (struct iovec){.iov_base = scratch + kept, .iov_len = scratch_size - kept};
    return 1;
  }
  input_compact(in);
  size_t want = 2 * in->end + GROWTH_MAX;
  bool known = whole != 0 && whole != PROTOCOL_BROKEN && whole > kept && (want >= whole || whole - in->end <= GROWTH_MAX);
  if (known)
    want = whole;
  if (!input_reserve(in, want))
    return 0;
  in->room = want - in->end;
  parts[0] = (struct iovec){.iov_base = in->kept + in->end, .iov_len = in->room};
  parts[1] = (struct iovec){.iov_base = scratch, .iov_len = scratch_size};
  return known ? 2 : 1;
}

void
input_received(struct input *in, size_t count)
{
  size_t part = count < in->room ? count : in->room;
  in->end += part;
  in->limit += count - part;
  in->room = 0;
}

static bool
input_take(struct input *in, uint8_t *bytes, size_t count, struct frame *frame)
{
  size_t whole = input_measure(in, bytes, count);
  in->broken |= whole == PROTOCOL_BROKEN;
  if (whole == 0 || whole > count)
    return false;
  const struct protocol *p = in->protocol;
  *frame = (struct frame){.message = bytes + p->head, .size = whole - p->head - p->tail};
  return true;
}

bool
input_next(struct input *in, struct frame *frame)
{
  if (in->start < in->end) {
    if (!input_take(in, in->kept + in->start, in->end - in->start, frame))
      return false;
    in->start += frame->size + in->protocol->head + in->protocol->tail;
    return true;
  }
  if (in->at == in->limit || !input_take(in, in->scratch + in->at, in->limit - in->at, frame))
    return false;
  in->at += frame->size + in->protocol->head + in->protocol->tail;
  return true;
}

void
input_put_back(struct input *in, const struct frame *frame)
{
  size_t whole = frame->size + in->protocol->head + in->protocol->tail;
  if (in->kept != NULL && frame->message + frame->size + in->protocol->tail == in->kept + in->start)
    in->start -= whole;
  else
    in->at -= whole;
}

bool
input_keep(struct input *in)
{
  size_t more = in->limit - in->at;
  if (in->start == in->end && more == 0) {
    input_release(in);
  } else if (more > 0) {
    input_compact(in);
    size_t want = in->end + more;
    if (!input_reserve(in, want < KEPT_MIN ? KEPT_MIN : want))
      return false;
    memcpy(in->kept + in->end, in->scratch + in->at, more);
    in->end += more;
  }
  in->scratch = NULL;
  in->at = in->limit = 0;
  return true;
}

size_t
input_unread(const struct input *in)
{
  return in->end - in->start + in->limit - in->at;
}

bool
input_has_message(const struct input *in)
{
  size_t kept = in->end - in->start, count = kept > 0 ? kept : in->limit - in->at;
  if (count == 0)
    return false;
  size_t whole = input_measure(in, kept > 0 ? in->kept + in->start : in->scratch + in->at, count);
  return whole > 0 && whole <= count;
}

void
input_fini(struct input *in)
{
  input_release(in);
  *in = (struct input){.buffers = in->buffers, .protocol = in->protocol, .most = in->most};
}
