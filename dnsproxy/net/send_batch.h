// SPDX-License-Identifier: BSD-2-Clause
// Sending a batch of datagrams in few system calls and few trips through the IP stack.
//
//   items of the caller --grouped by peer and size--> messages, each cut up by the kernel (UDP_SEGMENT) --sendmmsg()--> socket
//
// Datagrams of equal size to the same peer leave as one message; the cost of sending is per message, not per datagram. The
// order in which datagrams of one peer leave stays.
//
// Whether cutting up works depends on the route, so it is remembered of destinations, not of sockets: one to which it failed
// gets single datagrams for a while, others are not concerned, whatever a stranger's address makes the kernel say. Nothing
// waits: a full send buffer fails like any other error, and the caller is told of each item that did not go.
//
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

// What a socket has learnt about its destinations: those that take single datagrams only.
enum { SEND_BARRED = 64 };
struct send_paths {
  bool unsupported; // by this kernel
  unsigned barred_count;
  struct {
    uint64_t tag;   // of the destination; 0: free
    uint32_t turns; // groups of datagrams until it is tried again
  } barred[SEND_BARRED];
};
void send_paths_init(struct send_paths *, int fd);

// Sends all items and empties the batch. failed() is called with the number of each item that the kernel refused and the
// errno of it; EAGAIN is the send buffer's.
typedef void (*send_failed_fn)(unsigned item, int error, void *arg);
void send_batch_flush(struct send_batch *, int fd, struct send_paths *, send_failed_fn failed, void *arg);

#endif
