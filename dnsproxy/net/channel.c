// SPDX-License-Identifier: BSD-2-Clause
// Channels: reading, writing, and the end of a turn of the event loop.
#include "dnsproxy/net/channel.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/core/query.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The size of a read is also the budget of a connection per turn: a few hundred queries.
enum { SCRATCH_SIZE = 16384, OUT_MIN = 2048 };

struct channel_set {
  unsigned users;
  struct event turn_event;
  bool turn_pending, flushing;
  struct channel *first, **last; // touched in this turn
  uint8_t scratch[SCRATCH_SIZE];
};

// ---- the end of a turn ----

void
channel_touch(struct channel *ch)
{
  struct channel_set *set = ch->worker->channels;
  if (ch->touched)
    return;
  ch->touched = true;
  ch->next_touched = NULL;
  *set->last = ch;
  set->last = &ch->next_touched;
  if (!set->turn_pending && !set->flushing) {
    set->turn_pending = true;
    event_active(&set->turn_event, EV_TIMEOUT, 0); // runs after the callbacks that are active now: no system call
  }
}

static void write_out(struct channel *);
static void deliver(struct channel *);

// What waits is delivered before anything is read: messages are cut from one place only.
static void
go_on(struct channel *ch)
{
  ch->resuming = ch->paused = false;
  if (!ch->eof && !ch->connecting)
    event_add(&ch->read_event, NULL);
}

static void
end_turn(struct channel *ch)
{
  if (ch->dead) {
    ch->events->gone(ch);
    return;
  }
  if (ch->fd < 0)
    return;
  if (ch->resuming)
    go_on(ch);
  if (!ch->paused && framing_has_message(&ch->framing))
    deliver(ch);
  if (ch->fd >= 0)
    ch->events->turn(ch);
  if (ch->fd >= 0 && !ch->connecting)
    write_out(ch);
}

void
channel_set_flush(struct worker *w)
{
  struct channel_set *set = w->channels;
  if (set->first == NULL || set->flushing)
    return;
  set->flushing = true;
  while (set->first != NULL) {
    struct channel *ch = set->first;
    set->first = ch->next_touched;
    if (set->first == NULL)
      set->last = &set->first;
    ch->touched = false;
    end_turn(ch);
  }
  set->flushing = false;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct worker *w = arg;
  worker_begin(w);
  w->channels->turn_pending = false;
  channel_set_flush(w);
  worker_end(w); // what it sends may touch channels again: they have another turn
}

void
channel_set_open(struct worker *w)
{
  if (w->channels == NULL) {
    w->channels = memory_new(sizeof *w->channels);
    w->channels->last = &w->channels->first;
    event_assign(&w->channels->turn_event, w->base, -1, 0, on_turn, w);
  }
  w->channels->users++;
}

void
channel_set_close(struct worker *w)
{
  struct channel_set *set = w->channels;
  assert(set->users > 0);
  channel_set_flush(w);
  if (--set->users > 0)
    return;
  while (set->first != NULL)
    channel_set_flush(w);
  event_del(&set->turn_event);
  free(set);
  w->channels = NULL;
}

// ---- reading ----

static void
deliver(struct channel *ch)
{
  struct frame frame;
  while (!ch->paused && ch->fd >= 0 && framing_next(&ch->framing, &frame)) {
    enum channel_frame result = ch->events->frame(ch, &frame);
    if (ch->fd < 0)
      return;
    if (result != CHANNEL_NEXT)
      channel_pause(ch);
    if (result == CHANNEL_LATER)
      framing_put_back(&ch->framing, &frame);
  }
}

static void
stop_reading(struct channel *ch)
{
  event_del(&ch->read_event);
}

static void
read_failed(struct channel *ch, ssize_t got)
{
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  stop_reading(ch);
  ch->eof = true;
  ch->events->ended(ch, got == 0 ? CHANNEL_EOF : CHANNEL_READ_ERROR);
}

