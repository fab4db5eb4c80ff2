// SPDX-License-Identifier: BSD-2-Clause
// Connections: reading, writing, handshakes, the end, and turns of the event loop.
#include "dnsproxy/net/connection.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
  SCRATCH_SIZE = 16384,
  OUT_MIN = 2048,
  TURN_US = 500,     // reading of a turn, and as much for its end
  WORK_MIN = 16,     // ... or this, if the machine gave the time to somebody else: a message, or WORK_BYTES of output, is one
  WORK_BYTES = 4096,
  LOOK_MESSAGES = 16, // delivered before the clock is looked at again
  LOOK_BYTES = 65536, // written ...
};

struct connection_set {
  struct event_base *base;
  void (*begin)(void *), (*end)(void *);
  void *arg;
  const uint64_t *now_us;
  uint64_t own_now_us;
  struct event turn_event;
  bool turn_pending, flushing;
  bool late; // it was found that the deadline is over
  size_t work; // done since it was set
  struct connection *first, **last; // touched in this turn
  uint64_t deadline_us;             // of this turn's reading, then of its end; 0: nothing was done yet
  size_t unfinished_count;
  struct connection *unfinished;
  struct buffers buffers; // output, and what is kept of input
  uint8_t scratch[SCRATCH_SIZE];
};

// ---- the set ----

static void
connection_set_begin(struct connection_set *set)
{
  if (set->now_us == &set->own_now_us)
    set->own_now_us = clock_mono_us();
  if (set->begin != NULL)
    set->begin(set->arg);
}

static void
connection_set_end(struct connection_set *set)
{
  if (set->end != NULL)
    set->end(set->arg);
}

uint64_t
connection_now(const struct connection *c)
{
  return *c->set->now_us;
}

static void
connection_set_allow(struct connection_set *set, uint64_t until_us)
{
  set->deadline_us = until_us;
  set->late = false;
  set->work = 0;
}

static void
connection_set_await_turn(struct connection_set *set)
{
  if (set->turn_pending || set->flushing)
    return;
  set->turn_pending = true;
  event_active(&set->turn_event, EV_TIMEOUT, 0); // runs after the callbacks that are active now: no system call
}

// May this turn go on to read? A connection that may not is still readable in the next one.
static bool
connection_set_has_time(struct connection_set *set)
{
  if (set->deadline_us == 0) {
    connection_set_allow(set, *set->now_us + TURN_US);
    connection_set_await_turn(set); // ends it
  }
  return *set->now_us < set->deadline_us || set->work < WORK_MIN;
}

static bool
connection_set_is_late(struct connection_set *set)
{
  if (!set->late && set->deadline_us != 0 && set->work >= WORK_MIN)
    set->late = clock_mono_us() >= set->deadline_us;
  return set->late;
}

void
connection_touch(struct connection *c)
{
  struct connection_set *set = c->set;
  if (c->touched)
    return;
  c->touched = true;
  c->next_touched = NULL;
  *set->last = c;
  set->last = &c->next_touched;
  connection_set_await_turn(set);
}

static size_t connection_end_turn(struct connection *);

// Until the list is empty, or the time is over.
static void
connection_set_run(struct connection_set *set)
{
  size_t written = 0;
  unsigned count = 0;
  if (set->flushing)
    return;
  set->flushing = true;
  while (set->first != NULL) {
    if (set->late || written >= LOOK_BYTES || ++count % LOOK_MESSAGES == 0) {
      if (connection_set_is_late(set))
        break;
      written = 0;
    }
    struct connection *c = set->first;
    set->first = c->next_touched;
    if (set->first == NULL)
      set->last = &set->first;
    c->touched = false;
    written += connection_end_turn(c);
  }
  set->flushing = false;
}

void
connection_set_flush(struct connection_set *set)
{
  connection_set_allow(set, 0);
  connection_set_run(set);
}

static void
connection_on_turn(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct connection_set *set = arg;
  connection_set_begin(set);
  set->turn_pending = false;
  connection_set_allow(set, *set->now_us + TURN_US);
  connection_set_run(set);
  connection_set_allow(set, 0);
  if (set->first != NULL) { // after what is readable by then
    set->turn_pending = true;
    event_add(&set->turn_event, &(struct timeval){.tv_sec = 0});
  }
  connection_set_end(set); // what it sends may touch connections again: they have another turn
}

