// SPDX-License-Identifier: BSD-2-Clause
// The scripted DNS server of tests: it echoes the question, and lies as it is told.
#include "tests/dns_responder.h"

#include <assert.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Bytes in front of the DNS message: a PROXY v2 header without addresses, or none.
static size_t
proxy_size(const uint8_t *query, size_t size)
{
  return size >= 16 && memcmp(query, "\r\n\r\n\0\r\nQUIT\n", 12) == 0 ? 16 : 0;
}

static void
remember(struct responder *r, const uint8_t *query, size_t size, const struct sockaddr_in *from)
{
  pthread_mutex_lock(&r->lock);
  if (from != NULL)
    r->last_from = *from;
  r->last_size = size < sizeof r->last ? size : sizeof r->last;
  memcpy(r->last, query, r->last_size);
  pthread_mutex_unlock(&r->lock);
}

size_t
responder_last(struct responder *r, uint8_t *out, size_t size)
{
  pthread_mutex_lock(&r->lock);
  size_t n = r->last_size < size ? r->last_size : size;
  memcpy(out, r->last, n);
  pthread_mutex_unlock(&r->lock);
  return n;
}

// The message has room for them: RESPONDER_MESSAGE bytes.
static size_t
add_records(uint8_t *m, size_t size)
{
  static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
  m[7] = RESPONDER_RECORDS;
  m[10] = m[11] = 0;
  for (unsigned i = 0; i < RESPONDER_RECORDS && size + sizeof record <= RESPONDER_MESSAGE; i++) {
    memcpy(m + size, record, sizeof record);
    size += sizeof record;
  }
  return size;
}

// Makes the answer of the query in place and returns its size, 0 for none.
static size_t
make_answer(uint8_t *m, size_t size, enum responder_mood mood)
{
  m[2] |= 0x80;
  switch (mood) {
  case RESPOND_SERVFAIL:
    m[3] = 2;
    break;
  case RESPOND_NXDOMAIN:
    m[3] = 3;
    break;
  case RESPOND_REFUSED:
    m[3] = 5;
    break;
  case RESPOND_WRONG_ID:
    m[0] ^= 0x55;
    break;
  case RESPOND_NO_QR:
    m[2] &= 0x7f;
    break;
  case RESPOND_OTHER_NAME:
    m[13] ^= 1; // first letter of the first label
    break;
  case RESPOND_SHORT:
    return 11;
  case RESPOND_SILENCE:
  case RESPOND_CLOSE:
    return 0;
  case RESPOND_BIG:
    return add_records(m, size);
  case RESPOND_NOERROR:
  case RESPOND_PIECES:
  case RESPOND_LIES:
    break;
  }
  return size;
}

static void
answer_udp(struct responder *r, const uint8_t *query, size_t size, const struct sockaddr_in *to, enum responder_mood mood)
{
  uint8_t m[RESPONDER_MESSAGE];
  memcpy(m, query, size);
  size = make_answer(m, size, mood);
  if (size > 0)
    (void)!sendto(r->udp, m, size, 0, (const struct sockaddr *)to, sizeof *to);
}

void
responder_release(struct responder *r)
{
  pthread_mutex_lock(&r->lock);
  answer_udp(r, r->last, r->last_size, &r->last_from, RESPOND_NOERROR);
  pthread_mutex_unlock(&r->lock);
}

static void
serve_udp(struct responder *r)
{
  static const enum responder_mood lies[] = {RESPOND_WRONG_ID, RESPOND_NO_QR, RESPOND_OTHER_NAME, RESPOND_SHORT};
  uint8_t m[600];
  struct sockaddr_in from;
  socklen_t from_size = sizeof from;
  ssize_t n = recvfrom(r->udp, m, sizeof m, 0, (struct sockaddr *)&from, &from_size);
  if (n < 12)
    return;
  remember(r, m, (size_t)n, &from);
  r->udp_queries++;
  size_t skip = proxy_size(m, (size_t)n), size = (size_t)n - skip;
  enum responder_mood mood = (enum responder_mood)r->mood;
  for (unsigned i = 0; mood == RESPOND_LIES && i < sizeof lies / sizeof *lies; i++)
    answer_udp(r, m + skip, size, &from, lies[i]);
  answer_udp(r, m + skip, size, &from, mood);
}

