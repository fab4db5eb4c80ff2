// SPDX-License-Identifier: BSD-2-Clause
// A connected, non-blocking stream of framed DNS messages: one read for all queries that wait, one write per wake-up.
//
// Used for both sides: clients (net/stream) and backends (upstream/upstream_stream). Embedded in its owner's structure.
// Thread: the worker. Not a bufferevent, because those read 4 KiB at a time, keep buffers per connection, and arm
// EV_WRITE for every answer. All reads of a worker share one scratch buffer; output is written at the end of the turn
// of the event loop, once per connection, however many messages were queued from however many callbacks.
//
// Nothing is freed under a callback: channel_close() takes effect at once, but `gone` is called at the end of the turn.
#ifndef DNSPROXY_NET_CHANNEL_H
#define DNSPROXY_NET_CHANNEL_H

#include "dnsproxy/net/framing.h"
#include "dnsproxy/core/worker.h"

#include <event2/event_struct.h>

struct channel;

enum channel_frame {
  CHANNEL_NEXT,  // the message was used
  CHANNEL_PAUSE, // it was used; no more until channel_resume()
  CHANNEL_LATER, // it was not used: offer it again after channel_resume()
};

enum channel_end { CHANNEL_EOF, CHANNEL_READ_ERROR, CHANNEL_WRITE_ERROR, CHANNEL_CONNECT_ERROR };

// What the owner does. All but `frame` and `gone` may be called with nothing else on the stack but the event loop.
struct channel_events {
  enum channel_frame (*frame)(struct channel *, const struct frame *);
  void (*read)(struct channel *, size_t count);          // a read event brought bytes; before their frames. May be NULL
  void (*turn)(struct channel *);                        // end of a turn in which something happened; before the write
  void (*connected)(struct channel *);                   // after channel_connect(). May be NULL
  void (*timer)(struct channel *);                       // channel_timer() is over
  void (*ended)(struct channel *, enum channel_end);     // by the peer: the owner closes the channel, now or later
  void (*gone)(struct channel *);                        // closed, and nobody uses it any more: may be freed
};

struct channel {
  const struct channel_events *events;
  struct worker *worker;
  struct channel *next_touched;
  int fd; // -1: closed
  bool touched, paused, resuming, connecting, writing, eof, dead;
  struct framing framing;
  uint8_t *out; // malloc'ed while there is output
  size_t out_start, out_end, out_capacity;
  uint64_t progress_us; // when output last began to wait or went forward
  struct event read_event, write_event, timer_event;
};

// What a worker keeps for its channels; opened by each folder that has some, closed as often.
void channel_set_open(struct worker *);
void channel_set_close(struct worker *);
// The end of a turn, now. This and channel_set_close() between worker_begin() and worker_end().
void channel_set_flush(struct worker *);

// A connected socket, taken over. Reading starts with channel_resume() or at the end of the turn.
void channel_open(struct channel *, struct worker *, const struct channel_events *, int fd);
// The same for a socket whose connect() is under way: `connected` or `ended` will be called; output may be queued.
void channel_open_connecting(struct channel *, struct worker *, const struct channel_events *, int fd);
void channel_read_now(struct channel *); // a socket just accepted probably has a query: saves a turn
// Queues a message with its length in front. False: no memory.
bool channel_send_raw(struct channel *, const void *bytes, size_t size); // without the length in front; false: no memory
bool channel_send(struct channel *, const uint8_t *message, size_t size);
size_t channel_unsent(const struct channel *);
void channel_resume(struct channel *); // frames flow again, from the end of this turn on
void channel_pause(struct channel *);
void channel_touch(struct channel *);  // `turn` will be called at the end of this turn
void channel_timer(struct channel *, uint64_t us); // once, from now; replaces the one before
// Closes the socket; what was not written is lost. `gone` will be called. The framing and output are emptied.
void channel_close(struct channel *);
// Closes and forgets the socket without `gone`: another one can be opened in its place.
void channel_reset(struct channel *);

#endif
