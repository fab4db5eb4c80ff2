// SPDX-License-Identifier: BSD-2-Clause
// A worker with its loop, a TCP listener and a backend, for tests that talk to net/stream and upstream/upstream_stream over
// real sockets. The walk is the test's: it answers a query itself or sends it to the backend, as the name's first label says.
#ifndef DNSPROXY_TESTS_STREAM_WORLD_H
#define DNSPROXY_TESTS_STREAM_WORLD_H

#include "dnsproxy/net/listener.h"
#include "dnsproxy/upstream/upstream.h"

enum { WORLD_MESSAGE = 64, WORLD_PEERS = 16 };

struct world {
  struct worker *worker;
  struct lease lease;
  struct settings settings;
  struct listener *listener;
  struct backend *backend;
  struct backend_options options;
  int backend_fd;                // the backend's listening socket
  struct query *held[WORLD_PEERS]; // first label "hold": kept until the test replies
  unsigned held_count;
  unsigned queries, answers, failures, last_failure;
  bool closed;                   // stream and upstream are closed already
};

extern struct world world;

void world_open(void);
void world_start(void); // after the test has changed settings, listener and options
void world_close(void);
void world_run(unsigned ms);                       // turns the loop for this time
bool world_run_until(bool (*done)(void));          // or until this; false after two seconds

// A query for NAME A with this id, framed; returns its size with the prefix.
size_t world_query(uint8_t *out, uint16_t id, const char *label);
int world_connect(void);                           // a client: blocking, with a read time-out
void world_send(int fd, const void *bytes, size_t size);
void world_ask(int fd, uint16_t id, const char *label);
// Runs the loop until a whole answer arrived: its id, or -1 when the connection ended, -2 when nothing came in time.
int world_read_answer(int fd);
bool world_ended(int fd);                          // the connection ends within a second

// The backend's side: accepts a connection; reads one query (its id, -1 at the end, -2 for none); answers it.
int world_accept(void);
int world_backend_read(int fd, uint8_t *message, size_t *size);
void world_backend_answer(int fd, const uint8_t *query, size_t size);

uint64_t world_count(enum counter);
uint64_t world_drops(enum drop);

#endif
