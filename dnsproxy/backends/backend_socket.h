// SPDX-License-Identifier: BSD-2-Clause
// Sockets towards a backend, with the source, interface and DSCP that its options say.
//
// Owner: the caller closes the descriptor. Any thread.
#ifndef DNSPROXY_BACKENDS_BACKEND_SOCKET_H
#define DNSPROXY_BACKENDS_BACKEND_SOCKET_H

#include "dnsproxy/backends/backend.h"

// type: SOCK_DGRAM or SOCK_STREAM. Non-blocking, connected or (streams) connecting; -1 with errno set.
int backend_socket_open(const struct backend_options *, int type);

#endif
