// SPDX-License-Identifier: BSD-2-Clause
// Client connections over TCP, as one worker keeps them (semantics.md sections 2, 7 and 13).
//
// Each complete message becomes a query with a packet of its own (query_own_packet()), which walks at once. reply() and
// dropped() of its route end its time on the connection; the structure outlives the socket until the last of its
// queries has ended. ANSWERS_SENT and the listener's queries and responses are counted by the walk; an answer for a
// client that has left is taken out again and becomes DROP_CLIENT_GONE. Thread: the worker.
#ifndef DNSPROXY_NET_STREAM_H
#define DNSPROXY_NET_STREAM_H

#include "dnsproxy/net/channel.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/wire/proxy_header.h"

// Limits per client that all workers share: above net/, reached through the worker's walk hooks.
enum stream_verdict { STREAM_ADMITTED, STREAM_RESTRICTED, STREAM_REFUSED };
struct stream_guard {
  // A connection was accepted; unless refused, closed() will be called for it once.
  enum stream_verdict (*opened)(const struct address *client, const struct settings *, uint32_t now_s);
  void (*closed)(const struct address *client, const struct settings *);
  void (*too_many_reads)(const struct address *client, const struct settings *, uint32_t now_s); // bans
};

struct stream {
  struct channel channel; // first: its callbacks cast
  struct stream_set *set; // NULL once closed
  struct stream *next, **link;
  struct listener *listener; // one reference
  struct address peer, destination;
  struct proxy_header *proxy; // with a copy of its values; NULL: none came, or a local one
  uint64_t opened_us, active_us; // of the last read, or the end of the last query
  uint64_t queries;
  uint32_t in_flight;
  struct query *full; // zone transfers that wait until the client has read (linked by next)
  void (*resume)(struct query *); // lets one of them go on
  uint32_t reads; // since the last complete query
  bool restricted; // near a limit: one query at a time, short patience
  bool finishing;  // no more queries; ends when the last one has
  bool closing;    // ends when what is queued has been written
  bool gone;       // the channel is done with it
};

// A worker's socket of a listener.
struct stream_listener {
  struct stream_listener *next;
  struct worker *worker;
  struct listener *listener; // one reference
  struct event *event, *retry;
  unsigned budget; // accepts per wake-up
};

struct stream_set {
  struct stream_listener *listeners;
  struct stream *streams;
  struct proxied_stream *proxied; // whose PROXY header is still to come
};

uint64_t stream_connections(const struct listener *); // open now, of all workers
void stream_left(struct worker *, struct listener *, const struct address *peer); // an admitted client is gone: limits forget it
// stream_connection.c. Takes the socket over, if there is memory.
// header: of the PROXY protocol, NULL without.
bool stream_open(struct stream_listener *, int fd, const struct address *peer, bool restricted, const struct proxy_header *);
void stream_finish(struct stream *); // no more queries; ends when those in flight have
void stream_end(struct stream *);    // now
extern const struct reply_route stream_route;

#endif
