// SPDX-License-Identifier: BSD-2-Clause
// Datagram sockets of the UNIX family, by path. A path that begins with a zero byte is of the abstract namespace.
//
// Any thread. Errors are in errno; a path that is empty or too long is ENAMETOOLONG.
#ifndef DNSPROXY_BASE_UNIX_DATAGRAM_H
#define DNSPROXY_BASE_UNIX_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>

// Non-blocking, closed on exec. -1: errno says why.
int unix_datagram_connect(const char *path, size_t path_size);
// A socket that a process before us left behind gives way, another kind of file does not.
int unix_datagram_bind(const char *path, size_t path_size);
// False: the kernel did not take all of it, or nobody is there.
bool unix_datagram_send(int fd, const void *payload, size_t size);

#endif
