// SPDX-License-Identifier: BSD-2-Clause
// Opening sockets towards a backend, for queries and for checks alike: protocol, source, interface, class, buffers.
//
// What goes wrong here is either the way to the backend or a shortage of this machine (descriptors, memory, ports), which is
// no verdict on the backend: backend_socket_shortage() tells them apart. Either is told in the log, not more than once a
// minute per backend and reason. An interface that does not exist is told likewise, and the socket does without it. Any thread.
#ifndef DNSPROXY_BACKENDS_BACKEND_SOCKET_H
#define DNSPROXY_BACKENDS_BACKEND_SOCKET_H

#include "dnsproxy/backends/backend.h"

int backend_socket_open(struct backend *, int type); // SOCK_DGRAM or SOCK_STREAM; connected or connecting; -1: see errno
bool backend_socket_shortage(int error);             // of this machine
// Datagrams for this socket that the kernel had no room for, so far; 0 where it does not tell.
uint32_t backend_socket_lost(int fd);

#endif
