// SPDX-License-Identifier: BSD-2-Clause
// The keeper thread: signals, health checks, service-manager notices.
//
//   SIGTERM, SIGINT --signalfd--> workers drain --> all ended, or 2.7 s: stop --> 3 s: the process ends, whatever hangs
//   checks --> backends/health on the keeper's event loop
//   READY=1, STOPPING=1 --> the service manager
//
// It never runs Lua and never takes its lock, so that a forced exit never waits for a script: functions of checks are run on
// the control thread and answer by a post. Signals are blocked in all threads and read from a descriptor: no handler runs
// anywhere. While the main thread still starts up, a watcher answers them.
//
// Life: opened before threads start; stopped last, because it sees to it that the others end.
#ifndef DNSPROXY_RUN_KEEPER_H
#define DNSPROXY_RUN_KEEPER_H

#include <event2/event.h>
#include <stdbool.h>

struct event_base *keeper_base(void);
// Makes the base: health's initial round runs on it before the thread starts. Main thread.
void keeper_open(void);
// From here on only the keeper listens to SIGTERM and SIGINT: threads made later inherit the caller's mask.
// Those that change nothing wait until the keeper can tell so, from before the configuration is read. Main thread.
void keeper_hold_signals(void);
void keeper_take_signals(void);
// Around the initial round: whether a signal breaks it off (the process then ends as soon as the thread runs), and a
// second one, or a round that cannot be broken off, ends the process.
void keeper_watch(bool on);
// Starts the thread. on_leave is called once, on the keeper, when the process was asked to end.
void keeper_start(void (*on_leave)(void));
// As if SIGTERM had come: shutdown() of the console, end of the interactive console. Any thread.
void keeper_ask_to_leave(void);
// Runs a function on the keeper thread soon. Any thread.
void keeper_post(void (*run)(void *arg), void *arg);
void keeper_stop(void);  // ends the thread; what it ran on the base can then be closed
void keeper_close(void); // and frees the base
void notify_manager(const char *state); // "READY=1"; nothing without NOTIFY_SOCKET

#endif
