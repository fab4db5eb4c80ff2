// SPDX-License-Identifier: BSD-2-Clause
// Rings of lines and their writer.
#include "dnsproxy/base/log_sink.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/text.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
  RING_SIZE = 1 << 20, // bytes; a power of two
  RECORD_MAX = RING_SIZE / 2 - 64,
  WRITE_MAX = 4096, // what a pipe with room takes at once
  ROUNDS_MAX = 64,  // writes to one sink before the others have their turn
  TELL_US = 1000000,
  GIVE_UP_MS = 50,
};

// In front of each record. 0: not complete.
enum { HEAD_SIZE = 8, HEAD_SKIP = 1u << 31 };

struct log_sink {
  struct log_sink *next; // of the writer, or of those that it has not seen
  char *name, *path;     // path: of datagrams
  uint8_t *ring;
  bool standard, buffered;
  bool absent;  // nobody listens at the path: not asked for each record
  bool blocked; // the writer's: it took nothing when last asked
  _Atomic uint64_t head, lost;
  _Alignas(64) _Atomic uint64_t tail;
  _Atomic int new_fd; // -1, or the descriptor to go on with
  _Atomic uint64_t switch_at; // with it: records behind this place in the ring are for the new one
  _Atomic bool closed;
  pthread_mutex_t direct; // records written without the writer
  // the writer's
  int fd;
  struct text pending;
  size_t written;         // of pending
  uint64_t pending_count; // records in it
  uint64_t told;          // of lost
};

enum mode { MODE_DIRECT, MODE_QUEUED, MODE_LATE };

static _Atomic enum mode mode;
static struct log_sink standard[2] = {
    {.name = "stdout", .standard = true, .fd = STDOUT_FILENO, .new_fd = -1, .direct = PTHREAD_MUTEX_INITIALIZER},
    {.name = "stderr", .standard = true, .fd = STDERR_FILENO, .new_fd = -1, .direct = PTHREAD_MUTEX_INITIALIZER},
};
static _Atomic uint64_t lost_total;
static _Atomic uint64_t outstanding; // records that are queued and neither written nor given up
static _Atomic(struct log_sink *) newcomers;
static _Atomic bool asleep, flushing, stopping, given_up, ended;
static int wake_fd = -1;
static pthread_t writer;
static void (*tell_losses)(const char *, uint64_t);

struct log_sink *
log_sink_standard(int fd)
{
  return &standard[fd == STDERR_FILENO];
}

uint64_t
log_sink_lost(void)
{
  return atomic_load_explicit(&lost_total, memory_order_relaxed);
}

static void
log_sink_lose(struct log_sink *s, uint64_t records)
{
  atomic_fetch_add_explicit(&s->lost, records, memory_order_relaxed);
  atomic_fetch_add_explicit(&lost_total, records, memory_order_relaxed);
}

// ---- the ring ----

static _Atomic uint32_t *
log_sink_ring_word(const struct log_sink *s, uint64_t at)
{
  return (_Atomic uint32_t *)(void *)(s->ring + (at & (RING_SIZE - 1)));
}

static uint64_t
log_sink_record_size(size_t size)
{
  return (HEAD_SIZE + size + 7) & ~(uint64_t)7;
}

// Room for a record that does not wrap; `skip`: bytes in front of it up to the end of the ring. False: full.
static bool
log_sink_ring_reserve(struct log_sink *s, uint64_t need, uint64_t *at, uint64_t *skip)
{
  uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
  for (;;) {
    uint64_t rest = RING_SIZE - (head & (RING_SIZE - 1)), tail = atomic_load_explicit(&s->tail, memory_order_acquire);
    if ((int64_t)(head - tail) < 0) { // an old value
      head = atomic_load_explicit(&s->head, memory_order_relaxed);
      continue;
    }
    *at = head;
    *skip = need > rest ? rest : 0;
    if (head + *skip + need - tail > RING_SIZE)
      return false;
    if (atomic_compare_exchange_weak_explicit(&s->head, &head, head + *skip + need, memory_order_relaxed, memory_order_relaxed))
      return true;
  }
}

