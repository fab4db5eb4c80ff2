// SPDX-License-Identifier: BSD-2-Clause
// A connection: events, a byte layer and a protocol. One read for all messages that wait, one write per wake-up.
//
//      owner: struct stream, a backend connection, a probe, the console, a service
//        ^ message, read, turn, connected, timer, ended, gone        | connection_send(), _pause(), _resume(), _finish(), ...
//      connection: input cut into messages (net/input, net/protocol), output until the end of the turn, a timer
//        | read, write, handshake, shutdown
//      byte layer (net/byte_layer): plain, or secure
//
// Used by everything that talks over a stream, on any thread with an event base: connections that live on one thread share a
// *set*, which has the scratch buffer that all of them read into and the list of those touched in this turn of the loop. An idle
// connection owns no buffers.
//
// A turn: callbacks of this turn read and queue output; at its end each touched connection delivers what it had to hold back,
// is asked by `turn`, and writes once, however many messages were queued from however many callbacks. What one turn may do is
// bounded in time (TURN_US): connections that did not get theirs come first in the next one, and datagrams are served between.
//
// Life: zeroed memory of the owner (connection_init()), opened with a layer, then connecting (a handshake), open, and at last
// one of: connection_close(), at once; connection_finish(), which writes what is queued, tells the peer that no more comes, and
// waits until it closes too, throwing away what it still sends, as closing a socket with unread bytes resets it and the peer may
// lose what is under way. Nothing is freed under a callback: `gone` is called at the end of a turn, and is the last one.
//
// A paused connection delivers no messages; that the peer left is noticed all the same. Thread: the set's.
#ifndef DNSPROXY_NET_CONNECTION_H
#define DNSPROXY_NET_CONNECTION_H

#include "dnsproxy/net/byte_layer.h"
#include "dnsproxy/net/input.h"

#include <event2/event_struct.h>

struct connection;
struct connection_set;

enum message_use {
  MESSAGE_NEXT,  // the message was used
  MESSAGE_PAUSE, // it was used; no more until connection_resume()
  MESSAGE_LATER, // it was not used: offer it again after connection_resume()
};

enum connection_end {
  CONNECTION_EOF,
  CONNECTION_BROKEN, // what comes is not of the protocol
  CONNECTION_READ_ERROR,
  CONNECTION_WRITE_ERROR,
  CONNECTION_CONNECT_ERROR, // of connect() or the handshake
};

// What the owner does. All but `message` and `gone` may be called with nothing else on the stack but the event loop.
struct connection_events {
  enum message_use (*message)(struct connection *, const struct frame *);
  void (*read)(struct connection *, size_t count);            // bytes came; before their messages. May be NULL
  void (*turn)(struct connection *);                          // end of a turn in which something happened. May be NULL
  void (*connected)(struct connection *);                     // connect() and the handshake are done. May be NULL
  void (*timer)(struct connection *);                         // connection_timer() is over. May be NULL
  void (*ended)(struct connection *, enum connection_end);    // by the peer: the owner closes or finishes it, now or later
  void (*gone)(struct connection *);                          // nobody uses it any more: may be freed
};

enum connection_state { CONNECTION_CLOSED, CONNECTION_CONNECTING, CONNECTION_OPEN, CONNECTION_FLUSHING, CONNECTION_LINGERING };

struct connection {
  const struct connection_events *events;
  struct connection_set *set;
  struct byte_layer *bytes; // &plain, or the caller's
  struct byte_layer plain;
  struct connection *next_touched;
  struct connection *next_unfinished, **unfinished_link; // flushing or lingering
  struct input input;
  uint8_t *out; // one of the set's buffers while there is output
  size_t out_start, out_end, out_capacity;
  uint64_t progress_us; // when output last began to wait or went forward
  uint64_t linger_us;
  enum connection_state state : 8;
  bool touched : 1, paused : 1, resuming : 1, eof : 1, dead : 1;
  bool unwatched : 1;                   // paused, and the peer has sent something: nothing is learnt by looking again
  bool armed_read : 1, armed_write : 1; // events, as they are
  bool deaf : 1;                        // ... and one of them is not as it should be
  bool blocked : 1;                     // output waits for the peer
  bool read_wants_write : 1, write_wants_read : 1, handshake_wants_write : 1, handshake_due : 1, shut : 1;
  bool peer_ended : 1;                  // it sends no more: nothing of it is lost by closing
  struct event read_event, write_event, timer_event;
};

// A thread's connections. begin() and end() frame every callback (NULL: none); *now_us is the time in them, NULL: the set
// looks at the clock itself. The base is the caller's and outlives the set.
struct connection_set *connection_set_new(struct event_base *, void (*begin)(void *), void (*end)(void *), void *arg,
                                          const uint64_t *now_us);
// All its connections are closed or finishing, which those are no more; calls `gone` of all that wait for it.
void connection_set_free(struct connection_set **);
void connection_set_flush(struct connection_set *); // the end of a turn, now, and all of it. Between begin() and end()
size_t connection_set_unfinished(const struct connection_set *); // flushing or lingering
uint64_t connection_now(const struct connection *);

// Before the first use, and after `gone` for another.
void connection_init(struct connection *);
// A connected socket, taken over. Reading begins with the next turn of the loop.
void connection_open(struct connection *, struct connection_set *, const struct connection_events *, const struct protocol *, int fd);
// A socket whose connect() is under way: `connected` or `ended` will be called; output may be queued before.
void connection_open_connecting(struct connection *, struct connection_set *, const struct connection_events *,
                                const struct protocol *, int fd);
// Any layer. handshake: it has one to make first.
void connection_open_layer(struct connection *, struct connection_set *, const struct connection_events *,
                           const struct protocol *, struct byte_layer *, bool handshake);
// Connects. False: errno says why, nothing is open.
bool connection_connect(struct connection *, struct connection_set *, const struct connection_events *, const struct protocol *,
                        const struct outgoing *);
static inline bool
connection_is_open(const struct connection *c) // messages flow or may flow: neither closed nor finishing
{
  return c->state == CONNECTION_CONNECTING || c->state == CONNECTION_OPEN;
}

void connection_read_now(struct connection *); // a socket just accepted probably has a message: saves a turn
// From here on messages are of this protocol, those that were read already included. most: of one message; 0: the protocol's.
void connection_speak(struct connection *, const struct connection_events *, const struct protocol *, size_t most);
// Queues a message, with what the protocol puts around it. False: no memory.
bool connection_send(struct connection *, const void *message, size_t size);
bool connection_send_raw(struct connection *, const void *bytes, size_t size); // as it is
size_t connection_unsent(const struct connection *);
void connection_pause(struct connection *);
void connection_resume(struct connection *); // messages flow again, from the end of this turn on
void connection_stop_reading(struct connection *); // as if the peer had ended: what is here is delivered, nothing else is read
void connection_touch(struct connection *);  // `turn` will be called at the end of this turn
void connection_timer(struct connection *, uint64_t us); // once, from now; replaces the one before
void connection_untimer(struct connection *);
// No more messages and events but `gone`. What is queued goes out, then the end; closed when the peer closes, or after so long
// without progress. The timer is the connection's from now on.
void connection_finish(struct connection *, uint64_t linger_us);
void connection_close(struct connection *); // at once; what was not written is lost. `gone` will be called
void connection_reset(struct connection *); // closes and forgets without `gone`: another one can be opened in its place

#endif
