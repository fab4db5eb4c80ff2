// SPDX-License-Identifier: BSD-2-Clause
// What workers must not do, counted: a library that a test puts in front of the C library (LD_PRELOAD).
//
//   program --> malloc(), pthread_mutex_lock(), open(), read(), ... --> [ worker_watch ] --> C library, system call
//                                                                         | on a thread named worker/N, while it counts
//                                                                         +-- page: counts by kind; places with their stacks
//
// Two sentences of doc/HOUSE.md are held to zero by it: no malloc on the path of a packet, and a worker never blocks. What
// is allowed is said in the program, by name (dnsproxy/base/permit.h), and counted apart.
//
// Kinds: memory taken, and given back; locks that somebody else holds, conditions, sleeping; calls of the kernel that may wait:
// on a descriptor that is not set to return at once, opening files, looking up names, netlink; waiting for events with time, but
// for the event loop itself.
//
// Life: the constructor maps the file named in WATCH_PAGE. Nothing is counted while the page's `on` is 0. A place is a stack; its
// first occurrence is kept. No call fails or is changed. For builds without a sanitizer, which have a malloc of their own.
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The order is that of KINDS in regression-tests/harness/watch.py.
enum kind { TAKES, GIVES, LOCK, SLEEP, CALL, FILES, NAMES, KINDS };
enum { PLACES = 64, FRAMES = 14, WHAT = 32 };

struct place {
  _Atomic uint64_t stack; // hash; 0: free
  _Atomic uint32_t count;
  uint32_t kind;
  char what[WHAT];        // the call, or the name of the exception
  uint64_t frames[FRAMES];
};

struct page {
  _Atomic uint32_t on, counts[KINDS];
  _Atomic uint32_t allowed; // by name
  uint64_t base;            // where the program was loaded
  struct place places[PLACES];
};

static struct page watch_none, *watch_page = &watch_none;
static __thread __attribute__((tls_model("initial-exec"))) char watch_self; // 0: unknown; 1: a worker; 2: not
static __thread __attribute__((tls_model("initial-exec"))) bool watch_busy;
static const char *(*watch_permit)(void);

static int
watch_see_program(struct dl_phdr_info *info, size_t size, void *arg)
{
  (void)size, (void)arg;
  watch_page->base = info->dlpi_addr;
  return 1; // the first one is the program
}

__attribute__((constructor)) static void
watch_start(void)
{
  const char *path = getenv("WATCH_PAGE");
  int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  void *page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  void *frames[2];
  backtrace(frames, 2); // takes memory the first time
  *(void **)&watch_permit = dlsym(RTLD_DEFAULT, "permit_current");
  if (page == MAP_FAILED)
    return;
  watch_page = page;
  dl_iterate_phdr(watch_see_program, NULL);
}

static bool
watch_is_worker(void)
{
  if (watch_self == 0) {
    char name[16] = "";
    syscall(SYS_prctl, PR_GET_NAME, name, 0, 0, 0);
    if (strncmp(name, "worker/", 7) != 0)
      return false; // not yet: a thread gets its name when it runs
    watch_self = 1;
  }
  return watch_self == 1;
}

