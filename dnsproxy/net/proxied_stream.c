// SPDX-License-Identifier: BSD-2-Clause
// Reading a PROXY header before a stream begins: exactly its bytes, so that the stream finds its first message.
#include "dnsproxy/net/proxied_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct proxied_stream {
  struct proxied_stream *next, **link;
  struct stream_listener *listener;
  struct event *event;
  int fd;
  struct address peer;
  bool restricted;
  uint64_t until_us; // however slowly it comes
  size_t have, need;
  uint8_t *bytes;
};

// Gives up the structure; the socket is somebody else's by then, or closed.
static void
forget(struct proxied_stream *p)
{
  *p->link = p->next;
  if (p->next != NULL)
    p->next->link = p->link;
  event_free(p->event);
  free(p->bytes);
  free(p);
}

static void
give_up(struct proxied_stream *p)
{
  struct stream_listener *sl = p->listener;
  stream_left(sl->worker, sl->listener, &p->peer);
  counter_add(&sl->listener->counters[sl->worker->id]->tcp_refused, 1);
  close(p->fd);
  forget(p);
}

static void
refuse(struct proxied_stream *p)
{
  count(p->listener->worker, COUNTER_PROXY_PROTOCOL_INVALID);
  give_up(p);
}

// The header is whole.
static void
begin(struct proxied_stream *p, const struct proxy_header *header)
{
  struct stream_listener *sl = p->listener;
  struct worker *w = sl->worker;
  if (!header->local && w->lease->settings->proxy_apply_acl &&
      !listener_walk(sl->listener, w)->admit_stream(w, sl->listener, &header->source)) {
    give_up(p);
    return;
  }
  if (!stream_open(sl, p->fd, &p->peer, p->restricted, header)) {
    give_up(p);
    return;
  }
  forget(p);
}

static void
read_more(struct proxied_stream *p)
{
  struct proxy_header header;
  for (;;) {
    ssize_t got = read(p->fd, p->bytes + p->have, p->need - p->have);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (got <= 0) {
      give_up(p);
      return;
    }
    p->have += (size_t)got;
    enum proxy_parsed parsed =
        proxy_header_parse(p->bytes, p->have, p->listener->worker->lease->settings->proxy_maximum_size, &header);
    if (parsed == PROXY_INVALID) {
      refuse(p);
      return;
    }
    if (parsed == PROXY_COMPLETE) {
      begin(p, &header);
      return;
    }
    if (header.size > p->need) {
      uint8_t *more = realloc(p->bytes, header.size);
      if (more == NULL) {
        give_up(p);
        return;
      }
      p->bytes = more;
      p->need = header.size;
    }
  }
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
  struct proxied_stream *p = arg;
  struct worker *w = p->listener->worker;
  (void)fd;
  worker_begin(w);
  if ((what & EV_TIMEOUT) || w->now_us >= p->until_us) {
    counter_add(&p->listener->listener->counters[w->id]->tcp_client_timeouts, 1);
    give_up(p);
  } else {
    read_more(p);
  }
  worker_end(w);
}

bool
proxied_stream_open(struct stream_listener *sl, int fd, const struct address *peer, bool restricted)
{
  enum { NO_LIMIT_S = 3600 };
  struct proxied_stream *p = calloc(1, sizeof *p);
  uint8_t *bytes = malloc(PROXY_HEADER_FIXED);
  struct event *event = p == NULL ? NULL : event_new(sl->worker->base, fd, EV_READ | EV_PERSIST, on_event, p);
  if (bytes == NULL || event == NULL) {
    if (event != NULL)
      event_free(event);
    free(bytes);
    free(p);
    return false;
  }
  uint32_t wanted_s = sl->worker->lease->settings->tcp_recv_timeout_s, patience_s = wanted_s > 0 ? wanted_s : NO_LIMIT_S;
  struct stream_set *set = sl->worker->streams;
  *p = (struct proxied_stream){.listener = sl, .event = event, .fd = fd, .peer = *peer, .restricted = restricted,
                               .until_us = sl->worker->now_us + (uint64_t)patience_s * 1000000,
                               .need = PROXY_HEADER_FIXED, .bytes = bytes};
  p->link = &set->proxied;
  p->next = set->proxied;
  if (p->next != NULL)
    p->next->link = &p->next;
  set->proxied = p;
  event_add(event, &(struct timeval){.tv_sec = patience_s});
  return true;
}

void
proxied_streams_close(struct worker *w)
{
  while (w->streams->proxied != NULL)
    give_up(w->streams->proxied);
}
