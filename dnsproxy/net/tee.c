// SPDX-License-Identifier: BSD-2-Clause
// Sockets for copies of queries, one for each worker and tee.
#include "dnsproxy/net/tee.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 32, LOOK_S = 2 }; // seconds between looks whether the tee is retired

struct tee_socket {
  struct tee_socket *next; // of the worker
  struct tee *tee;         // one reference
  int fd;
  struct event *event;
};

const char *const tee_figure_names[TEE_FIGURES] = {
    "noerrors", "nxdomains", "other-rcode", "queries", "recv-errors", "refuseds", "responses",
    "send-errors", "servfails", "tcp-drops"};

static void
tee_free(struct object *o)
{
  free(o);
}

static const struct object_class tee_class = {.name = "Tee", .free = tee_free};

struct tee *
tee_new(const struct address *remote, const struct address *local)
{
  struct tee *t = memory_new(sizeof *t);
  object_init(&t->object, &tee_class);
  t->remote = *remote;
  t->local = *local;
  return t;
}

void
tee_retire(struct tee **slot)
{
  atomic_store(&(*slot)->retired, true);
  object_unref(slot);
}

static void
tee_socket_close(struct worker *w, struct tee_socket *s)
{
  struct tee_socket **at = &w->tees;
  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  event_free(s->event);
  close(s->fd);
  object_unref(&s->tee);
  free(s);
}

void
tees_close(struct worker *w)
{
  while (w->tees != NULL)
    tee_socket_close(w, w->tees);
}

static void
tee_count_answer(struct tee *t, const uint8_t *header, size_t size)
{
  if (size < HEADER_SIZE) {
    tee_count(t, TEE_RECV_ERRORS);
    return;
  }
  unsigned rcode = message_rcode(header);
  tee_count(t, TEE_RESPONSES);
  tee_count(t, rcode == RCODE_NOERROR    ? TEE_NOERRORS
               : rcode == RCODE_SERVFAIL ? TEE_SERVFAILS
               : rcode == RCODE_NXDOMAIN ? TEE_NXDOMAINS
               : rcode == RCODE_REFUSED  ? TEE_REFUSEDS
                                         : TEE_OTHER_RCODE);
}

// Of answers the header is enough. More than a batch waits for the next turn of the loop.
static void
tee_receive(struct tee_socket *s)
{
  uint8_t headers[BATCH][HEADER_SIZE];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (unsigned i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){.iov_base = headers[i], .iov_len = HEADER_SIZE};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int count = recvmmsg(s->fd, messages, BATCH, MSG_DONTWAIT, NULL);
  if (count < 0 && errno != EAGAIN && errno != EINTR)
    tee_count(s->tee, TEE_RECV_ERRORS);
  for (int i = 0; i < count; i++)
    tee_count_answer(s->tee, headers[i], messages[i].msg_len);
}

static void
tee_on_socket(evutil_socket_t fd, short what, void *arg)
{
  struct tee_socket *s = arg;
  (void)fd;
  if (what & EV_READ)
    tee_receive(s);
  if (atomic_load_explicit(&s->tee->retired, memory_order_relaxed))
    tee_socket_close(worker_current(), s);
}

static int
tee_open_descriptor(const struct tee *t)
{
  int fd = socket(t->remote.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if ((!address_is_set(&t->local) || bind(fd, &t->local.sa, address_size(&t->local)) == 0) &&
      connect(fd, &t->remote.sa, address_size(&t->remote)) == 0)
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static struct tee_socket *
tee_socket_open(struct worker *w, struct tee *t)
{
  struct timeval look = {.tv_sec = LOOK_S};
  int fd = tee_open_descriptor(t);
  if (fd < 0) {
    char remote[ADDRESS_TEXT_SIZE];
    if (!atomic_exchange(&t->told, true))
      log_error("tee", "Copies of queries cannot be sent to %s: %s", address_text_with_port(&t->remote, remote), strerror(errno));
    return NULL;
  }
  struct tee_socket *s = memory_new(sizeof *s);
  s->fd = fd;
  s->tee = object_ref(t);
  s->event = event_new(w->base, fd, EV_READ | EV_PERSIST, tee_on_socket, s);
  if (s->event == NULL)
    memory_exhausted();
  s->next = w->tees;
  w->tees = s;
  if (event_add(s->event, &look) == 0)
    return s;
  tee_socket_close(w, s); // nobody would hear its answers, nor close it
  return NULL;
}

void
tee_send(struct worker *w, struct tee *t, const void *packet, size_t size)
{
  struct tee_socket *s = w->tees;
  while (s != NULL && s->tee != t)
    s = s->next;
  tee_count(t, TEE_QUERIES);
  if (s == NULL)
    s = tee_socket_open(w, t);
  // An error that came back from an earlier copy is told once by the kernel; it says nothing about this one.
  if (s == NULL || (send(s->fd, packet, size, 0) < 0 && (errno != ECONNREFUSED || send(s->fd, packet, size, 0) < 0)))
    tee_count(t, TEE_SEND_ERRORS);
}
