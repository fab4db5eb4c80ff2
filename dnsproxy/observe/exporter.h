// SPDX-License-Identifier: BSD-2-Clause
// From workers to a thread that may wait: what telemetry (dnstap, protobuf) stands on.
//
//   observer on worker 0 --> lane 0 --+
//   observer on worker 1 --> lane 1 --+--> thread of the exporter --> take(record), take(record), ..., done()
//
// A *lane* is a ring of bytes with one writer and one reader, so that neither needs a lock: the worker writes a record behind
// its length and moves `head` past it, the exporter reads up to `head` and moves `tail`. Records do not wrap; what is left at
// the end of the ring is skipped. A record that finds no room is lost and counted: a worker never waits and never allocates.
// The two ends are on cache lines of their own, and the worker looks at the reader's end only when its last look at it says
// that the lane is full.
//
// Life: exporter_new() starts the thread, observers put records (exporter_put(), or exporter_reserve() and
// exporter_commit() to write one in place), exporter_free() takes what is left for a bounded time and ends the thread.
//
// Owner: whoever made it. Threads: each lane is put into by one thread at a time (the worker of that number); take() and
// done() run on the exporter's thread; counts may be read by anybody.
#ifndef DNSPROXY_OBSERVE_EXPORTER_H
#define DNSPROXY_OBSERVE_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exporter;

struct exporter_options {
  const char *name; // of the thread, at most 15 characters
  unsigned lanes;   // writers
  size_t lane_size; // bytes per lane, a power of two from 4096 on
  void (*take)(void *arg, unsigned lane, const uint8_t *record, size_t size);
  void (*done)(void *arg); // nothing more is there at present: time to send what was taken. NULL: not needed
  void *arg;
};

struct exporter *exporter_new(const struct exporter_options *);
void exporter_free(struct exporter **, unsigned wait_ms); // writers have ended; what is not taken in time is lost

// Room for a record of up to `size` bytes; NULL: none, it is lost and counted. Nothing is there for the reader before the
// commit; size of that: what was written. One at a time per lane.
uint8_t *exporter_reserve(struct exporter *, unsigned lane, size_t size);
void exporter_commit(struct exporter *, unsigned lane, size_t size);
bool exporter_put(struct exporter *, unsigned lane, const void *record, size_t size);

uint64_t exporter_lost(const struct exporter *);
uint64_t exporter_taken(const struct exporter *);

#endif
