// SPDX-License-Identifier: BSD-2-Clause
// The control thread: console connections, maintenance() once a second, cleaning of caches. Takes the Lua lock as needed.
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
