// SPDX-License-Identifier: BSD-2-Clause
// Calls of the kernel that go wrong on purpose: a library that a test puts in front of the C library (LD_PRELOAD).
//
//   program --> read(), sendmmsg(), connect(), ... --> [ kernel_chaos ] --> system call
//                                                        | a lot per call: pause, error, less than asked for
//                                                        +-- control page: how often; counts by call and by fault
//
// Only threads named worker/N are troubled: they are the ones that must neither wait nor lose count, whatever a call says.
// What is injected can happen in earnest: a stream takes or gives a part, a batch of datagrams goes in part, a signal
// interrupts, a descriptor or memory is missing, a peer resets, an option or argument is refused (EINVAL). Datagrams are
// never cut. What is taken back (close, munmap) does not fail. A call that is failed here has not been made: what it would have given is still there for the next one.
//
// Life: the constructor maps the file named in CHAOS_CONTROL and reads CHAOS_SEED. While the page's `permille` is 0 every
// call goes through. Each worker draws from a sequence of its own, made of the seed and its number: a schedule is
// repeated as far as the order of calls is. Everything else goes to the kernel directly, by syscall(), so that the library
// needs nothing of the run time of a sanitizer, which stands in front of it.
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The order is that of CALLS in regression-tests/harness/chaos.py.
enum call { READ, READV, RECV, RECVMSG, RECVMMSG, WRITE, WRITEV, SEND, SENDMSG, SENDMMSG, ACCEPT, CONNECT, SOCKET, BIND, SETSOCKOPT,
  GETSOCKOPT, SHUTDOWN, EPOLL_WAIT, EPOLL_CTL, POLL, EVENTFD, TIMERFD_CREATE, TIMERFD_SETTIME, GETSOCKNAME, MMAP, MADVISE, CALLS };
enum fault { FAULT_NONE, FAULT_ERROR, FAULT_PART, FAULT_PAUSE };

struct control {
  _Atomic uint32_t permille;
  _Atomic uint32_t injected[CALLS];
  _Atomic uint32_t seen[CALLS];
};

struct errors {
  int numbers[6]; // 0 ends
};

static const struct errors chaos_errors[CALLS] = {
  [READ] = {{EAGAIN, EINTR, EINVAL, ECONNRESET}},
  [READV] = {{EAGAIN, EINTR, EINVAL, ECONNRESET}},
  [RECV] = {{EAGAIN, EINTR, EINVAL, ECONNRESET}},
  [RECVMSG] = {{EAGAIN, EINTR, EINVAL, ECONNRESET}},
  [RECVMMSG] = {{EAGAIN, EINTR, EINVAL, ECONNREFUSED, ENOMEM}},
  [WRITE] = {{EAGAIN, EINTR, EINVAL, ECONNRESET, EPIPE}},
  [WRITEV] = {{EAGAIN, EINTR, EINVAL, ECONNRESET, EPIPE}},
  [SEND] = {{EAGAIN, EINTR, EINVAL, ECONNRESET, EPIPE, ENOBUFS}},
  [SENDMSG] = {{EAGAIN, EINTR, EINVAL, ECONNRESET, ENOBUFS, EPERM}},
  [SENDMMSG] = {{EAGAIN, EINTR, EINVAL, ENOBUFS, EPERM, ENETUNREACH}},
  [ACCEPT] = {{EAGAIN, EINTR, EINVAL, EMFILE, ECONNABORTED, ENOBUFS}},
  [CONNECT] = {{EAGAIN, EINVAL, ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL}},
  [SOCKET] = {{EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM}},
  [BIND] = {{EINVAL, EADDRINUSE, EADDRNOTAVAIL}},
  [SETSOCKOPT] = {{EINVAL, ENOPROTOOPT, ENOBUFS, EPERM}},
  [GETSOCKOPT] = {{EINVAL, ENOPROTOOPT, ENOBUFS}},
  [SHUTDOWN] = {{EINVAL, ENOTCONN}},
  [EPOLL_WAIT] = {{EINTR}},
  [EPOLL_CTL] = {{ENOMEM, ENOSPC}},
  [POLL] = {{EINTR, ENOMEM}},
  [EVENTFD] = {{EMFILE, ENFILE, ENOMEM}},
  [TIMERFD_CREATE] = {{EMFILE, ENFILE, ENOMEM}},
  [TIMERFD_SETTIME] = {{EINVAL}},
  [GETSOCKNAME] = {{ENOBUFS}},
  [MMAP] = {{ENOMEM, EAGAIN}},
  [MADVISE] = {{EAGAIN, ENOMEM}},
};