struct connection_set *
connection_set_new(struct event_base *base, void (*begin)(void *), void (*end)(void *), void *arg, const uint64_t *now_us)
{
  struct connection_set *set = memory_new(sizeof *set);
  *set = (struct connection_set){.base = base, .begin = begin, .end = end, .arg = arg};
  set->now_us = now_us != NULL ? now_us : &set->own_now_us;
  set->own_now_us = clock_mono_us();
  set->last = &set->first;
  event_assign(&set->turn_event, base, -1, 0, connection_on_turn, set);
  return set;
}

void
connection_set_free(struct connection_set **slot)
{
  struct connection_set *set = *slot;
  if (set == NULL)
    return;
  *slot = NULL;
  while (set->unfinished != NULL)
    connection_close(set->unfinished);
  while (set->first != NULL)
    connection_set_flush(set);
  event_del(&set->turn_event);
  buffers_fini(&set->buffers);
  free(set);
}

size_t
connection_set_unfinished(const struct connection_set *set)
{
  return set->unfinished_count;
}

// ---- what it waits for ----

// Is it armed now?
static bool
connection_arm_one(struct event *event, bool wanted, bool armed)
{
  if (wanted && !armed)
    return event_add(event, NULL) == 0;
  if (!wanted && armed)
    event_del(event);
  return wanted;
}

static void
connection_arm(struct connection *c)
{
  bool in = false, out = c->blocked && !c->write_wants_read;
  c->deaf = false;
  switch (c->state) {
  case CONNECTION_CLOSED:
    return;
  case CONNECTION_CONNECTING:
    in = !c->eof && !c->handshake_wants_write;
    out = !c->eof && c->handshake_wants_write;
    break;
  case CONNECTION_OPEN:
    in = (!c->eof && !c->unwatched && !c->read_wants_write) || c->write_wants_read;
    out = out || c->read_wants_write;
    break;
  case CONNECTION_FLUSHING:
    in = c->write_wants_read;
    break;
  case CONNECTION_LINGERING:
    in = true;
    break;
  }
  c->armed_read = connection_arm_one(&c->read_event, in, c->armed_read);
  c->armed_write = connection_arm_one(&c->write_event, out, c->armed_write);
  c->deaf = c->armed_read != in || c->armed_write != out; // looked at once more at the end of the turn
  if (c->deaf)
    connection_touch(c);
}

// ---- reading ----

static void
connection_ended(struct connection *c, enum connection_end why)
{
  c->eof = true;
  connection_arm(c);
  c->events->ended(c, why);
}

static void
connection_deliver(struct connection *c)
{
  struct frame frame;
  unsigned count = 0;
  while (!c->paused && c->state == CONNECTION_OPEN && input_next(&c->input, &frame)) {
    c->set->work++;
    enum message_use use = c->events->message(c, &frame);
    if (c->state != CONNECTION_OPEN)
      return;
    if (use != MESSAGE_NEXT)
      connection_pause(c);
    if (use == MESSAGE_LATER)
      input_put_back(&c->input, &frame);
    if (++count % LOOK_MESSAGES == 0 && connection_set_is_late(c->set))
      return; // it is touched: the others come at the end of the turn, or in the next one
  }
}

static void
connection_read_in(struct connection *c)
{
  struct connection_set *set = c->set;
  struct iovec parts[2];
  connection_touch(c);
  if (input_has_message(&c->input))
    return; // delivered at the end of the turn, before anything else is read
  size_t got = 0;
  int n = input_space(&c->input, set->scratch, sizeof set->scratch, parts);
  enum bytes_result result = n == 0 ? BYTES_ERROR : c->bytes->class->read(c->bytes, parts, n, &got);
  if (result == BYTES_OK) {
    input_received(&c->input, got);
    if (c->events->read != NULL)
      c->events->read(c, got);
    connection_deliver(c);
  }
  if (c->state != CONNECTION_OPEN)
    return;
  bool kept = input_keep(&c->input), wanted_write = c->read_wants_write;
  c->read_wants_write = result == BYTES_WANT_WRITE;
  c->peer_ended = result == BYTES_END;
  if (result == BYTES_END)
    connection_ended(c, CONNECTION_EOF);
  else if (result == BYTES_ERROR || !kept)
    connection_ended(c, CONNECTION_READ_ERROR);
  else if (c->input.broken)
    connection_ended(c, CONNECTION_BROKEN);
  else if (c->read_wants_write != wanted_write)
    connection_arm(c);
}

