// SPDX-License-Identifier: BSD-2-Clause
// Sending a batch of datagrams in few system calls and few trips through the IP stack.
//
// Datagrams of equal size to the same peer leave as one message that the kernel cuts up (UDP_SEGMENT); the cost of
// sending is per message. A socket whose path cannot do that says so once and gets single messages from then on.
// Thread: the worker that owns the socket.
#ifndef DNSPROXY_NET_SEND_BATCH_H
#define DNSPROXY_NET_SEND_BATCH_H

#include "dnsproxy/base/address.h"

#include <stddef.h>
#include <sys/uio.h>

enum { SEND_BATCH_MAX = 64, SEND_CONTROL_SIZE = 80 };

struct send_item {
  struct iovec data;
  const struct address *to; // NULL: the socket is connected
  _Alignas(8) uint8_t control[40]; // source of the datagram, as ancillary data
  size_t control_size;      // 0: none
};

struct send_batch {
  struct send_item items[SEND_BATCH_MAX]; // filled by the caller
  unsigned count;
  // Messages made of them.
  struct mmsghdr messages[SEND_BATCH_MAX];
  struct iovec parts[SEND_BATCH_MAX];
  _Alignas(8) uint8_t control[SEND_BATCH_MAX][SEND_CONTROL_SIZE];
  uint8_t order[SEND_BATCH_MAX]; // item of each part
  uint8_t first[SEND_BATCH_MAX]; // part that message begins with
  unsigned message_count;
};

// Sends all items and empties the batch. failed() is called with the number of each item that the kernel refused and the
// errno of it. *segments: may the socket be given messages to cut up? Cleared when it cannot.
typedef void (*send_failed_fn)(unsigned item, int error, void *arg);
void send_batch_flush(struct send_batch *, int fd, bool *segments, send_failed_fn failed, void *arg);

#endif
