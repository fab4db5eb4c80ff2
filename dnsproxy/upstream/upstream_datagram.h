// SPDX-License-Identifier: BSD-2-Clause
// One worker's UDP sockets to one backend.
//
//   send: queue per socket --flush, once per batch--> kernel
//   receive: recvmmsg --> id --> in_flight --> answer_matches()? --> walk
//
// Sockets are connected, so that the kernel refuses answers from strangers, reports unreachable ports, and hands each answer
// to the worker that asked. A backend may have several sockets per worker, used in turn. A socket that breaks (its address
// has gone, the route has moved) is replaced by one with a new source address and port; the old one is kept until what is in
// flight there has been answered or is over.
//
// A tick of 50 ms, armed while something is in flight, finds what has waited too long. Datagrams that the kernel threw away
// because the receive buffer was full are laid to queries that time out meanwhile, and are not held against the backend.
//
// Internal to upstream/. Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_DATAGRAM_H
#define DNSPROXY_UPSTREAM_UPSTREAM_DATAGRAM_H

#include "dnsproxy/net/send_batch.h"
#include "dnsproxy/upstream/in_flight.h"
#include "dnsproxy/upstream/upstream.h"

#include <sys/uio.h>

enum { UPSTREAM_BATCH = 64, UPSTREAM_BUFFER = 4608, UPSTREAM_RECEIVE = 4480 };

struct upstream_socket {
  struct upstream *upstream;
  int fd; // -1: not open
  struct send_paths paths;
  struct event *event;
  int former_fd; // -1: none; the one before, whose last answers may still come
  struct event *former_event;
  uint64_t opened_us, heard_us; // when it was opened; when the last answers came
  uint32_t lost, lost_uncharged; // datagrams that the kernel threw away, as of the last look; not yet laid to a query
  struct in_flight table;
  // Queued for the next flush.
  struct query *pending[UPSTREAM_BATCH];
  unsigned pending_count;
  struct upstream_socket *next_pending; // list of sockets with something queued
  bool is_pending;
};

struct upstream {
  struct backend *backend; // one reference
  struct worker *worker;
  struct upstream *next; // of the worker
  uint32_t opened_generation; // backend->generation when the sockets were opened (reconnectOnUp)
  unsigned socket_count, turn;
  struct upstream_socket sockets[];
};

// What a worker keeps for all its backends.
struct upstream_set {
  struct upstream *list;
  struct upstream_socket *pending;
  struct event *tick; // time-outs; armed while something is in flight
  bool ticking;
  struct send_batch out;
  struct mmsghdr messages[UPSTREAM_BATCH]; // for receiving
  struct iovec parts[UPSTREAM_BATCH];
  uint8_t buffers[UPSTREAM_BATCH][UPSTREAM_BUFFER];
};

void upstream_datagram_open(struct worker *);
void upstream_datagram_flush(struct worker *);
void upstream_datagram_retired(struct worker *);
void upstream_datagram_close(struct worker *);

#endif