static void
watch_note_place(enum kind kind, const char *what, void *const *frames, int count)
{
  uint64_t stack = 14695981039346656037u ^ (uint64_t)kind;
  for (int i = 0; i < count; i++)
    stack = (stack ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211u;
  stack += stack == 0;
  for (unsigned i = 0; i < PLACES; i++) {
    struct place *p = &watch_page->places[(stack + i) % PLACES];
    uint64_t none = 0;
    if (atomic_load(&p->stack) == stack) {
      atomic_fetch_add(&p->count, 1);
      return;
    }
    if (!atomic_compare_exchange_strong(&p->stack, &none, stack))
      continue;
    p->kind = kind;
    strncpy(p->what, what, WHAT - 1);
    for (int f = 0; f < count && f < FRAMES; f++)
      p->frames[f] = (uint64_t)(uintptr_t)frames[f];
    atomic_fetch_add(&p->count, 1);
    return;
  }
}

static void
watch_count(enum kind kind, const char *what)
{
  if (atomic_load_explicit(&watch_page->on, memory_order_relaxed) == 0 || watch_busy || !watch_is_worker())
    return;
  int error = errno;
  watch_busy = true;
  if (watch_permit != NULL && watch_permit() != NULL) {
    atomic_fetch_add(&watch_page->allowed, 1);
  } else {
    void *frames[FRAMES + 2];
    int count = backtrace(frames, FRAMES + 2);
    atomic_fetch_add(&watch_page->counts[kind], 1);
    watch_note_place(kind, what, frames + 2, count > 2 ? count - 2 : 0);
  }
  watch_busy = false;
  errno = error;
}

// ---- memory ----

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *
malloc(size_t size)
{
  watch_count(TAKES, "malloc");
  return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
  watch_count(TAKES, "calloc");
  return __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
  watch_count(TAKES, "realloc");
  return __libc_realloc(old, size);
}

void *
reallocarray(void *old, size_t count, size_t size)
{
  watch_count(TAKES, "reallocarray");
  if (size != 0 && count > SIZE_MAX / size) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_realloc(old, count * size);
}

void *
memalign(size_t align, size_t size)
{
  watch_count(TAKES, "memalign");
  return __libc_memalign(align, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
  watch_count(TAKES, "aligned_alloc");
  return __libc_memalign(align, size);
}

int
posix_memalign(void **out, size_t align, size_t size)
{
  watch_count(TAKES, "posix_memalign");
  *out = __libc_memalign(align, size);
  return *out == NULL ? ENOMEM : 0;
}

void
free(void *old)
{
  if (old != NULL)
    watch_count(GIVES, "free");
  __libc_free(old);
}

// ---- the next one of this name ----

#define NEXT(result, name, parameters)                                                                                  \
  static result(*next) parameters;                                                                                      \
  if (next == NULL)                                                                                                     \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

// ---- the stack itself: LuaJIT registers its frames, and libgcc takes memory under a lock that backtrace() wants ----

void
__register_frame(void *frames)
{
  NEXT(void, __register_frame, (void *));
  watch_busy = true;
  next(frames);
  watch_busy = false;
}

void
__deregister_frame(void *frames)
{
  NEXT(void, __deregister_frame, (void *));
  watch_busy = true;
  next(frames);
  watch_busy = false;
}

// ---- locks ----

int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
  NEXT(int, pthread_mutex_lock, (pthread_mutex_t *));
  if (atomic_load_explicit(&watch_page->on, memory_order_relaxed) == 0 || !watch_is_worker())
    return next(mutex);
  if (watch_busy)
    return next(mutex);
  int error = pthread_mutex_trylock(mutex);
  if (error != EBUSY)
    return error;
  watch_count(LOCK, "pthread_mutex_lock");
  return next(mutex);
}

int
pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
  NEXT(int, pthread_rwlock_rdlock, (pthread_rwlock_t *));
  if (pthread_rwlock_tryrdlock(lock) == 0)
    return 0;
  watch_count(LOCK, "pthread_rwlock_rdlock");
  return next(lock);
}

int
pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
  NEXT(int, pthread_rwlock_wrlock, (pthread_rwlock_t *));
  if (pthread_rwlock_trywrlock(lock) == 0)
    return 0;
  watch_count(LOCK, "pthread_rwlock_wrlock");
  return next(lock);
}

int
sem_wait(sem_t *semaphore)
{
  NEXT(int, sem_wait, (sem_t *));
  watch_count(LOCK, "sem_wait");
  return next(semaphore);
}

int
pthread_join(pthread_t thread, void **result)
{
  NEXT(int, pthread_join, (pthread_t, void **));
  watch_count(LOCK, "pthread_join");
  return next(thread, result);
}

// ---- sleeping, waiting for events ----

int
nanosleep(const struct timespec *time, struct timespec *rest)
{
  watch_count(SLEEP, "nanosleep");
  return (int)syscall(SYS_nanosleep, time, rest);
}

int
clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
  watch_count(SLEEP, "clock_nanosleep");
  return syscall(SYS_clock_nanosleep, clock, flags, time, rest) == 0 ? 0 : errno;
}