static void
read_in(struct channel *ch)
{
  struct channel_set *set = ch->worker->channels;
  struct iovec parts[2];
  if (framing_has_message(&ch->framing)) {
    channel_touch(ch);
    return;
  }
  int n = framing_space(&ch->framing, set->scratch, sizeof set->scratch, parts);
  ssize_t got = -1;
  if (n == 0)
    errno = ENOMEM;
  else
    got = n == 1 ? read(ch->fd, parts[0].iov_base, parts[0].iov_len) : readv(ch->fd, parts, n);
  int error = errno;
  if (got > 0) {
    framing_received(&ch->framing, (size_t)got);
    if (ch->events->read != NULL)
      ch->events->read(ch, (size_t)got);
    deliver(ch);
  }
  if (ch->fd < 0)
    return;
  bool kept = framing_keep(&ch->framing);
  if (!kept) {
    got = -1;
    error = ENOMEM;
  }
  errno = error;
  if (got <= 0)
    read_failed(ch, got);
  if (ch->fd >= 0)
    channel_touch(ch);
}

// Nobody wants messages now, but a peer that left is worth knowing. Reading is armed again by channel_resume().
static void
peek(struct channel *ch)
{
  uint8_t byte;
  ssize_t got = recv(ch->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0)
    stop_reading(ch);
  else
    read_failed(ch, got);
  if (ch->fd >= 0)
    channel_touch(ch);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct channel *ch = arg;
  struct worker *w = ch->worker;
  worker_begin(w);
  // The new configuration may have ended it: a backend that was removed.
  if (ch->fd >= 0 && ch->paused)
    peek(ch);
  else if (ch->fd >= 0)
    read_in(ch);
  worker_end(w);
}

void
channel_read_now(struct channel *ch)
{
  if (!ch->paused && !ch->eof)
    read_in(ch);
}

// ---- writing ----

static void
out_release(struct channel *ch)
{
  free(ch->out);
  ch->out = NULL;
  ch->out_start = ch->out_end = ch->out_capacity = 0;
}

static bool
out_reserve(struct channel *ch, size_t more)
{
  if (ch->out_end + more <= ch->out_capacity)
    return true;
  if (ch->out_start > 0) {
    memmove(ch->out, ch->out + ch->out_start, ch->out_end - ch->out_start);
    ch->out_end -= ch->out_start;
    ch->out_start = 0;
  }
  size_t capacity = ch->out_capacity > 0 ? ch->out_capacity : OUT_MIN;
  while (capacity < ch->out_end + more)
    capacity *= 2;
  if (capacity == ch->out_capacity)
    return true;
  uint8_t *larger = realloc(ch->out, capacity);
  if (larger == NULL)
    return false;
  ch->out = larger;
  ch->out_capacity = capacity;
  return true;
}

bool
channel_send(struct channel *ch, const uint8_t *message, size_t size)
{
  assert(size <= 65535 && ch->fd >= 0);
  if (!out_reserve(ch, FRAMING_PREFIX + size))
    return false;
  if (channel_unsent(ch) == 0)
    ch->progress_us = ch->worker->now_us;
  ch->out[ch->out_end] = (uint8_t)(size >> 8);
  ch->out[ch->out_end + 1] = (uint8_t)size;
  memcpy(ch->out + ch->out_end + FRAMING_PREFIX, message, size);
  ch->out_end += FRAMING_PREFIX + size;
  channel_touch(ch);
  return true;
}

bool
channel_send_raw(struct channel *ch, const void *bytes, size_t size)
{
  if (!out_reserve(ch, size))
    return false;
  if (channel_unsent(ch) == 0)
    ch->progress_us = ch->worker->now_us;
  memcpy(ch->out + ch->out_end, bytes, size);
  ch->out_end += size;
  channel_touch(ch);
  return true;
}

size_t
channel_unsent(const struct channel *ch)
{
  return ch->out_end - ch->out_start;
}