// Nobody wants messages now, but a peer that left is worth knowing. Reading is armed again when messages flow again.
static void
connection_look(struct connection *c)
{
  connection_touch(c);
  switch (c->bytes->class->peek(c->bytes)) {
  case BYTES_OK:
    c->unwatched = true;
    connection_arm(c);
    break;
  case BYTES_END:
    c->peer_ended = true;
    connection_ended(c, CONNECTION_EOF);
    break;
  case BYTES_ERROR:
    connection_ended(c, CONNECTION_READ_ERROR);
    break;
  case BYTES_WANT_READ:
  case BYTES_WANT_WRITE:
    break;
  }
}

void
connection_read_now(struct connection *c)
{
  if (c->state == CONNECTION_OPEN && !c->paused && !c->eof && connection_set_has_time(c->set) &&
      !connection_set_is_late(c->set)) // many may be accepted in one callback
    connection_read_in(c);
}

void
connection_pause(struct connection *c)
{
  c->paused = true;
  c->resuming = false;
}

void
connection_resume(struct connection *c)
{
  if (!connection_is_open(c) || !c->paused)
    return;
  c->resuming = true;
  connection_touch(c);
}

void
connection_stop_reading(struct connection *c)
{
  if (!connection_is_open(c))
    return;
  c->eof = true;
  connection_arm(c);
  connection_touch(c);
}

void
connection_speak(struct connection *c, const struct connection_events *events, const struct protocol *protocol, size_t most)
{
  c->events = events;
  input_speak(&c->input, protocol, most);
  connection_touch(c);
}

// ---- writing ----

static void
connection_release_out(struct connection *c)
{
  if (c->out != NULL)
    buffers_give(&c->set->buffers, c->out, c->out_capacity);
  c->out = NULL;
  c->out_start = c->out_end = c->out_capacity = 0;
}

static bool
connection_reserve(struct connection *c, size_t more)
{
  if (c->out_end + more <= c->out_capacity)
    return true;
  if (c->out_start > 0) {
    memmove(c->out, c->out + c->out_start, c->out_end - c->out_start);
    c->out_end -= c->out_start;
    c->out_start = 0;
  }
  size_t capacity = c->out_capacity > 0 ? c->out_capacity : OUT_MIN;
  while (capacity < c->out_end + more)
    capacity *= 2;
  if (capacity == c->out_capacity)
    return true;
  uint8_t *larger = buffers_grow(&c->set->buffers, c->out, c->out_end, capacity, &c->out_capacity);
  if (larger == NULL)
    return false;
  c->out = larger;
  return true;
}

static uint8_t *
connection_room(struct connection *c, size_t size)
{
  if (!connection_is_open(c) || !connection_reserve(c, size))
    return NULL;
  if (connection_unsent(c) == 0)
    c->progress_us = connection_now(c);
  uint8_t *at = c->out + c->out_end;
  c->out_end += size;
  c->set->work += size / WORK_BYTES;
  connection_touch(c);
  return at;
}

bool
connection_send(struct connection *c, const void *message, size_t size)
{
  const struct protocol *p = c->input.protocol;
  size_t whole = p->head + size + p->tail;
  uint8_t *at = whole > p->most ? NULL : connection_room(c, whole);
  if (at == NULL)
    return false;
  if (p->wrap != NULL)
    p->wrap(at, at + p->head + size, size);
  memcpy(at + p->head, message, size);
  return true;
}

bool
connection_send_raw(struct connection *c, const void *bytes, size_t size)
{
  uint8_t *at = connection_room(c, size);
  if (at != NULL)
    memcpy(at, bytes, size);
  return at != NULL;
}

