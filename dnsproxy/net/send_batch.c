// SPDX-License-Identifier: BSD-2-Clause
// Grouping datagrams into messages, and sending those.
#include "dnsproxy/net/send_batch.h"

#include "dnsproxy/base/random.h"

#include <errno.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <string.h>

enum {
  SEGMENTED_BYTES_MAX = 60000, // of one message: the kernel takes a little under 64 KiB
  SEGMENT_MAX = 1232,        // larger ones may not fit the path, and a client must not bar itself by asking for them
  BARRED_TURNS = 256,
};

// ---- what is known of destinations ----

static uint64_t barred_seed;

static void
send_batch_send_paths_draw_seed(void)
{
  random_bytes(&barred_seed, sizeof barred_seed);
}

void
send_paths_init(struct send_paths *p, int fd)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  int size;
  socklen_t length = sizeof size;
  pthread_once(&once, send_batch_send_paths_draw_seed);
  memset(p, 0, sizeof *p);
  p->unsupported = getsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, &length) != 0;
}

static uint64_t
send_batch_send_path_tag(const struct address *to)
{
  return to == NULL ? 1 : address_hash(to, barred_seed) | 1;
}

static bool
send_batch_send_path_takes_segments(struct send_paths *p, const struct address *to)
{
  if (p->unsupported)
    return false;
  if (p->barred_count == 0)
    return true;
  uint64_t tag = send_batch_send_path_tag(to);
  unsigned at = (unsigned)(tag >> 1) % SEND_BARRED;
  if (p->barred[at].tag != tag)
    return true;
  if (--p->barred[at].turns == 0) {
    p->barred[at].tag = 0;
    p->barred_count--;
  }
  return false;
}

static void
send_batch_send_path_bar(struct send_paths *p, const struct address *to)
{
  uint64_t tag = send_batch_send_path_tag(to);
  unsigned at = (unsigned)(tag >> 1) % SEND_BARRED;
  p->barred_count += p->barred[at].tag == 0;
  p->barred[at].tag = tag;
  p->barred[at].turns = BARRED_TURNS;
}

// ---- grouping ----

static bool
send_batch_same_destination(const struct send_item *a, const struct send_item *b)
{
  if (a->data.iov_len != b->data.iov_len || a->control_size != b->control_size)
    return false;
  if (a->to != b->to && !address_equal(a->to, b->to))
    return false;
  return memcmp(a->control, b->control, a->control_size) == 0;
}

// A new message that begins with this item's part.
static void
send_batch_begin_message(struct send_batch *b, unsigned item, unsigned part)
{
  struct send_item *i = &b->items[item];
  unsigned m = b->message_count++;
  b->first[m] = (uint8_t)part;
  memcpy(b->control[m], i->control, i->control_size);
  b->messages[m].msg_hdr = (struct msghdr){
      .msg_name = (void *)i->to,
      .msg_namelen = i->to != NULL ? address_size(i->to) : 0,
      .msg_iov = &b->parts[part],
      .msg_control = i->control_size > 0 ? b->control[m] : NULL,
      .msg_controllen = i->control_size,
  };
}

// Tells the kernel where to cut.
static void
send_batch_say_segment_size(struct send_batch *b, unsigned m, size_t size)
{
  struct msghdr *h = &b->messages[m].msg_hdr;
  struct cmsghdr *c = (struct cmsghdr *)(void *)(b->control[m] + h->msg_controllen);
  uint16_t segment = (uint16_t)size;
  *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof segment), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
  memcpy(CMSG_DATA(c), &segment, sizeof segment);
  h->msg_control = b->control[m];
  h->msg_controllen += CMSG_SPACE(sizeof segment);
}