static bool
read_exactly(int fd, uint8_t *out, size_t size)
{
  while (size > 0) {
    ssize_t n = read(fd, out, size);
    if (n <= 0)
      return false;
    out += n;
    size -= (size_t)n;
  }
  return true;
}

// Reads one query, header and all: its size, 0 when there was none.
static size_t
read_query(struct responder *r, int fd, uint8_t *m, size_t room)
{
  uint8_t start[16];
  size_t proxy = 0;
  if (!read_exactly(fd, start, 2))
    return 0;
  if (start[0] == '\r') {
    if (!read_exactly(fd, start + 2, 14))
      return 0;
    proxy = 16;
    memcpy(m, start, proxy);
    if (!read_exactly(fd, start, 2))
      return 0;
  }
  size_t size = (size_t)(start[0] << 8 | start[1]);
  if (proxy + size > room || !read_exactly(fd, m + proxy, size))
    return 0;
  remember(r, m, proxy + size, NULL);
  memmove(m, m + proxy, size);
  return size;
}

// One query per connection; a silent one is held open until the client goes.
static void
serve_tcp(struct responder *r)
{
  uint8_t m[2 + RESPONDER_MESSAGE];
  int fd = accept(r->tcp, NULL, NULL);
  if (fd < 0)
    return;
  size_t size = read_query(r, fd, m + 2, sizeof r->last);
  if (size >= 12) {
    enum responder_mood mood = (enum responder_mood)r->mood;
    r->tcp_queries++;
    size = make_answer(m + 2, size, mood);
    m[0] = (uint8_t)(size >> 8);
    m[1] = (uint8_t)size;
    size_t step = mood == RESPOND_PIECES ? 1 : size + 2;
    for (size_t at = 0; size > 0 && at < size + 2; at += step)
      (void)!send(fd, m + at, step, MSG_NOSIGNAL);
    if (mood == RESPOND_SILENCE)
      (void)!read(fd, m, 1);
  }
  close(fd);
}

static void *
serve(void *arg)
{
  struct responder *r = arg;
  for (;;) {
    struct pollfd fds[] = {{.fd = r->udp, .events = POLLIN}, {.fd = r->tcp, .events = POLLIN}, {.fd = r->stop[0], .events = POLLIN}};
    if (poll(fds, 3, -1) < 0 || fds[2].revents)
      return NULL;
    if (fds[0].revents)
      serve_udp(r);
    if (fds[1].revents)
      serve_tcp(r);
  }
}

// False: the port of the UDP socket is taken on TCP.
static bool
bind_both(struct responder *r)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  r->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  r->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int error = bind(r->udp, (struct sockaddr *)&at, sizeof at);
  assert(error == 0);
  getsockname(r->udp, (struct sockaddr *)&at, &size);
  r->port = ntohs(at.sin_port);
  if (bind(r->tcp, (struct sockaddr *)&at, sizeof at) == 0 && listen(r->tcp, 8) == 0)
    return true;
  close(r->udp);
  close(r->tcp);
  return false;
}

void
responder_open(struct responder *r, enum responder_mood mood)
{
  memset(r, 0, sizeof *r);
  r->mood = (int)mood;
  pthread_mutex_init(&r->lock, NULL);
  while (!bind_both(r))
    ;
  int error = pipe(r->stop);
  assert(error == 0);
  error = pthread_create(&r->thread, NULL, serve, r);
  assert(error == 0);
}

void
responder_close(struct responder *r)
{
  close(r->stop[1]);
  pthread_join(r->thread, NULL);
  close(r->stop[0]);
  close(r->udp);
  close(r->tcp);
  pthread_mutex_destroy(&r->lock);
}
