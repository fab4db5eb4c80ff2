// SPDX-License-Identifier: BSD-2-Clause
// A worker that runs nothing, and queries on it made from bytes: for tests of rules, policies and rooms.
//
// Owner: the test. Several may be open at once; a query belongs to the fake that made it.
#ifndef TESTS_FAKE_WORKER_H
#define TESTS_FAKE_WORKER_H

#include "dnsproxy/core/query.h"

enum { FAKE_PACKET_CAPACITY = 4096 };

struct fake_worker {
  struct worker *worker;
  struct settings settings; // of the lease that queries get; change at will
  struct lease lease;
};

void fake_worker_open(struct fake_worker *);
void fake_worker_close(struct fake_worker *); // all its queries are freed

// A query as the decode room leaves it: over UDP, from 192.0.2.1:1024 to 198.51.100.1:53. `hex` as in tests/hex.h; it
// must have a question. For an answer, QR set, the facts of the query are those of its question.
struct query *fake_query(struct fake_worker *, const char *hex);
void fake_query_free(struct query **);
// Is the packet, in hex as above, what the query carries now?
bool fake_packet_is(const struct query *, const char *hex);

#endif
