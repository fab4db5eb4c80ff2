// SPDX-License-Identifier: BSD-2-Clause
// Datagram sockets of the UNIX family, by path: for syslog, for lines that scripts send and listen to (newNetworkEndpoint(),
// newNetworkListener()).
//
//   ours --unix_datagram_connect(), _send()--> somebody's socket       never waits: a full one loses the datagram
//   somebody --> unix_datagram_bind(): our socket in the file system    what a process before us left behind gives way
//
// A path that begins with a zero byte is of the abstract namespace, which has no files and ends with the process. A path is
// bytes with a size. Replacing a file happens only if it is a socket: nobody's document is removed for a name.
//
// A descriptor is the caller's to close. Errors are in errno; a path that is empty or too long is ENAMETOOLONG. Any thread.
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