int
usleep(useconds_t us)
{
  struct timespec time = {us / 1000000, (long)(us % 1000000) * 1000};
  watch_count(SLEEP, "usleep");
  return (int)syscall(SYS_nanosleep, &time, NULL);
}

int
sched_yield(void)
{
  watch_count(SLEEP, "sched_yield");
  return (int)syscall(SYS_sched_yield);
}

int
poll(struct pollfd *all, nfds_t count, int timeout)
{
  if (timeout != 0)
    watch_count(SLEEP, "poll");
  struct timespec time = {timeout / 1000, (long)(timeout % 1000) * 1000000};
  return (int)syscall(SYS_ppoll, all, count, timeout < 0 ? NULL : &time, NULL, 8);
}

// ---- calls of the kernel that may wait ----

static void
watch_descriptor(int fd, int flags, const char *what)
{
  if (atomic_load_explicit(&watch_page->on, memory_order_relaxed) == 0 || (flags & MSG_DONTWAIT) != 0 || !watch_is_worker())
    return;
  int error = errno;
  if ((syscall(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK) == 0)
    watch_count(CALL, what);
  errno = error;
}

ssize_t
read(int fd, void *bytes, size_t size)
{
  watch_descriptor(fd, 0, "read");
  return syscall(SYS_read, fd, bytes, size);
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
  watch_descriptor(fd, 0, "write");
  return syscall(SYS_write, fd, bytes, size);
}

ssize_t
readv(int fd, const struct iovec *parts, int count)
{
  watch_descriptor(fd, 0, "readv");
  return syscall(SYS_readv, fd, parts, count);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
  watch_descriptor(fd, 0, "writev");
  return syscall(SYS_writev, fd, parts, count);
}

ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
  watch_descriptor(fd, flags, "recv");
  return syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
}

ssize_t
recvfrom(int fd, void *bytes, size_t size, int flags, __SOCKADDR_ARG from, socklen_t *from_size)
{
  watch_descriptor(fd, flags, "recvfrom");
  return syscall(SYS_recvfrom, fd, bytes, size, flags, from, from_size);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
  watch_descriptor(fd, flags, "recvmsg");
  return syscall(SYS_recvmsg, fd, message, flags);
}

int
recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *time)
{
  watch_descriptor(fd, flags, "recvmmsg");
  return (int)syscall(SYS_recvmmsg, fd, messages, count, flags, time);
}

ssize_t
send(int fd, const void *bytes, size_t size, int flags)
{
  watch_descriptor(fd, flags, "send");
  return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}

ssize_t
sendto(int fd, const void *bytes, size_t size, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_size)
{
  watch_descriptor(fd, flags, "sendto");
  return syscall(SYS_sendto, fd, bytes, size, flags, to, to_size);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
  watch_descriptor(fd, flags, "sendmsg");
  return syscall(SYS_sendmsg, fd, message, flags);
}

int
sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
  watch_descriptor(fd, flags, "sendmmsg");
  return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

int
connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t size)
{
  watch_descriptor(fd, 0, "connect");
  return (int)syscall(SYS_connect, fd, to, size);
}

int
accept4(int fd, __SOCKADDR_ARG peer, socklen_t *size, int flags)
{
  watch_descriptor(fd, 0, "accept4");
  return (int)syscall(SYS_accept4, fd, peer, size, flags);
}

// The kernel's tables are behind locks of its own.
int
socket(int family, int type, int protocol)
{
  if (family == AF_NETLINK)
    watch_count(CALL, "socket(AF_NETLINK)");
  return (int)syscall(SYS_socket, family, type, protocol);
}

int
open(const char *path, int flags, ...)
{
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  watch_count(FILES, "open");
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

FILE *
fopen(const char *path, const char *mode)
{
  NEXT(FILE *, fopen, (const char *, const char *));
  watch_count(FILES, "fopen");
  return next(path, mode);
}

FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

int
fsync(int fd)
{
  watch_count(FILES, "fsync");
  return (int)syscall(SYS_fsync, fd);
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
  NEXT(int, getaddrinfo, (const char *, const char *, const struct addrinfo *, struct addrinfo **));
  watch_count(NAMES, "getaddrinfo");
  return next(name, service, hints, result);
}
