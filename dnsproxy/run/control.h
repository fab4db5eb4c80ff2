// SPDX-License-Identifier: BSD-2-Clause
// The control thread: console connections, maintenance() once a second, cleaning of caches.
//
//   event loop: the console's sockets (console/server)
//               every second: maintenance(), expired entries, memory ahead, neighbours that somebody wants, reaping
//               posts
//
// Whatever takes its time and is not for a query is done here: chains and dynamic blocks that snapshots have given up are
// freed bit by bit, memory of caches is touched before it is needed. Takes the Lua lock as needed, and so waits when a
// script takes long; the keeper does not.
//
// Life: opened by the main thread before privileges are dropped (the console binds then), started when workers run, ended by
// control_stop() from the keeper. Any thread may give it work (control_post()).
#ifndef DNSPROXY_RUN_CONTROL_H
#define DNSPROXY_RUN_CONTROL_H

#include <event2/event.h>

struct event_base *control_base(void);
void control_open(void);  // makes the base; main thread
void control_start(void); // starts the thread
void control_stop(void);  // any thread: ends the loop
void control_join(void);
void control_close(void);
// Runs a function on the control thread soon. Any thread.
void control_post(void (*run)(void *arg), void *arg);

#endif