static void
send_batch_group(struct send_batch *b, struct send_paths *paths)
{
  bool taken[SEND_BATCH_MAX] = {false};
  unsigned part = 0;
  b->message_count = 0;
  for (unsigned i = 0; i < b->count; i++) {
    if (taken[i])
      continue;
    unsigned m = b->message_count;
    size_t size = b->items[i].data.iov_len, total = 0;
    send_batch_begin_message(b, i, part);
    bool alone = size > SEGMENT_MAX || i + 1 == b->count || !send_batch_send_path_takes_segments(paths, b->items[i].to);
    for (unsigned k = i; k < b->count && (k == i || total + size <= SEGMENTED_BYTES_MAX); k++) {
      if (k != i && (taken[k] || !send_batch_same_destination(&b->items[i], &b->items[k])))
        continue;
      taken[k] = true;
      total += size;
      b->order[part] = (uint8_t)k;
      b->parts[part++] = b->items[k].data;
      if (alone)
        break;
    }
    b->messages[m].msg_hdr.msg_iovlen = part - b->first[m];
    if (b->messages[m].msg_hdr.msg_iovlen > 1)
      send_batch_say_segment_size(b, m, size);
  }
}

static bool
send_batch_cannot_segment(int error)
{
  return error == EINVAL || error == EIO || error == EMSGSIZE || error == EOPNOTSUPP;
}

// One datagram by itself; 0, or the errno of its failure.
static int
send_batch_send_one(struct send_batch *b, unsigned item, int fd)
{
  struct send_item *i = &b->items[item];
  struct msghdr h = {
      .msg_name = (void *)i->to,
      .msg_namelen = i->to != NULL ? address_size(i->to) : 0,
      .msg_iov = &i->data,
      .msg_iovlen = 1,
      .msg_control = i->control_size > 0 ? i->control : NULL,
      .msg_controllen = i->control_size,
  };
  while (sendmsg(fd, &h, MSG_DONTWAIT) < 0)
    if (errno != EINTR)
      return errno;
  return 0;
}

// The parts of message `m`, one by one. If some of them go, it is the segments that this destination's route cannot take.
static void
send_batch_send_singly(struct send_batch *b, unsigned m, int fd, struct send_paths *paths, send_failed_fn failed, void *arg)
{
  size_t parts = b->messages[m].msg_hdr.msg_iovlen;
  bool barred = false;
  for (size_t i = 0; i < parts; i++) {
    unsigned item = b->order[b->first[m] + i];
    int error = send_batch_send_one(b, item, fd);
    if (error != 0) {
      failed(item, error, arg); // and what the item pointed to may be gone
    } else if (!barred) {
      send_batch_send_path_bar(paths, b->items[item].to);
      barred = true;
    }
  }
}

// May the message that failed with this error be tried again as it is?
static bool
send_batch_try_again(int error, bool *refused_before)
{
  if (error == EINTR)
    return true;
  // On a connected socket a refusal is of an earlier datagram (ICMP): this one has not been tried.
  if (error == ECONNREFUSED && !*refused_before) {
    *refused_before = true;
    return true;
  }
  return false;
}

void
send_batch_flush(struct send_batch *b, int fd, struct send_paths *paths, send_failed_fn failed, void *arg)
{
  unsigned sent = 0;
  bool refused_before = false;
  send_batch_group(b, paths);
  while (sent < b->message_count) {
    int n = sendmmsg(fd, b->messages + sent, b->message_count - sent, MSG_DONTWAIT);
    if (n > 0) {
      sent += (unsigned)n;
      refused_before = false;
      continue;
    }
    int error = errno;
    size_t parts = b->messages[sent].msg_hdr.msg_iovlen;
    if (send_batch_try_again(error, &refused_before))
      continue;
    if (parts > 1 && send_batch_cannot_segment(error))
      send_batch_send_singly(b, sent, fd, paths, failed, arg);
    else
      for (size_t i = 0; i < parts; i++)
        failed(b->order[b->first[sent] + i], error, arg);
    sent++;
    refused_before = false;
  }
  b->count = 0;
}
