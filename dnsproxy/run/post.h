// SPDX-License-Identifier: BSD-2-Clause
// Work given to the thread that runs an event loop: control's and the keeper's (workers have worker_post(), core/worker).
//
//   any thread: post_to(base, run, arg) --> the loop's thread: run(arg), soon, once
//
// It is an event that is due at once, which libevent lets other threads add. Nobody waits for it; what an answer needs, the
// work brings along in `arg`. At the end, when the loop's thread has gone, post_rest() does what was posted and not yet
// done, so that nothing that owns memory is lost. Any thread.
#ifndef DNSPROXY_RUN_POST_H
#define DNSPROXY_RUN_POST_H

#include <event2/event.h>

// Runs a function on the loop's thread soon.
void post_to(struct event_base *, void (*run)(void *arg), void *arg);
// Does what was posted and not yet done. Its thread has ended, and so have the loop's other events.
void post_rest(struct event_base *);

#endif