static bool
log_sink_ring_put(struct log_sink *s, const void *bytes, size_t size)
{
  uint64_t at, skip;
  if (size > RECORD_MAX || !log_sink_ring_reserve(s, log_sink_record_size(size), &at, &skip))
    return false;
  if (skip > 0)
    atomic_store(log_sink_ring_word(s, at), HEAD_SKIP | (uint32_t)skip);
  at += skip;
  memcpy(s->ring + (at & (RING_SIZE - 1)) + HEAD_SIZE, bytes, size);
  atomic_store(log_sink_ring_word(s, at), (uint32_t)size + 1);
  return true;
}

static void
log_sink_ring_release(struct log_sink *s, uint64_t tail, uint64_t size)
{
  memset(s->ring + (tail & (RING_SIZE - 1)), 0, size);
  atomic_store_explicit(&s->tail, tail + size, memory_order_release);
}

// The next record, if it is complete. NULL: none.
static const uint8_t *
log_sink_ring_next(struct log_sink *s, size_t *size)
{
  for (;;) {
    uint64_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    uint32_t word = atomic_load(log_sink_ring_word(s, tail));
    if (word == 0)
      return NULL;
    if ((word & HEAD_SKIP) == 0) {
      *size = word - 1;
      return s->ring + (tail & (RING_SIZE - 1)) + HEAD_SIZE;
    }
    log_sink_ring_release(s, tail, word & ~HEAD_SKIP);
  }
}

static void
log_sink_ring_drop(struct log_sink *s, size_t size)
{
  log_sink_ring_release(s, atomic_load_explicit(&s->tail, memory_order_relaxed), log_sink_record_size(size));
}

static bool
log_sink_ring_is_empty(const struct log_sink *s)
{
  return atomic_load(log_sink_ring_word(s, atomic_load_explicit(&s->tail, memory_order_relaxed))) == 0;
}

// ---- writing ----

static bool
log_sink_has_room(int fd, int wait_ms)
{
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  int n;
  while ((n = poll(&p, 1, wait_ms)) < 0 && errno == EINTR)
    ;
  return n > 0; // an error is found by write()
}