size_t
connection_unsent(const struct connection *c)
{
  return c->out_end - c->out_start;
}

static void
connection_write_failed(struct connection *c)
{
  if (c->state == CONNECTION_OPEN)
    connection_ended(c, CONNECTION_WRITE_ERROR);
  else
    connection_close(c);
}

// Returns how much was written.
static size_t
connection_write_out(struct connection *c)
{
  size_t done = 0;
  if (connection_unsent(c) == 0 || c->blocked)
    return 0;
  struct iovec part = {.iov_base = c->out + c->out_start, .iov_len = connection_unsent(c)};
  enum bytes_result result = c->bytes->class->write(c->bytes, &part, 1, &done);
  if (result == BYTES_ERROR || result == BYTES_END) {
    connection_write_failed(c);
    return 0;
  }
  if (result == BYTES_OK) {
    c->out_start += done;
    c->set->work += done / WORK_BYTES;
    c->progress_us = connection_now(c);
  }
  c->blocked = connection_unsent(c) > 0;
  c->write_wants_read = result == BYTES_WANT_READ;
  if (!c->blocked) {
    connection_release_out(c);
    connection_touch(c); // the owner may have waited for this
  }
  connection_arm(c);
  return done;
}

// ---- the beginning ----

static void
connection_shake_hands(struct connection *c)
{
  enum bytes_result result = c->bytes->class->handshake(c->bytes);
  c->handshake_due = false;
  if (result == BYTES_WANT_READ || result == BYTES_WANT_WRITE) {
    c->handshake_wants_write = result == BYTES_WANT_WRITE;
    connection_arm(c);
    return;
  }
  if (result != BYTES_OK) {
    connection_ended(c, CONNECTION_CONNECT_ERROR);
    return;
  }
  c->state = CONNECTION_OPEN;
  c->handshake_wants_write = false;
  connection_touch(c);
  c->progress_us = connection_now(c);
  connection_arm(c);
  if (c->events->connected != NULL)
    c->events->connected(c);
}

static void connection_on_read(evutil_socket_t fd, short what, void *arg);
static void connection_on_write(evutil_socket_t fd, short what, void *arg);
static void connection_on_timer(evutil_socket_t fd, short what, void *arg);

void
connection_init(struct connection *c)
{
  *c = (struct connection){.state = CONNECTION_CLOSED};
}

void
connection_open_layer(struct connection *c, struct connection_set *set, const struct connection_events *events,
                      const struct protocol *protocol, struct byte_layer *bytes, bool handshake)
{
  bool touched = c->touched; // one that was reset in this turn
  struct connection *next = c->next_touched;
  c->events = events;
  c->set = set;
  c->bytes = bytes;
  c->state = handshake ? CONNECTION_CONNECTING : CONNECTION_OPEN;
  c->touched = touched;
  c->next_touched = next;
  c->paused = c->resuming = c->eof = c->unwatched = c->blocked = false;
  c->read_wants_write = c->write_wants_read = c->shut = c->peer_ended = c->armed_read = c->armed_write = c->deaf = false;
  c->handshake_wants_write = bytes->connecting;
  c->progress_us = connection_now(c);
  c->input.buffers = &set->buffers;
  input_speak(&c->input, protocol, 0);
  event_assign(&c->read_event, set->base, bytes->fd, EV_READ | EV_PERSIST, connection_on_read, c);
  event_assign(&c->write_event, set->base, bytes->fd, EV_WRITE | EV_PERSIST, connection_on_write, c);
  event_assign(&c->timer_event, set->base, -1, 0, connection_on_timer, c);
  connection_arm(c);
  c->handshake_due = handshake && !bytes->connecting; // it may be ours to begin
  if (c->handshake_due)
    connection_touch(c);
}

void
connection_open(struct connection *c, struct connection_set *set, const struct connection_events *events,
                const struct protocol *protocol, int fd)
{
  byte_layer_plain(&c->plain, fd, false);
  connection_open_layer(c, set, events, protocol, &c->plain, false);
}

