// SPDX-License-Identifier: BSD-2-Clause
// Opening a socket towards a backend, as its options say: the one door for queries and for checks.
//
//   backend_socket_open(backend, SOCK_DGRAM or SOCK_STREAM) --> socket, options, source address and interface, DSCP, connect()
//
// Because both go through it, a check leaves from the same address and over the same interface as queries do. A backend
// whose way is not built gets none: nothing leaves in the clear in place of what was asked for.
//
// What goes wrong is told once, and again when it is another error or after some time, as a backend that cannot be reached
// would fill the log otherwise. Never waits. The descriptor is the caller's. Thread: any.
#ifndef DNSPROXY_BACKENDS_BACKEND_SOCKET_H
#define DNSPROXY_BACKENDS_BACKEND_SOCKET_H

#include "dnsproxy/backends/backend.h"
#include "dnsproxy/net/connection.h"

// A connection that speaks DNS, connecting: queries and checks begin theirs here, so that a secure byte layer for a backend
// (net/byte_layer.h) is chosen here and nowhere else. from: the address that it leaves from; NULL: nobody asks. False: see errno.
bool backend_connect(struct backend *, struct connection *, struct connection_set *, const struct connection_events *,
                     struct address *from);
int backend_socket_open(struct backend *, int type); // SOCK_DGRAM or SOCK_STREAM; connected or connecting; -1: see errno
bool backend_socket_shortage(int error);             // of this machine
// Datagrams for this socket that the kernel had no room for, so far; 0 where it does not tell.
uint32_t backend_socket_lost(int fd);

#endif
