// SPDX-License-Identifier: BSD-2-Clause
// Opening datagram sockets of the UNIX family.
#include "dnsproxy/base/unix_datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// False: too long, empty, or with a zero byte inside.
static bool
unix_datagram_address_of(struct sockaddr_un *a, socklen_t *size, const char *path, size_t path_size)
{
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  if (path_size == 0 || path_size >= sizeof a->sun_path)
    return false;
  memcpy(a->sun_path, path, path_size);
  bool abstract = path[0] == '\0';
  *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_size + (abstract ? 0 : 1));
  return abstract || strlen(a->sun_path) == path_size;
}

static void
unix_datagram_remove_socket(const struct sockaddr_un *a)
{
  struct stat file;
  if (a->sun_path[0] != '\0' && lstat(a->sun_path, &file) == 0 && S_ISSOCK(file.st_mode))
    unlink(a->sun_path);
}

static int
unix_datagram_open_socket(const char *path, size_t path_size, bool listening)
{
  struct sockaddr_un address;
  socklen_t size;
  if (!unix_datagram_address_of(&address, &size, path, path_size)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (listening)
    unix_datagram_remove_socket(&address);
  const struct sockaddr *a = (const struct sockaddr *)&address;
  if ((listening ? bind(fd, a, size) : connect(fd, a, size)) == 0)
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int
unix_datagram_connect(const char *path, size_t path_size)
{
  return unix_datagram_open_socket(path, path_size, false);
}

int
unix_datagram_bind(const char *path, size_t path_size)
{
  return unix_datagram_open_socket(path, path_size, true);
}

bool
unix_datagram_send(int fd, const void *payload, size_t size)
{
  ssize_t sent = send(fd, payload, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent >= 0 && (size_t)sent == size;
}