static struct control chaos_none, *chaos_control = &chaos_none;
static uint64_t chaos_seed;
static __thread uint64_t chaos_state; // of this worker's sequence; 0: not known to be a worker's

__attribute__((constructor)) static void
chaos_start(void)
{
  const char *path = getenv("CHAOS_CONTROL"), *seed = getenv("CHAOS_SEED");
  int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  chaos_seed = seed != NULL ? strtoull(seed, NULL, 10) : 1;
  if (page != MAP_FAILED)
    chaos_control = page;
}

static uint32_t
chaos_draw(uint32_t below)
{
  // xorshift64*
  chaos_state ^= chaos_state >> 12;
  chaos_state ^= chaos_state << 25;
  chaos_state ^= chaos_state >> 27;
  return (uint32_t)((chaos_state * 0x2545F4914F6CDD1DULL) >> 33) % below;
}

static bool
chaos_is_worker(void)
{
  if (chaos_state == 0) {
    char name[16] = "";
    syscall(SYS_prctl, PR_GET_NAME, name, 0, 0, 0);
    if (strncmp(name, "worker/", 7) != 0)
      return false;
    chaos_state = (chaos_seed + 1) * 0x9E3779B97F4A7C15ULL + (uint64_t)atoi(name + 7) * 0xD1B54A32D192ED03ULL;
    chaos_state += chaos_state == 0;
  }
  return true;
}

static void
chaos_pause(void)
{
  struct timespec t = {0, (long)chaos_draw(2000) * 1000};
  syscall(SYS_nanosleep, &t, NULL);
}

// chaos_lot: what this call gets. An error is in errno then.
static enum fault
chaos_lot(enum call call)
{
  uint32_t permille = atomic_load_explicit(&chaos_control->permille, memory_order_relaxed);
  if (permille == 0 || !chaos_is_worker())
    return FAULT_NONE;
  atomic_fetch_add_explicit(&chaos_control->seen[call], 1, memory_order_relaxed);
  if (chaos_draw(1000) >= permille)
    return FAULT_NONE;
  atomic_fetch_add_explicit(&chaos_control->injected[call], 1, memory_order_relaxed);
  uint32_t kind = chaos_draw(20);
  if (kind == 0)
    chaos_pause();
  if (kind < 10)
    return kind == 0 ? FAULT_PAUSE : FAULT_PART;
  const int *numbers = chaos_errors[call].numbers;
  uint32_t count = 0;
  while (count < 6 && numbers[count] != 0)
    count++;
  errno = numbers[chaos_draw(count)];
  return FAULT_ERROR;
}

