// SPDX-License-Identifier: BSD-2-Clause
// Client connections that carry DNS messages with their lengths, as one worker keeps them (semantics.md sections 2, 7, 13).
//
//   accept -> admitted? -> [PROXY header] -> messages -> queries, which walk at once -> answers -> the end
//
// Each complete message becomes a query with a packet of its own (query_own_packet()). reply() and dropped() of its route end its
// time on the connection; the structure outlives the socket until the last of its queries has ended. ANSWERS_SENT and the
// listener's queries and responses are counted by the walk; an answer for a client that has left is taken out again and becomes
// DROP_CLIENT_GONE.
//
// What a client may make us hold is bounded: no more is read while its answers wait to be read by it, or while those that are to
// come, at the size of those before, would. How many clients there may be is bounded by the descriptors of the process, of which
// a reserve is left for backends, checks and the console.
//
// The end of a query is not the end of its connection. What becomes of one when a query got no answer is decided in one
// function, stream_after_drop(). Thread: the worker.
#ifndef DNSPROXY_NET_STREAM_H
#define DNSPROXY_NET_STREAM_H

#include "dnsproxy/net/connection.h"
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
  struct connection connection; // first: its callbacks cast
  struct worker *worker;
  struct stream_set *set; // NULL once it has left
  struct stream *next, **link;
  struct listener *listener; // one reference
  struct address peer, destination;
  struct proxy_header *proxy; // with a copy of its values; NULL: none came, or a local one
  uint64_t opened_us, active_us; // of the last read, or the end of the last query
  uint64_t queries;
  uint32_t in_flight;
  uint32_t answer_size; // what its answers are like, on the average
  struct query *full; // zone transfers that wait until the client has read (linked by next)
  void (*resume)(struct query *); // lets one of them go on
  uint32_t reads; // since the last complete query
  bool restricted : 1; // near a limit: one query at a time, short patience
  bool begun : 1;      // false: its PROXY header is still to come
  bool finishing : 1;  // no more queries; ends when the last one has
  bool gone : 1;       // the connection is done with it
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
};

uint64_t stream_connections(const struct listener *); // open now, of all workers
// Of the proxy's clients: have all of them got what there is for them? On the way out.
bool streams_drained(const struct worker *);
extern const struct reply_route stream_route;

#endif