void
connection_open_connecting(struct connection *c, struct connection_set *set, const struct connection_events *events,
                           const struct protocol *protocol, int fd)
{
  byte_layer_plain(&c->plain, fd, true);
  connection_open_layer(c, set, events, protocol, &c->plain, true);
}

bool
connection_connect(struct connection *c, struct connection_set *set, const struct connection_events *events,
                   const struct protocol *protocol, const struct outgoing *to)
{
  int fd = outgoing_socket(to);
  if (fd >= 0)
    connection_open_connecting(c, set, events, protocol, fd);
  return fd >= 0;
}

// ---- the end ----

static void
connection_set_timer(struct connection *c, uint64_t us)
{
  struct timeval tv = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
  event_add(&c->timer_event, &tv);
}

void
connection_timer(struct connection *c, uint64_t us)
{
  if (connection_is_open(c))
    connection_set_timer(c, us);
}

void
connection_untimer(struct connection *c)
{
  if (connection_is_open(c))
    event_del(&c->timer_event);
}

void
connection_finish(struct connection *c, uint64_t linger_us)
{
  if (!connection_is_open(c))
    return;
  if (c->state == CONNECTION_CONNECTING || (c->peer_ended && connection_unsent(c) == 0)) {
    connection_close(c);
    return;
  }
  c->state = CONNECTION_FLUSHING;
  c->linger_us = linger_us;
  c->set->unfinished_count++;
  c->unfinished_link = &c->set->unfinished;
  c->next_unfinished = c->set->unfinished;
  if (c->next_unfinished != NULL)
    c->next_unfinished->unfinished_link = &c->next_unfinished;
  c->set->unfinished = c;
  input_fini(&c->input);
  connection_arm(c);
  connection_set_timer(c, linger_us);
  connection_touch(c);
}

// Everything is written: the peer is told, and has some time to read it.
static void
connection_shut_down(struct connection *c)
{
  enum bytes_result result = c->peer_ended ? BYTES_ERROR : c->bytes->class->shutdown(c->bytes);
  if (result == BYTES_ERROR) {
    connection_close(c);
    return;
  }
  c->shut = result == BYTES_OK || result == BYTES_END;
  c->blocked = result == BYTES_WANT_WRITE;
  c->write_wants_read = false;
  c->state = CONNECTION_LINGERING;
  c->progress_us = connection_now(c);
  connection_set_timer(c, c->linger_us);
  connection_arm(c);
}

// What it still sends is thrown away.
static void
connection_linger(struct connection *c)
{
  size_t done;
  struct iovec part = {.iov_base = c->set->scratch, .iov_len = sizeof c->set->scratch};
  if (!c->shut)
    connection_shut_down(c);
  if (c->state != CONNECTION_LINGERING)
    return;
  enum bytes_result result = c->bytes->class->read(c->bytes, &part, 1, &done);
  if (result == BYTES_END || result == BYTES_ERROR)
    connection_close(c);
}

static void
connection_end_linger(struct connection *c)
{
  uint64_t over_us = c->progress_us + c->linger_us, now_us = connection_now(c);
  if (c->state == CONNECTION_FLUSHING && now_us < over_us)
    connection_set_timer(c, over_us - now_us);
  else
    connection_close(c);
}

static void
connection_unlink_unfinished(struct connection *c)
{
  c->set->unfinished_count--;
  *c->unfinished_link = c->next_unfinished;
  if (c->next_unfinished != NULL)
    c->next_unfinished->unfinished_link = c->unfinished_link;
}

void
connection_reset(struct connection *c)
{
  if (c->state != CONNECTION_CLOSED) {
    if (!connection_is_open(c))
      connection_unlink_unfinished(c);
    c->state = CONNECTION_CLOSED;
    event_del(&c->read_event);
    event_del(&c->write_event);
    event_del(&c->timer_event);
    c->bytes->class->close(c->bytes);
    c->set->work++;
    c->bytes = NULL;
  }
  input_fini(&c->input);
  connection_release_out(c);
}

void
connection_close(struct connection *c)
{
  if (c->dead)
    return;
  connection_reset(c);
  c->dead = true;
  connection_touch(c);
}

