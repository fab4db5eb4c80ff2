// SPDX-License-Identifier: BSD-2-Clause
// Channels: pauses, and what arrives during them.
#include "dnsproxy/net/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct worker *worker;
static struct channel channel;
static int peer;
static unsigned frames, ends;
static bool pausing;

static enum channel_frame
on_frame(struct channel *ch, const struct frame *frame)
{
  (void)ch;
  assert_int_equal(frame->size, 2);
  assert_int_equal(frame->message[0], frames & 255);
  frames++;
  return pausing ? CHANNEL_PAUSE : CHANNEL_NEXT;
}

static void
on_turn(struct channel *ch)
{
  (void)ch;
}

static void
on_timer(struct channel *ch)
{
  channel_resume(ch);
}

static void
on_ended(struct channel *ch, enum channel_end why)
{
  (void)ch, (void)why;
  ends++;
}

static const struct channel_events events = {
    .frame = on_frame, .turn = on_turn, .timer = on_timer, .ended = on_ended, .gone = on_turn};

static void
write_frames(unsigned from, unsigned count)
{
  for (unsigned i = from; i < from + count; i++)
    assert_int_equal(write(peer, (uint8_t[]){0, 2, (uint8_t)i, 0}, 4), 4);
}

static void
turn(void)
{
  event_base_loop(worker->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int
setup(void **state)
{
  (void)state;
  int pair[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  worker = worker_new(NULL);
  worker->base = event_base_new();
  frames = ends = 0;
  channel = (struct channel){.fd = -1};
  peer = pair[1];
  channel_set_open(worker);
  channel_open(&channel, worker, &events, pair[0]);
  return 0;
}

static int
teardown(void **state)
{
  (void)state;
  if (channel.fd >= 0)
    channel_close(&channel);
  channel_set_close(worker);
  event_base_free(worker->base);
  worker_free(&worker);
  close(peer);
  return 0;
}

// Messages are kept, more bytes are there, and a callback of the same turn lets it go on before they are read.
static void
goes_on_while_bytes_wait(void **state)
{
  (void)state;
  pausing = true;
  write_frames(0, 5);
  turn();
  turn();
  assert_int_equal(frames, 1);
  pausing = false;
  write_frames(5, 3);
  channel_resume(&channel); // outside the end of a turn
  event_active(&channel.read_event, EV_READ, 0);
  for (int i = 0; i < 5; i++)
    turn();
  assert_int_equal(frames, 8);
}

static void
goes_on_after_the_peer_left(void **state)
{
  (void)state;
  pausing = true;
  write_frames(0, 5);
  turn();
  turn();
  close(peer);
  peer = -1;
  pausing = false;
  channel_timer(&channel, 0);
  for (int i = 0; i < 5; i++)
    turn();
  assert_int_equal(frames, 5);
  assert_int_equal(ends, 1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(goes_on_while_bytes_wait, setup, teardown),
      cmocka_unit_test_setup_teardown(goes_on_after_the_peer_left, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