static bool
chaos_is_stream(int fd)
{
  int type = 0;
  socklen_t size = sizeof type;
  return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

// chaos_size: how much of it a stream takes or gives.
static size_t
chaos_size(enum fault fault, int fd, size_t size)
{
  return fault == FAULT_PART && size > 1 && chaos_is_stream(fd) ? 1 + chaos_draw(size < 64 ? (uint32_t)size - 1 : 63) : size;
}

// chaos_cut: the first bytes of a vector, in `kept`; how many parts.
static size_t
chaos_cut(const struct iovec *parts, size_t count, size_t size, struct iovec *kept, size_t capacity)
{
  size_t n = 0;
  for (; n < count && n < capacity && size > 0; n++) {
    kept[n] = parts[n];
    if (kept[n].iov_len > size)
      kept[n].iov_len = size;
    size -= kept[n].iov_len;
  }
  return n;
}

enum { CHAOS_PARTS = 16 };

static size_t
chaos_vector(enum fault fault, int fd, const struct iovec *parts, size_t count, struct iovec *kept)
{
  size_t size = 0;
  for (size_t i = 0; i < count; i++)
    size += parts[i].iov_len;
  size_t some = chaos_size(fault, fd, size);
  return some == size ? 0 : chaos_cut(parts, count, some, kept, CHAOS_PARTS);
}

ssize_t
read(int fd, void *bytes, size_t size)
{
  enum fault f = chaos_lot(READ);
  return f == FAULT_ERROR ? -1 : syscall(SYS_read, fd, bytes, chaos_size(f, fd, size));
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
  enum fault f = chaos_lot(WRITE);
  return f == FAULT_ERROR ? -1 : syscall(SYS_write, fd, bytes, chaos_size(f, fd, size));
}

ssize_t
readv(int fd, const struct iovec *parts, int count)
{
  struct iovec kept[CHAOS_PARTS];
  enum fault f = chaos_lot(READV);
  if (f == FAULT_ERROR)
    return -1;
  size_t n = chaos_vector(f, fd, parts, (size_t)count, kept);
  return n > 0 ? syscall(SYS_readv, fd, kept, n) : syscall(SYS_readv, fd, parts, count);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
  struct iovec kept[CHAOS_PARTS];
  enum fault f = chaos_lot(WRITEV);
  if (f == FAULT_ERROR)
    return -1;
  size_t n = chaos_vector(f, fd, parts, (size_t)count, kept);
  return n > 0 ? syscall(SYS_writev, fd, kept, n) : syscall(SYS_writev, fd, parts, count);
}

ssize_t
recvfrom(int fd, void *bytes, size_t size, int flags, __SOCKADDR_ARG from, socklen_t *from_size)
{
  enum fault f = chaos_lot(RECV);
  return f == FAULT_ERROR ? -1 : syscall(SYS_recvfrom, fd, bytes, chaos_size(f, fd, size), flags, from, from_size);
}

ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
  enum fault f = chaos_lot(RECV);
  return f == FAULT_ERROR ? -1 : syscall(SYS_recvfrom, fd, bytes, chaos_size(f, fd, size), flags, NULL, NULL);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
  return chaos_lot(RECVMSG) == FAULT_ERROR ? -1 : syscall(SYS_recvmsg, fd, message, flags);
}

int
recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *time)
{
  enum fault f = chaos_lot(RECVMMSG);
  if (f == FAULT_ERROR)
    return -1;
  return (int)syscall(SYS_recvmmsg, fd, messages, f == FAULT_PART && count > 1 ? 1 : count, flags, time);
}

ssize_t
sendto(int fd, const void *bytes, size_t size, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_size)
{
  enum fault f = chaos_lot(SEND);
  return f == FAULT_ERROR ? -1 : syscall(SYS_sendto, fd, bytes, chaos_size(f, fd, size), flags, to, to_size);
}

ssize_t
send(int fd, const void *bytes, size_t size, int flags)
{
  enum fault f = chaos_lot(SEND);
  return f == FAULT_ERROR ? -1 : syscall(SYS_sendto, fd, bytes, chaos_size(f, fd, size), flags, NULL, 0);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
  struct iovec kept[CHAOS_PARTS];
  enum fault f = chaos_lot(SENDMSG);
  if (f == FAULT_ERROR)
    return -1;
  struct msghdr cut = *message;
  size_t n = chaos_vector(f, fd, message->msg_iov, message->msg_iovlen, kept);
  if (n > 0) {
    cut.msg_iov = kept;
    cut.msg_iovlen = n;
  }
  return syscall(SYS_sendmsg, fd, &cut, flags);
}

