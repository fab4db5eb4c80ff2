// SPDX-License-Identifier: BSD-2-Clause
// Batches of datagrams to and from clients, as one worker keeps them.
//
//   socket readable --recvmmsg--> up to 64 datagrams in buffers --> queries --walk_hooks.queries()--> they walk
//   answers: datagram_route.reply() --> send_batch, in place of the query --> sent at the end of the batch, or when it is full
//
// Buffers of a received batch are lent to its queries until datagram_flush(): an answer from the cache is written where its
// query was received and sent from there, so that a hit copies no packet and takes no memory. A query that lives longer
// (forwarded, suspended, delayed) copies its packet before that.
//
// The first receive of a wake-up takes few, and after a full one 64: an answer does not wait for company when there is none.
// A few receives per wake-up, then others get their turn. A full send buffer makes nobody wait: answers go into a bounded
// ring of their socket until it is writable, and are dropped and counted when they are too old or too many.
//
// Thread: the worker, for each listener one socket.
#ifndef DNSPROXY_NET_DATAGRAM_H
#define DNSPROXY_NET_DATAGRAM_H

#include "dnsproxy/net/listener.h"
#include "dnsproxy/net/send_batch.h"

enum {
  BATCH_FEW = 16,        // receive this many at first: with few queries in flight, send back at once
  BATCH_MAX = 64,        // ... and this many after a full receive
  BATCH_ROUNDS = 4,      // receives per wake-up before others get their turn
  DATAGRAM_SIZE = 4608,  // of a buffer: what a message in place may grow to
  DATAGRAM_RECEIVE = 4096,
  CONTROL_SIZE = 64,     // IP_PKTINFO or IPV6_PKTINFO
  WAITING_MAX = 256,     // answers that wait for a socket's full send buffer
  WAITING_US = 20000,    // ... this long: it was a burst, or the line is slow and they are lost
};

// One call's worth of received datagrams.
struct datagram_array {
  struct mmsghdr messages[BATCH_MAX];
  struct iovec parts[BATCH_MAX];
  struct address names[BATCH_MAX];
  _Alignas(8) uint8_t control[BATCH_MAX][CONTROL_SIZE];
};

// An answer for which the send buffer had no room; its packet is its own.
struct waiting_answer {
  struct query *query;
  uint64_t until_us;
};

// A client socket of this worker.
struct datagram_socket {
  struct datagram_socket *next;
  struct worker *worker;
  struct listener *listener;
  struct event *event;
  int fd;
  unsigned queries; // that came here and have not ended
  struct send_paths paths;
  struct waiting_answer *waiting; // a ring of WAITING_MAX, from the first one on
  unsigned waiting_first, waiting_count;
  struct event *writable;
  bool stopped;  // closed when those have
  bool wildcard; // bound to no address: the kernel tells where each datagram was sent to
};

struct datagram_batch {
  struct datagram_socket *sockets;
  unsigned few;                    // size of the next first receive
  struct datagram_array in;
  struct send_batch out;
  struct query *replies[BATCH_MAX]; // answers waiting in `out`, all for one socket
  uint64_t until_us[BATCH_MAX];     // ... which are sent at all until then
  struct datagram_socket *out_socket;
  uint8_t buffers[BATCH_MAX][DATAGRAM_SIZE];
};

extern const struct reply_route datagram_route;

#endif
