// SPDX-License-Identifier: BSD-2-Clause
// Places that lines go to, and the one thread that writes them, so that nobody else waits for a reader.
//
//   worker, control, keeper, scripts          writer thread
//   log_sink_put() --> [ ring of the sink ] --> write() --> pipe, terminal, file, socket of syslog
//
// A sink has a ring of bytes that any number of threads fill without a lock: a thread reserves room by moving `head`, copies
// its record there and marks it as complete last. The writer takes complete records in the order in which room was
// reserved, and clears what it took, so that a word of zero always means "not complete yet". A full ring loses the record,
// whole, and counts it; the writer tells the number in the log once there is room again. A sink that takes nothing holds up
// no other one: the writer asks poll() before it writes, and writes no more at once than a pipe with room takes.
//
// Life of the process: until log_writer_start() (one thread, start-up, --check-config) a record is written at once, however
// long that takes, so that lines come out in order and completely. Then they are queued. log_writer_stop() waits a bounded
// time for what is queued; after it a record is written if that needs no wait.
//
// Owner: whoever opened it, until log_sink_close(); the rest of its records are still written then. Threads: put from any,
// the others from the one that owns the sink.
#ifndef DNSPROXY_BASE_LOG_SINK_H
#define DNSPROXY_BASE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_sink;

struct log_sink *log_sink_standard(int fd); // STDOUT_FILENO or STDERR_FILENO
// Takes over the descriptor. buffered: written when 4 KiB have come together, or at the end.
struct log_sink *log_sink_open(int fd, const char *name, bool buffered);
// Each record is a datagram to the socket of this path; while nobody listens there, records go nowhere and do not count.
struct log_sink *log_sink_open_datagrams(const char *path);
void log_sink_replace(struct log_sink *, int fd); // what comes from now on goes there; takes over the descriptor
void log_sink_close(struct log_sink **);

// One record, whole or lost and counted. False: lost.
bool log_sink_put(struct log_sink *, const void *bytes, size_t size);
uint64_t log_sink_lost(void); // records of all sinks, since start

// tell: called by the writer, to put a line about lost records of a sink into the log.
void log_writer_start(void (*tell)(const char *sink, uint64_t lost));
void log_writer_stop(unsigned wait_ms);
// Waits until all that is queued is written, or the time is over. Any thread, and signal handlers.
void log_writer_flush(unsigned wait_ms);

#endif