// ---- events ----

static void
connection_on_read(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct connection *c = arg;
  struct connection_set *set = c->set;
  connection_set_begin(set);
  if (c->write_wants_read && (c->state == CONNECTION_OPEN || c->state == CONNECTION_FLUSHING)) {
    c->write_wants_read = c->blocked = false;
    connection_touch(c);
  }
  // begin() may have ended it: a new configuration, in which its backend was removed.
  if (c->state == CONNECTION_CONNECTING)
    connection_shake_hands(c);
  else if (c->state == CONNECTION_LINGERING)
    connection_linger(c);
  else if (c->state == CONNECTION_OPEN && c->paused)
    connection_look(c);
  else if (c->state == CONNECTION_OPEN && !c->eof && connection_set_has_time(set))
    connection_read_in(c);
  connection_set_end(set);
}

static void
connection_on_write(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct connection *c = arg;
  struct connection_set *set = c->set;
  connection_set_begin(set);
  if (c->state == CONNECTION_CONNECTING) {
    connection_shake_hands(c);
  } else if (c->state == CONNECTION_LINGERING) {
    connection_shut_down(c);
  } else if (c->state != CONNECTION_CLOSED) {
    c->blocked &= c->write_wants_read;
    connection_touch(c);
    if (c->read_wants_write) {
      c->read_wants_write = false;
      connection_arm(c);
      connection_read_now(c);
    }
  }
  connection_set_end(set);
}

static void
connection_on_timer(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct connection *c = arg;
  struct connection_set *set = c->set;
  connection_set_begin(set);
  if (!connection_set_has_time(set))
    connection_set_timer(c, 0); // many at once: the others in the next turn
  else if (c->state == CONNECTION_FLUSHING || c->state == CONNECTION_LINGERING)
    connection_end_linger(c);
  else if (c->state != CONNECTION_CLOSED && c->events->timer != NULL)
    c->events->timer(c);
  connection_set_end(set);
}

// The kernel had no memory to watch it (ENOMEM, ENOSPC), and still has none: nothing more would be heard of it.
static void
connection_end_deaf(struct connection *c)
{
  connection_arm(c);
  if (!c->deaf)
    return;
  c->deaf = false;
  if (c->state == CONNECTION_CONNECTING)
    connection_ended(c, CONNECTION_CONNECT_ERROR);
  else if (c->state == CONNECTION_OPEN && !c->eof)
    connection_ended(c, CONNECTION_READ_ERROR);
  else if (c->state == CONNECTION_OPEN)
    connection_ended(c, CONNECTION_WRITE_ERROR);
  else
    connection_close(c);
}

// What waits is delivered before anything is read: messages are cut from one place only.
static void
connection_go_on(struct connection *c)
{
  c->resuming = c->paused = c->unwatched = false;
  connection_arm(c);
}

// Returns how much was written.
static size_t
connection_end_turn(struct connection *c)
{
  if (c->dead) {
    c->events->gone(c);
    return 0;
  }
  if (c->state == CONNECTION_CONNECTING && c->handshake_due)
    connection_shake_hands(c);
  if (c->resuming)
    connection_go_on(c);
  if (c->state == CONNECTION_OPEN && !c->paused) {
    if (input_has_message(&c->input)) {
      connection_deliver(c);
      if (c->state == CONNECTION_OPEN && !c->paused && input_has_message(&c->input))
        connection_touch(c); // no time for more
    } else if (!c->eof && !c->read_wants_write && c->bytes->class->pending(c->bytes) > 0) {
      connection_read_in(c);
    }
    if (c->state == CONNECTION_OPEN && !c->eof && c->input.broken)
      connection_ended(c, CONNECTION_BROKEN);
  }
  if (connection_is_open(c) && c->events->turn != NULL)
    c->events->turn(c);
  size_t written = c->state == CONNECTION_OPEN || c->state == CONNECTION_FLUSHING ? connection_write_out(c) : 0;
  if (c->state == CONNECTION_FLUSHING && connection_unsent(c) == 0)
    connection_shut_down(c);
  if (c->deaf)
    connection_end_deaf(c);
  return written;
}
