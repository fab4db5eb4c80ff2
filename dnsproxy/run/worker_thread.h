// SPDX-License-Identifier: BSD-2-Clause
// The threads of workers: start, drain, end.
//
//   make --> start: event loops run --> serve(services), serve(proxy): sockets of listeners --> drain: no new queries;
//   each ends when nothing is parked --> join --> free
//
// A worker is made whole before it runs, its rooms included (rings, slabs, sockets to come), so that no thread ever sees
// half of one. Draining is asked for by a post to each; one that still waits for answers when time is over is stopped, and
// what is in flight is dropped and counted. How many there are is --workers, the configuration, or the CPUs that affinity
// and the cgroup's quota allow.
//
// Main thread; the keeper may ask for the drain.
#ifndef DNSPROXY_RUN_WORKER_THREAD_H
#define DNSPROXY_RUN_WORKER_THREAD_H

#include "dnsproxy/core/worker.h"

// One per CPU that affinity and the cgroup's quota allow.
unsigned worker_threads_default(void);
// Makes the workers, with their event bases and rooms, not yet running.
void worker_threads_make(unsigned count);
// Lets them run, without any socket yet.
void worker_threads_start(void);
// Each worker starts serving its sockets of these listeners. services: of scripted services only, or of the proxy only.
void worker_threads_serve(bool services);
// No new queries; each ends when nothing is parked. Any thread.
void worker_threads_drain(void);
// End now: what is in flight is dropped and counted. Any thread.
void worker_threads_stop(void);
void worker_threads_join(void); // waits until all have ended
void worker_threads_free(void);

#endif