static void
write_out(struct channel *ch)
{
  if (channel_unsent(ch) == 0)
    return;
  ssize_t put = send(ch->fd, ch->out + ch->out_start, channel_unsent(ch), MSG_NOSIGNAL);
  if (put < 0 && errno != EAGAIN && errno != EINTR && errno != EINPROGRESS) {
    ch->events->ended(ch, CHANNEL_WRITE_ERROR);
    return;
  }
  if (put > 0) {
    ch->out_start += (size_t)put;
    ch->progress_us = ch->worker->now_us;
  }
  if (channel_unsent(ch) > 0) {
    if (!ch->writing)
      event_add(&ch->write_event, NULL);
    ch->writing = true;
    return;
  }
  out_release(ch);
  if (ch->writing) {
    event_del(&ch->write_event);
    ch->writing = false;
  }
  channel_touch(ch); // the owner may have waited for this
}

static void
finish_connect(struct channel *ch)
{
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(ch->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    error = errno;
  event_del(&ch->write_event);
  ch->writing = false;
  ch->connecting = false;
  ch->progress_us = ch->worker->now_us;
  if (error != 0) {
    ch->events->ended(ch, CHANNEL_CONNECT_ERROR);
    return;
  }
  event_add(&ch->read_event, NULL);
  if (ch->events->connected != NULL)
    ch->events->connected(ch);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct channel *ch = arg;
  worker_begin(ch->worker);
  if (ch->fd >= 0 && ch->connecting)
    finish_connect(ch);
  worker_end(ch->worker);
  if (ch->fd >= 0)
    channel_touch(ch);
}

// ---- time ----

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct channel *ch = arg;
  worker_begin(ch->worker);
  if (ch->fd >= 0)
    ch->events->timer(ch);
  worker_end(ch->worker);
}

void
channel_timer(struct channel *ch, uint64_t us)
{
  struct timeval tv = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
  event_add(&ch->timer_event, &tv);
}

// ---- life ----

static void
open_socket(struct channel *ch, struct worker *w, const struct channel_events *events, int fd)
{
  assert(ch->fd < 0 && !ch->dead);
  ch->events = events;
  ch->worker = w;
  ch->fd = fd;
  ch->paused = ch->resuming = ch->connecting = ch->writing = ch->eof = false;
  ch->progress_us = w->now_us;
  event_assign(&ch->read_event, w->base, fd, EV_READ | EV_PERSIST, on_read, ch);
  event_assign(&ch->write_event, w->base, fd, EV_WRITE | EV_PERSIST, on_write, ch);
  event_assign(&ch->timer_event, w->base, -1, 0, on_timer, ch);
}

void
channel_open(struct channel *ch, struct worker *w, const struct channel_events *events, int fd)
{
  open_socket(ch, w, events, fd);
  event_add(&ch->read_event, NULL);
}

void
channel_open_connecting(struct channel *ch, struct worker *w, const struct channel_events *events, int fd)
{
  open_socket(ch, w, events, fd);
  ch->connecting = ch->writing = true;
  event_add(&ch->write_event, NULL);
}

void
channel_pause(struct channel *ch)
{
  ch->paused = true;
  ch->resuming = false;
}

void
channel_resume(struct channel *ch)
{
  if (ch->fd < 0 || !ch->paused)
    return;
  ch->resuming = true;
  channel_touch(ch);
}

void
channel_reset(struct channel *ch)
{
  if (ch->fd >= 0) {
    event_del(&ch->read_event);
    event_del(&ch->write_event);
    event_del(&ch->timer_event);
    close(ch->fd);
    ch->fd = -1;
  }
  framing_fini(&ch->framing);
  out_release(ch);
}

void
channel_close(struct channel *ch)
{
  if (ch->dead)
    return;
  channel_reset(ch);
  ch->dead = true;
  channel_touch(ch);
}