static bool
log_sink_would_wait(int error)
{
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

static int
log_sink_connect_datagrams(const char *path)
{
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int fd = strlen(path) < sizeof to.sun_path ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
  if (fd < 0)
    return -1;
  strcpy(to.sun_path, path);
  int room = 8 << 20; // one datagram must fit
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
    return fd;
  close(fd);
  return -1;
}

// 0 with errno EAGAIN: later. Nobody who listens takes everything.
static ssize_t
log_sink_send_datagram(struct log_sink *s, const char *bytes, size_t size)
{
  for (int turn = 0; turn < 2; turn++) { // whoever listened may have been replaced
    if (s->fd < 0 && !s->absent)
      s->fd = log_sink_connect_datagrams(s->path);
    s->absent = s->fd < 0;
    if (s->fd < 0 || send(s->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
      return (ssize_t)size;
    if (log_sink_would_wait(errno) || errno == EMSGSIZE)
      return -1;
    close(s->fd);
    s->fd = -1;
  }
  return (ssize_t)size;
}

static ssize_t
log_sink_write_piece(struct log_sink *s, const char *bytes, size_t size)
{
  if (s->path != NULL)
    return log_sink_send_datagram(s, bytes, size);
  return write(s->fd, bytes, size < WRITE_MAX ? size : WRITE_MAX);
}

// Without the writer. wait_ms: for each piece; -1 as long as it takes.
static bool
log_sink_write_directly(struct log_sink *s, const char *bytes, size_t size, int wait_ms)
{
  bool good = true;
  pthread_mutex_lock(&s->direct);
  s->absent = false;
  for (size_t done = 0; done < size && good;) {
    if (s->path == NULL && !log_sink_has_room(s->fd, wait_ms)) {
      good = false;
      break;
    }
    ssize_t n = log_sink_write_piece(s, bytes + done, size - done);
    if (n >= 0)
      done += (size_t)n;
    else if (errno != EINTR && !(log_sink_would_wait(errno) && log_sink_has_room(s->fd, wait_ms)))
      good = false;
  }
  pthread_mutex_unlock(&s->direct);
  return good;
}

bool
log_sink_put(struct log_sink *s, const void *bytes, size_t size)
{
  enum mode now = atomic_load(&mode);
  bool good;
  if (now == MODE_QUEUED) {
    atomic_fetch_add(&outstanding, 1);
    good = log_sink_ring_put(s, bytes, size);
    if (!good)
      atomic_fetch_sub(&outstanding, 1);
    else if (atomic_exchange(&asleep, false))
      eventfd_write(wake_fd, 1);
  } else {
    // What the writer could not write is before this.
    int wait_ms = now == MODE_LATE ? 0 : s->path != NULL ? 1000 : -1;
    good = (now == MODE_DIRECT || atomic_load(&outstanding) == 0) && log_sink_write_directly(s, bytes, size, wait_ms);
  }
  if (!good)
    log_sink_lose(s, 1);
  return good;
}

// ---- the writer: one sink ----

static void
log_sink_settle(struct log_sink *s, bool lost)
{
  if (lost)
    log_sink_lose(s, s->pending_count);
  atomic_fetch_sub(&outstanding, s->pending_count);
  text_clear(&s->pending);
  s->written = 0;
  s->pending_count = 0;
}

// Are the next records for the descriptor that is to come?
static bool
log_sink_must_switch(const struct log_sink *s)
{
  return atomic_load(&s->new_fd) >= 0 && atomic_load(&s->tail) >= atomic_load(&s->switch_at);
}

// Takes records until there is enough for a write.
static void
log_sink_fill(struct log_sink *s)
{
  const uint8_t *record;
  size_t size;
  while (s->written == 0 && (record = log_sink_ring_next(s, &size)) != NULL && !log_sink_must_switch(s)) {
    if (s->pending_count > 0 && (s->path != NULL || s->pending.size + size > WRITE_MAX))
      break;
    text_add(&s->pending, (const char *)record, size);
    s->pending_count++;
    log_sink_ring_drop(s, size);
  }
}

static bool
log_sink_is_due(const struct log_sink *s)
{
  if (s->pending_count == 0)
    return false;
  return !s->buffered || !log_sink_ring_is_empty(s) || s->pending.size >= WRITE_MAX || atomic_load(&flushing) ||
         atomic_load(&s->closed) || atomic_load(&s->new_fd) >= 0;
}

// Goes on with the descriptor that it was given, once everything that was put before has its place, or has none because
// the old one takes nothing.
static bool
log_sink_switch(struct log_sink *s)
{
  bool written = log_sink_must_switch(s) && s->pending_count == 0;
  int fd = written || s->blocked ? atomic_exchange(&s->new_fd, -1) : -1;
  if (fd < 0)
    return false;
  if (s->written > 0)
    log_sink_settle(s, true);
  close(s->fd);
  s->fd = fd;
  return true;
}

// False: it takes no more at present.
static bool
log_sink_write_some(struct log_sink *s)
{
  s->absent = false;
  for (int round = 0; round < ROUNDS_MAX; round++) {
    log_sink_fill(s);
    if (!log_sink_is_due(s))
      return true;
    if (s->path == NULL && !log_sink_has_room(s->fd, 0))
      return false;
    ssize_t n = log_sink_write_piece(s, s->pending.data + s->written, s->pending.size - s->written);
    if (n < 0 && log_sink_would_wait(errno))
      return false;
    if (n < 0 && errno == EINTR)
      continue;
    if (n >= 0 && s->written + (size_t)n < s->pending.size)
      s->written += (size_t)n;
    else
      log_sink_settle(s, n < 0);
  }
  return true;
}

static void
log_sink_give_up(struct log_sink *s)
{
  for (log_sink_fill(s); s->pending_count > 0; log_sink_fill(s))
    log_sink_settle(s, true);
}

static void
log_sink_free(struct log_sink *s)
{
  if (s->fd >= 0)
    close(s->fd);
  int fd = atomic_exchange(&s->new_fd, -1);
  if (fd >= 0)
    close(fd);
  pthread_mutex_destroy(&s->direct);
  text_fini(&s->pending);
  free(s->ring);
  free(s->name);
  free(s->path);
  free(s);
}

// ---- the writer: all sinks ----

static void
log_sink_announce(struct log_sink *s)
{
  s->next = atomic_load(&newcomers);
  while (!atomic_compare_exchange_weak(&newcomers, &s->next, s))
    ;
  if (atomic_load(&mode) == MODE_QUEUED && atomic_exchange(&asleep, false))
    eventfd_write(wake_fd, 1);
}

struct writer {
  struct log_sink *sinks;
  struct pollfd *polls; // [0]: somebody wakes us; then sinks that take nothing
  size_t blocked, capacity;
  uint64_t told_us;
};

static void
log_sink_writer_take_newcomers(struct writer *w)
{
  for (struct log_sink *s = atomic_exchange(&newcomers, NULL), *next; s != NULL; s = next) {
    next = s->next;
    s->next = w->sinks;
    w->sinks = s;
  }
}

static void
log_sink_writer_note_blocked(struct writer *w, const struct log_sink *s)
{
  if (w->blocked + 1 >= w->capacity) {
    w->capacity = w->capacity * 2 + 8;
    w->polls = memory_resize(w->polls, w->capacity, sizeof *w->polls);
  }
  w->polls[++w->blocked] = (struct pollfd){.fd = s->fd, .events = POLLOUT};
}

// A closed sink that takes nothing would be kept for
// ever: what it holds is given up.
static void
log_sink_writer_visit(struct writer *w)
{
  w->blocked = 0;
  for (struct log_sink **at = &w->sinks, *s; (s = *at) != NULL;) {
    bool closed = atomic_load(&s->closed);
    s->blocked = !log_sink_write_some(s);
    if (log_sink_switch(s))
      s->blocked = !log_sink_write_some(s);
    if ((closed && s->blocked) || atomic_load(&given_up))
      log_sink_give_up(s);
    if (closed && log_sink_ring_is_empty(s) && s->pending_count == 0) {
      *at = s->next;
      log_sink_free(s);
      continue;
    }
    if (s->blocked)
      log_sink_writer_note_blocked(w, s);
    at = &s->next;
  }
}

static bool
log_sink_writer_has_more(const struct writer *w)
{
  for (const struct log_sink *s = w->sinks; s != NULL; s = s->next)
    if (atomic_load(&s->new_fd) >= 0 || atomic_load(&s->closed) ||
        (!s->blocked && (!log_sink_ring_is_empty(s) || log_sink_is_due(s))))
      return true;
  return atomic_load(&newcomers) != NULL || (atomic_load(&stopping) && atomic_load(&outstanding) == 0);
}

// Told when the log itself has room. True: something is left to be told.
static bool
log_sink_writer_tell(struct writer *w)
{
  bool left = false;
  uint64_t now = clock_mono_us(), head = atomic_load(&standard[0].head) + atomic_load(&standard[1].head),
           tail = atomic_load(&standard[0].tail) + atomic_load(&standard[1].tail);
  bool good = head - tail < RING_SIZE / 4 && (now - w->told_us >= TELL_US || atomic_load(&stopping));
  for (struct log_sink *s = w->sinks; s != NULL; s = s->next) {
    uint64_t lost = atomic_load_explicit(&s->lost, memory_order_relaxed);
    if (lost == s->told)
      continue;
    if (good) {
      tell_losses(s->name, lost - s->told);
      s->told = lost;
      w->told_us = now;
    } else {
      left = true;
    }
  }
  return left;
}

static void
log_sink_writer_sleep(struct writer *w, bool untold)
{
  atomic_store(&asleep, true);
  if (log_sink_writer_has_more(w)) {
    atomic_store(&asleep, false);
    return;
  }
  w->polls[0] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
  poll(w->polls, (nfds_t)w->blocked + 1, untold ? TELL_US / 1000 : -1);
  atomic_store(&asleep, false);
  if (w->polls[0].revents != 0) {
    eventfd_t n;
    eventfd_read(wake_fd, &n);
  }
}

static void *
log_sink_writer_main(void *arg)
{
  (void)arg;
  struct writer w = {.capacity = 8, .told_us = clock_mono_us() - TELL_US};
  w.polls = memory_array(w.capacity, sizeof *w.polls);
  pthread_setname_np(pthread_self(), "log");
  for (;;) {
    log_sink_writer_take_newcomers(&w);
    log_sink_writer_visit(&w);
    bool untold = log_sink_writer_tell(&w);
    if (atomic_load(&stopping) && atomic_load(&outstanding) == 0)
      break;
    log_sink_writer_sleep(&w, untold);
  }
  // Those that are still open are their owners' again.
  while (w.sinks != NULL) {
    struct log_sink *s = w.sinks;
    w.sinks = s->next;
    if (!s->standard)
      log_sink_announce(s);
  }
  free(w.polls);
  atomic_store(&ended, true);
  return NULL;
}

// ---- life of sinks ----

static struct log_sink *
log_sink_new(int fd, const char *name)
{
  struct log_sink *s = aligned_alloc(64, sizeof *s);
  if (s == NULL)
    memory_exhausted();
  memset(s, 0, sizeof *s);
  s->fd = fd;
  s->name = memory_string(name);
  s->new_fd = -1;
  pthread_mutex_init(&s->direct, NULL);
  text_init(&s->pending);
  s->ring = memory_array(RING_SIZE, 1);
  return s;
}

struct log_sink *
log_sink_open(int fd, const char *name, bool buffered)
{
  struct log_sink *s = log_sink_new(fd, name);
  s->buffered = buffered;
  log_sink_announce(s);
  return s;
}

struct log_sink *
log_sink_open_datagrams(const char *path)
{
  struct log_sink *s = log_sink_new(-1, path);
  s->path = memory_string(path);
  log_sink_announce(s);
  return s;
}

static void
log_sink_wake_writer(void)
{
  eventfd_write(wake_fd, 1);
}

void
log_sink_replace(struct log_sink *s, int fd)
{
  if (atomic_load(&mode) == MODE_QUEUED) {
    atomic_store(&s->switch_at, atomic_load(&s->head));
    int old = atomic_exchange(&s->new_fd, fd);
    if (old >= 0)
      close(old);
    log_sink_wake_writer();
    return;
  }
  pthread_mutex_lock(&s->direct);
  close(s->fd);
  s->fd = fd;
  pthread_mutex_unlock(&s->direct);
}

// Before the writer starts and after it has ended a sink is in the list of newcomers.
static void
log_sink_unlist(struct log_sink *s)
{
  struct log_sink *list = atomic_exchange(&newcomers, NULL), **at = &list;
  while (*at != NULL && *at != s)
    at = &(*at)->next;
  if (*at == s)
    *at = s->next;
  atomic_store(&newcomers, list);
}

void
log_sink_close(struct log_sink **slot)
{
  struct log_sink *s = *slot;
  *slot = NULL;
  if (s == NULL)
    return;
  enum mode now = atomic_load(&mode);
  if (now == MODE_QUEUED) {
    atomic_store(&s->closed, true);
    log_sink_wake_writer();
  } else if (now == MODE_DIRECT || atomic_load(&ended)) {
    log_sink_unlist(s);
    log_sink_free(s);
  } // else the writer hangs in it
}

// ---- life of the writer ----

void
log_writer_start(void (*tell)(const char *, uint64_t))
{
  tell_losses = tell;
  wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  assert(wake_fd >= 0);
  for (size_t i = 0; i < 2; i++) {
    if (standard[i].ring == NULL) {
      standard[i].ring = memory_array(RING_SIZE, 1);
      text_init(&standard[i].pending);
    }
    log_sink_announce(&standard[i]);
  }
  atomic_store(&stopping, false);
  atomic_store(&ended, false);
  atomic_store(&given_up, false);
  atomic_store(&flushing, false);
  // Signals are somebody else's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int error = pthread_create(&writer, NULL, log_sink_writer_main, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  assert(error == 0);
  atomic_store(&mode, MODE_QUEUED);
}

static void
log_sink_wait_for(bool (*done)(void), unsigned wait_ms)
{
  for (uint64_t end = clock_mono_us() + wait_ms * 1000ULL; !done() && clock_mono_us() < end;)
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

static bool
log_sink_nothing_queued(void)
{
  return atomic_load(&outstanding) == 0;
}

static bool
log_sink_writer_has_ended(void)
{
  return atomic_load(&ended);
}

void
log_writer_flush(unsigned wait_ms)
{
  if (atomic_load(&mode) != MODE_QUEUED || pthread_equal(pthread_self(), writer))
    return;
  atomic_store(&flushing, true);
  log_sink_wake_writer();
  log_sink_wait_for(log_sink_nothing_queued, wait_ms);
  atomic_store(&flushing, false);
}

void
log_writer_stop(unsigned wait_ms)
{
  if (atomic_load(&mode) != MODE_QUEUED)
    return;
  atomic_store(&flushing, true);
  atomic_store(&stopping, true);
  atomic_store(&mode, MODE_LATE);
  log_sink_wake_writer();
  log_sink_wait_for(log_sink_writer_has_ended, wait_ms);
  atomic_store(&given_up, true);
  log_sink_wake_writer();
  log_sink_wait_for(log_sink_writer_has_ended, GIVE_UP_MS);
  if (atomic_load(&ended)) {
    pthread_join(writer, NULL);
    close(wake_fd);
  } else
    pthread_detach(writer); // it hangs in a call of the kernel
}
