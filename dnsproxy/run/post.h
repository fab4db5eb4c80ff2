// SPDX-License-Identifier: BSD-2-Clause
// Work given to the thread that runs an event loop. Any thread.
#ifndef DNSPROXY_RUN_POST_H
#define DNSPROXY_RUN_POST_H

#include <event2/event.h>

// Runs a function on the loop's thread soon.
void post_to(struct event_base *, void (*run)(void *arg), void *arg);
// Does what was posted and not yet done. Its thread has ended, and so have the loop's other events.
void post_rest(struct event_base *);

#endif
