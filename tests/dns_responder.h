// SPDX-License-Identifier: BSD-2-Clause
// A scripted DNS server on 127.0.0.1, UDP and TCP on the same port, in a thread of its own.
#ifndef TESTS_DNS_RESPONDER_H
#define TESTS_DNS_RESPONDER_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum responder_mood {
  RESPOND_NOERROR,
  RESPOND_SILENCE,
  RESPOND_SERVFAIL,
  RESPOND_NXDOMAIN,
  RESPOND_REFUSED,
  RESPOND_WRONG_ID,
  RESPOND_NO_QR,
  RESPOND_OTHER_NAME,
  RESPOND_SHORT,
  RESPOND_CLOSE,  // TCP: after the query; UDP: as silence
  RESPOND_PIECES, // TCP: byte by byte
  RESPOND_LIES,   // UDP: another id, no QR, another name, too short; then the truth
  RESPOND_BIG,    // RESPONDER_RECORDS address records
};

enum { RESPONDER_RECORDS = 60, RESPONDER_MESSAGE = 2048 };

struct responder {
  pthread_t thread;
  int udp, tcp, stop[2];
  uint16_t port;
  _Atomic int mood;
  _Atomic unsigned udp_queries, tcp_queries;
  pthread_mutex_t lock;
  uint8_t last[600]; // the newest query as it came, without the length of TCP
  size_t last_size;
  struct sockaddr_in last_from; // who sent it, over UDP
};

void responder_open(struct responder *, enum responder_mood);
void responder_close(struct responder *);
size_t responder_last(struct responder *, uint8_t *out, size_t size); // copies the newest query
void responder_release(struct responder *); // answers the newest UDP query, truthfully

#endif