int
sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
  enum fault f = chaos_lot(SENDMMSG);
  if (f == FAULT_ERROR)
    return -1;
  return (int)syscall(SYS_sendmmsg, fd, messages, f == FAULT_PART && count > 1 ? 1 + chaos_draw(count - 1) : count, flags);
}

int
accept4(int fd, __SOCKADDR_ARG peer, socklen_t *size, int flags)
{
  return chaos_lot(ACCEPT) == FAULT_ERROR ? -1 : (int)syscall(SYS_accept4, fd, peer, size, flags);
}

int
connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t size)
{
  return chaos_lot(CONNECT) == FAULT_ERROR ? -1 : (int)syscall(SYS_connect, fd, to, size);
}

int
socket(int family, int type, int protocol)
{
  return chaos_lot(SOCKET) == FAULT_ERROR ? -1 : (int)syscall(SYS_socket, family, type, protocol);
}

int
bind(int fd, __CONST_SOCKADDR_ARG to, socklen_t size)
{
  return chaos_lot(BIND) == FAULT_ERROR ? -1 : (int)syscall(SYS_bind, fd, to, size);
}

int
setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
  return chaos_lot(SETSOCKOPT) == FAULT_ERROR ? -1 : (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

int
getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
  return chaos_lot(GETSOCKOPT) == FAULT_ERROR ? -1 : (int)syscall(SYS_getsockopt, fd, level, option, value, size);
}

int
shutdown(int fd, int how)
{
  return chaos_lot(SHUTDOWN) == FAULT_ERROR ? -1 : (int)syscall(SYS_shutdown, fd, how);
}

int
epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
  enum fault f = chaos_lot(EPOLL_WAIT);
  if (f == FAULT_ERROR)
    return -1;
  return (int)syscall(SYS_epoll_pwait, fd, events, f == FAULT_PART ? 1 : count, timeout, NULL, 8);
}

// A descriptor that is added: what the kernel keeps for it may be missing. To change or forget one takes nothing.
int
epoll_ctl(int fd, int operation, int of, struct epoll_event *event)
{
  if (operation == EPOLL_CTL_ADD && chaos_lot(EPOLL_CTL) == FAULT_ERROR)
    return -1;
  return (int)syscall(SYS_epoll_ctl, fd, operation, of, event);
}

int
poll(struct pollfd *all, nfds_t count, int timeout)
{
  return chaos_lot(POLL) == FAULT_ERROR ? -1 : (int)syscall(SYS_poll, all, count, timeout);
}

int
eventfd(unsigned value, int flags)
{
  return chaos_lot(EVENTFD) == FAULT_ERROR ? -1 : (int)syscall(SYS_eventfd2, value, flags);
}

int
timerfd_create(clockid_t clock, int flags)
{
  return chaos_lot(TIMERFD_CREATE) == FAULT_ERROR ? -1 : (int)syscall(SYS_timerfd_create, clock, flags);
}

int
timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before)
{
  return chaos_lot(TIMERFD_SETTIME) == FAULT_ERROR ? -1 : (int)syscall(SYS_timerfd_settime, fd, flags, when, before);
}

int
getsockname(int fd, __SOCKADDR_ARG name, socklen_t *size)
{
  return chaos_lot(GETSOCKNAME) == FAULT_ERROR ? -1 : (int)syscall(SYS_getsockname, fd, name, size);
}

void *
mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
  if ((flags & MAP_ANONYMOUS) != 0 && chaos_lot(MMAP) == FAULT_ERROR)
    return MAP_FAILED;
  long got = syscall(SYS_mmap, at, size, access, flags, fd, offset);
  return got == -1 ? MAP_FAILED : (void *)got;
}

int
madvise(void *at, size_t size, int advice)
{
  return chaos_lot(MADVISE) == FAULT_ERROR ? -1 : (int)syscall(SYS_madvise, at, size, advice);
}
