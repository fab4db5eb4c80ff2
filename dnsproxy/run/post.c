// SPDX-License-Identifier: BSD-2-Clause
// Work given to the thread that runs an event loop.
#include "dnsproxy/run/post.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>

struct work {
  void (*run)(void *);
  void *arg;
};

static void
post_on_post(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct work work = *(struct work *)arg;
  free(arg);
  work.run(work.arg);
}

void
post_to(struct event_base *base, void (*run)(void *), void *arg)
{
  struct work *work = memory_new(sizeof *work);
  *work = (struct work){.run = run, .arg = arg};
  event_base_once(base, -1, EV_TIMEOUT, post_on_post, work, &(struct timeval){0});
}

void
post_rest(struct event_base *base)
{
  event_base_loop(base, EVLOOP_NONBLOCK);
}
