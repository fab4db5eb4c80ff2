// SPDX-License-Identifier: BSD-2-Clause
// Connections: an echo of lines over sockets, DNS messages over a byte layer that does what the kernel does when it is at its
// worst: a byte at a time, nothing now, the other direction first, errors, bytes that are there without being announced.
#include "dnsproxy/net/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct event_base *base;
static struct connection_set *set;
static int peer;

static void
turn(void)
{
  event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
turns(unsigned count)
{
  while (count-- > 0)
    turn();
}

// ---- an owner that counts ----

struct owner {
  struct connection connection; // first
  unsigned messages, ends, turns, connects, timers;
  enum connection_end why;
  bool pausing, echo, finish_on_end, gone;
  uint8_t last[300];
  size_t last_size;
};

static enum message_use
on_message(struct connection *c, const struct frame *frame)
{
  struct owner *o = (struct owner *)c;
  o->messages++;
  o->last_size = frame->size < sizeof o->last ? frame->size : sizeof o->last;
  memcpy(o->last, frame->message, o->last_size);
  if (o->echo)
    assert_true(connection_send(c, frame->message, frame->size));
  return o->pausing ? MESSAGE_PAUSE : MESSAGE_NEXT;
}

static void
on_turn(struct connection *c)
{
  struct owner *o = (struct owner *)c;
  o->turns++;
  if (o->finish_on_end && c->eof && !input_has_message(&c->input))
    connection_finish(c, 200000);
}

static void
on_timer(struct connection *c)
{
  ((struct owner *)c)->timers++;
  connection_resume(c);
}

static void
on_ended(struct connection *c, enum connection_end why)
{
  ((struct owner *)c)->ends++;
  ((struct owner *)c)->why = why;
}

static void
on_connected(struct connection *c)
{
  ((struct owner *)c)->connects++;
}

static void
on_gone(struct connection *c)
{
  ((struct owner *)c)->gone = true;
}

static const struct connection_events events = {.message = on_message, .turn = on_turn, .timer = on_timer, .connected = on_connected,
                                                .ended = on_ended, .gone = on_gone};
static struct owner owner;

static int
setup(void **state)
{
  (void)state;
  base = event_base_new();
  set = connection_set_new(base, NULL, NULL, NULL, NULL);
  memset(&owner, 0, sizeof owner);
  connection_init(&owner.connection);
  peer = -1;
  return 0;
}

static int
teardown(void **state)
{
  (void)state;
  if (owner.connection.set != NULL && !owner.gone)
    connection_close(&owner.connection);
  assert_true(owner.connection.set == NULL || owner.gone || owner.connection.dead);
  connection_set_free(&set);
  assert_true(owner.connection.set == NULL || owner.gone);
  assert_null(owner.connection.out);
  assert_null(owner.connection.input.kept);
  event_base_free(base);
  if (peer >= 0)
    close(peer);
  return 0;
}

static void
open_pair(const struct protocol *protocol)
{
  int pair[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  peer = pair[1];
  connection_open(&owner.connection, set, &events, protocol, pair[0]);
}

static void
write_frames(unsigned from, unsigned count)
{
  for (unsigned i = from; i < from + count; i++)
    assert_int_equal(write(peer, (uint8_t[]){0, 2, (uint8_t)i, 0}, 4), 4);
}

// ---- pauses ----

// Messages are kept, more bytes are there, and a callback of the same turn lets it go on before they are read.
static void
goes_on_while_bytes_wait(void **state)
{
  (void)state;
  open_pair(&protocol_dns);
  owner.pausing = true;
  write_frames(0, 5);
  turns(2);
  assert_int_equal(owner.messages, 1);
  owner.pausing = false;
  write_frames(5, 3);
  connection_resume(&owner.connection); // outside the end of a turn
  event_active(&owner.connection.read_event, EV_READ, 0);
  turns(5);
  assert_int_equal(owner.messages, 8);
}

static void
goes_on_after_the_peer_left(void **state)
{
  (void)state;
  open_pair(&protocol_dns);
  owner.pausing = true;
  write_frames(0, 5);
  turns(2);
  close(peer);
  peer = -1;
  owner.pausing = false;
  connection_timer(&owner.connection, 0);
  turns(5);
  assert_int_equal(owner.messages, 5);
  assert_int_equal(owner.ends, 1);
  assert_int_equal(owner.why, CONNECTION_EOF);
}

static void
delivers_what_is_here_after_reading_stops(void **state)
{
  (void)state;
  open_pair(&protocol_dns);
  owner.pausing = true;
  write_frames(0, 3);
  turns(2);
  connection_stop_reading(&owner.connection);
  owner.pausing = false;
  connection_resume(&owner.connection);
  write_frames(3, 3);
  turns(5);
  assert_int_equal(owner.messages, 3);
}

// ---- lines: a small echo ----

static void
echoes_lines(void **state)
{
  (void)state;
  char got[100];
  open_pair(&protocol_lines);
  owner.echo = owner.finish_on_end = true;
  assert_int_equal(write(peer, "hello\n\nwor", 10), 10);
  turns(3);
  assert_int_equal(read(peer, got, sizeof got), 7);
  assert_memory_equal(got, "hello\n\n", 7);
  assert_int_equal(write(peer, "ld\nrest", 7), 7);
  shutdown(peer, SHUT_WR);
  turns(5);
  assert_int_equal(read(peer, got, sizeof got), 6);
  assert_memory_equal(got, "world\n", 6);
  assert_int_equal(read(peer, got, sizeof got), 0); // a FIN, not a reset
  assert_true(owner.gone || connection_set_unfinished(set) == 1);
  close(peer);
  peer = -1;
  turns(3);
  assert_true(owner.gone);
  assert_int_equal(connection_set_unfinished(set), 0);
}

static void
refuses_a_line_without_end(void **state)
{
  (void)state;
  static char line[LINE_MAX_SIZE];
  memset(line, 'x', sizeof line);
  open_pair(&protocol_lines);
  for (size_t sent = 0; sent < sizeof line && owner.ends == 0;) {
    ssize_t n = write(peer, line + sent, sizeof line - sent);
    sent += n > 0 ? (size_t)n : 0;
    turn();
  }
  turns(5);
  assert_int_equal(owner.ends, 1);
  assert_int_equal(owner.why, CONNECTION_BROKEN);
}

// The peer goes on sending while the last answers are under way: it gets all of them and an end, no reset.
static void
lingers_for_a_peer_that_sends(void **state)
{
  (void)state;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  static uint8_t big[60000], got[60002];
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(listening, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(listening, 1), 0);
  assert_int_equal(getsockname(listening, (struct sockaddr *)&a, &size), 0);
  struct outgoing to = {.interface = ""};
  to.to.v4 = a;
  assert_true(connection_connect(&owner.connection, set, &events, &protocol_dns, &to));
  peer = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
  assert_true(peer >= 0);
  turns(3);
  assert_int_equal(owner.connects, 1);
  assert_true(connection_send(&owner.connection, big, sizeof big));
  connection_finish(&owner.connection, 1000000);
  size_t have = 0;
  for (int i = 0; i < 200; i++) {
    write_frames(0, 10);
    turn();
    ssize_t n = read(peer, got, 500);
    have += n > 0 ? (size_t)n : 0;
  }
  assert_int_equal(owner.messages, 0);
  for (ssize_t n = 1; n > 0; turn()) {
    n = read(peer, got, sizeof got);
    have += n > 0 ? (size_t)n : 0;
    assert_true(n >= 0);
  }
  assert_int_equal(have, sizeof got);
  close(peer);
  peer = -1;
  for (int i = 0; i < 100 && !owner.gone; i++)
    turn();
  assert_true(owner.gone);
  close(listening);
}

static void
gives_up_lingering(void **state)
{
  (void)state;
  open_pair(&protocol_dns);
  turn();
  connection_finish(&owner.connection, 20000);
  for (int i = 0; i < 1000 && !owner.gone; i++)
    event_base_loop(base, EVLOOP_ONCE);
  assert_true(owner.gone);
}

static void
tells_that_nobody_listens(void **state)
{
  (void)state;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  int bound = socket(AF_INET, SOCK_STREAM, 0); // not listening
  assert_int_equal(bind(bound, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(getsockname(bound, (struct sockaddr *)&a, &size), 0);
  struct outgoing to = {.interface = NULL};
  to.to.v4 = a;
  if (connection_connect(&owner.connection, set, &events, &protocol_dns, &to)) {
    assert_true(connection_send(&owner.connection, "ab", 2));
    turns(5);
    assert_int_equal(owner.ends, 1);
    assert_int_equal(owner.why, CONNECTION_CONNECT_ERROR);
    assert_int_equal(owner.connection.plain.error, ECONNREFUSED);
  }
  close(bound);
}

// ---- a byte layer of the test's ----

struct fake {
  struct byte_layer layer; // first
  int real;                // the descriptor
  unsigned seed;
  bool calm;               // no more tricks
  unsigned handshakes;
  uint8_t ahead[64];       // read from the socket before it was asked for
  size_t ahead_at, ahead_end;
  bool closed;
};

static unsigned
draw(struct fake *f)
{
  f->seed = f->seed * 1664525u + 1013904223u;
  return f->seed >> 20;
}

static enum bytes_result
fake_handshake(struct byte_layer *b)
{
  struct fake *f = (struct fake *)b;
  uint8_t byte;
  if (f->handshakes++ == 0)
    return BYTES_WANT_WRITE;
  return read(f->real, &byte, 1) == 1 ? BYTES_OK : BYTES_WANT_READ; // one byte is the peer's part of it
}

static size_t
fake_pending(const struct byte_layer *b)
{
  const struct fake *f = (const struct fake *)b;
  return f->ahead_end - f->ahead_at;
}

static enum bytes_result
fake_result(ssize_t n, struct byte_layer *b, enum bytes_result wants)
{
  if (n == 0)
    return BYTES_END;
  if (errno == EAGAIN)
    return wants;
  b->error = errno;
  return BYTES_ERROR;
}

// Gives few bytes, and reads more than it gives, so that the rest is pending while the descriptor is silent.
static enum bytes_result
fake_read(struct byte_layer *b, const struct iovec *parts, int count, size_t *done)
{
  struct fake *f = (struct fake *)b;
  (void)count;
  if (!f->calm && draw(f) % 4 == 0)
    return draw(f) % 2 == 0 ? BYTES_WANT_WRITE : BYTES_WANT_READ;
  if (fake_pending(b) == 0) {
    ssize_t n = read(f->real, f->ahead, sizeof f->ahead);
    if (n <= 0)
      return fake_result(n, b, BYTES_WANT_READ);
    f->ahead_at = 0;
    f->ahead_end = (size_t)n;
  }
  size_t most = 1 + draw(f) % 20, n = fake_pending(b);
  n = n < most ? n : most;
  n = n < parts[0].iov_len ? n : parts[0].iov_len;
  memcpy(parts[0].iov_base, f->ahead + f->ahead_at, n);
  f->ahead_at += n;
  *done = n;
  return BYTES_OK;
}

static enum bytes_result
fake_write(struct byte_layer *b, const struct iovec *parts, int count, size_t *done)
{
  struct fake *f = (struct fake *)b;
  (void)count;
  if (!f->calm && draw(f) % 3 == 0)
    return BYTES_WANT_WRITE;
  size_t most = 1 + draw(f) % 30;
  ssize_t n = write(f->real, parts[0].iov_base, parts[0].iov_len < most ? parts[0].iov_len : most);
  if (n <= 0)
    return fake_result(n, b, BYTES_WANT_WRITE);
  *done = (size_t)n;
  return BYTES_OK;
}

static enum bytes_result
fake_shutdown(struct byte_layer *b)
{
  struct fake *f = (struct fake *)b;
  if (!f->calm && draw(f) % 2 == 0)
    return BYTES_WANT_WRITE;
  shutdown(f->real, SHUT_WR);
  return BYTES_OK;
}

static enum bytes_result
fake_peek(struct byte_layer *b)
{
  (void)b;
  return BYTES_OK;
}

static void
fake_close(struct byte_layer *b)
{
  struct fake *f = (struct fake *)b;
  close(f->real);
  f->closed = true;
}

static const struct byte_layer_class fake_class = {.name = "fake", .handshake = fake_handshake, .read = fake_read, .write = fake_write,
                                                   .shutdown = fake_shutdown, .peek = fake_peek, .pending = fake_pending,
                                                   .close = fake_close};

static void
open_fake(struct fake *f, unsigned seed, const struct protocol *protocol)
{
  int pair[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  peer = pair[1];
  *f = (struct fake){.layer = {.class = &fake_class, .fd = pair[0]}, .real = pair[0], .seed = seed};
  connection_open_layer(&owner.connection, set, &events, protocol, &f->layer, true);
}

static void
survives_a_layer_that_plays_tricks(void **state)
{
  (void)state;
  enum { LINES = 40 };
  for (unsigned seed = 1; seed <= 60; seed++) {
    struct fake f;
    char sent[LINES * 40], got[LINES * 40];
    size_t size = 0, have = 0, out = 0;
    memset(&owner, 0, sizeof owner);
    connection_init(&owner.connection);
    open_fake(&f, seed, &protocol_lines);
    owner.echo = owner.finish_on_end = true;
    for (int i = 0; i < LINES; i++)
      size += (size_t)sprintf(sent + size, "%d%.*s\n", i, (int)(seed + (unsigned)i) % 30, "abcdefghijklmnopqrstuvwxyzabcdef");
    turns(3);
    assert_int_equal(owner.connects, 0);
    assert_int_equal(write(peer, "h", 1), 1);
    bool shut = false;
    for (int i = 0; i < 20000 && !owner.gone; i++) {
      if (out < size) {
        ssize_t n = write(peer, sent + out, size - out < 50 ? size - out : 50);
        out += n > 0 ? (size_t)n : 0;
      } else if (!shut) {
        shut = true;
        shutdown(peer, SHUT_WR);
      }
      turn();
      ssize_t n = read(peer, got + have, sizeof got - have);
      have += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(owner.connects, 1);
    assert_int_equal(owner.messages, LINES);
    assert_int_equal(have, size);
    assert_memory_equal(got, sent, size);
    assert_true(owner.gone);
    assert_true(f.closed);
    close(peer);
    peer = -1;
  }
}

// A write that has to read first: nothing is lost, and it goes on when the peer has sent something.
static enum bytes_result
stubborn_write(struct byte_layer *b, const struct iovec *parts, int count, size_t *done)
{
  struct fake *f = (struct fake *)b;
  uint8_t byte;
  if (!f->calm) {
    if (read(f->real, &byte, 1) != 1)
      return BYTES_WANT_READ;
    f->calm = true;
  }
  return fake_write(b, parts, count, done);
}

static void
writes_after_reading(void **state)
{
  (void)state;
  struct byte_layer_class stubborn = fake_class;
  struct fake f;
  char got[16];
  stubborn.write = stubborn_write;
  open_fake(&f, 1, &protocol_dns);
  f.layer.class = &stubborn;
  assert_int_equal(write(peer, "h", 1), 1);
  turns(5);
  assert_int_equal(owner.connects, 1);
  assert_true(connection_send(&owner.connection, "abc", 3));
  turns(5);
  assert_int_equal(read(peer, got, sizeof got), -1);
  assert_int_equal(connection_unsent(&owner.connection), 5);
  assert_int_equal(write(peer, "r", 1), 1);
  for (size_t have = 0; have < 5;) {
    turn();
    ssize_t n = read(peer, got, sizeof got);
    have += n > 0 ? (size_t)n : 0;
  }
  assert_int_equal(owner.messages, 0);
  connection_close(&owner.connection);
}

static enum bytes_result
failing_write(struct byte_layer *b, const struct iovec *parts, int count, size_t *done)
{
  (void)parts, (void)count, (void)done;
  b->error = EPIPE;
  return BYTES_ERROR;
}

static void
tells_a_failed_write_and_handshake(void **state)
{
  (void)state;
  struct byte_layer_class failing = fake_class;
  struct fake f;
  failing.write = failing_write;
  open_fake(&f, 1, &protocol_dns);
  f.layer.class = &failing;
  assert_int_equal(write(peer, "h", 1), 1);
  turns(5);
  assert_true(connection_send(&owner.connection, "abc", 3));
  turns(3);
  assert_int_equal(owner.why, CONNECTION_WRITE_ERROR);
  connection_close(&owner.connection);
  assert_false(connection_send(&owner.connection, "abc", 3));
  connection_set_flush(set);
}

// ---- turns ----

static unsigned slow_us;

static enum message_use
slow_message(struct connection *c, const struct frame *frame)
{
  (void)frame;
  ((struct owner *)c)->messages++;
  usleep(slow_us);
  return MESSAGE_NEXT;
}

static unsigned others;

static void
on_other(evutil_socket_t fd, short what, void *arg)
{
  char byte[16];
  (void)what, (void)arg;
  assert_true(read(fd, byte, sizeof byte) > 0);
  others++;
}

// However much a connection has to do, others are served between.
static void
bounds_what_a_turn_does(void **state)
{
  (void)state;
  static const struct connection_events slow = {.message = slow_message, .ended = on_ended, .gone = on_gone};
  int pair[2], pipes[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  assert_int_equal(pipe(pipes), 0);
  peer = pair[1];
  slow_us = 100;
  others = 0;
  connection_open(&owner.connection, set, &slow, &protocol_dns, pair[0]);
  struct event *other = event_new(base, pipes[0], EV_READ | EV_PERSIST, on_other, NULL);
  event_add(other, NULL);
  write_frames(0, 200);
  turn();
  assert_in_range(owner.messages, 1, 100);
  assert_int_equal(write(pipes[1], "x", 1), 1);
  turn();
  assert_int_equal(others, 1);
  assert_true(owner.messages < 200);
  while (owner.messages < 200)
    turn();
  event_free(other);
  close(pipes[0]);
  close(pipes[1]);
}

static void
owns_nothing_while_idle(void **state)
{
  (void)state;
  char got[100];
  open_pair(&protocol_dns);
  owner.echo = true;
  write_frames(0, 5);
  turns(3);
  assert_int_equal(read(peer, got, sizeof got), 20);
  assert_null(owner.connection.out);
  assert_null(owner.connection.input.kept);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(goes_on_while_bytes_wait, setup, teardown),
      cmocka_unit_test_setup_teardown(goes_on_after_the_peer_left, setup, teardown),
      cmocka_unit_test_setup_teardown(delivers_what_is_here_after_reading_stops, setup, teardown),
      cmocka_unit_test_setup_teardown(echoes_lines, setup, teardown),
      cmocka_unit_test_setup_teardown(refuses_a_line_without_end, setup, teardown),
      cmocka_unit_test_setup_teardown(lingers_for_a_peer_that_sends, setup, teardown),
      cmocka_unit_test_setup_teardown(gives_up_lingering, setup, teardown),
      cmocka_unit_test_setup_teardown(tells_that_nobody_listens, setup, teardown),
      cmocka_unit_test_setup_teardown(survives_a_layer_that_plays_tricks, setup, teardown),
      cmocka_unit_test_setup_teardown(writes_after_reading, setup, teardown),
      cmocka_unit_test_setup_teardown(tells_a_failed_write_and_handshake, setup, teardown),
      cmocka_unit_test_setup_teardown(bounds_what_a_turn_does, setup, teardown),
      cmocka_unit_test_setup_teardown(owns_nothing_while_idle, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
