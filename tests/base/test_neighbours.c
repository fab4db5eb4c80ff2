// SPDX-License-Identifier: BSD-2-Clause
// Neighbours of an interface made for the test, in a network of its own; skipped where that is not allowed.
#include "dnsproxy/base/neighbours.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/epoch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t link_a[6] = {2, 0, 0, 0, 0, 0xa}, link_b[6] = {2, 0, 0, 0, 0, 0xb};

// ---- a kernel that has no room to tell ----

static _Atomic bool lose;      // from now on changes are lost
static _Atomic unsigned lost;  // calls that said so

ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
  ssize_t got = syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
  struct sockaddr_nl name = {.nl_family = 0};
  socklen_t name_size = sizeof name;
  if (got <= 0 || !atomic_load(&lose) || getsockname(fd, (struct sockaddr *)&name, &name_size) != 0 || name.nl_groups == 0)
    return got;
  // As the kernel does: once, and then what is left.
  while (syscall(SYS_recvfrom, fd, bytes, size, MSG_DONTWAIT, NULL, NULL) > 0)
    ;
  atomic_fetch_add(&lost, 1);
  errno = ENOBUFS;
  return -1;
}

// ---- asking ----

static size_t
find(const char *text, uint8_t *link)
{
  struct address address;
  assert_true(address_parse(&address, text, 53, &(struct fault)FAULT_INIT));
  epoch_enter(0);
  size_t size = neighbours_find(&address, link);
  epoch_leave(0);
  return size;
}

// Until it is as it should be: link NULL, unknown.
static void
await(const char *text, const uint8_t *wanted)
{
  uint8_t link[LINK_ADDRESS_MAX];
  for (uint64_t end = clock_mono_us() + 20000000; clock_mono_us() < end;) {
    size_t size = find(text, link);
    if (wanted == NULL ? size == 0 : size == 6 && memcmp(link, wanted, 6) == 0)
      return;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  fail_msg("%s is not as it should be", text);
}

static bool
become_root_of_a_network(void)
{
  char map[32];
  snprintf(map, sizeof map, "0 %u 1", (unsigned)getuid());
  if (unshare(CLONE_NEWNET) == 0)
    return true;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
    return false;
  int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
  bool written = fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map);
  close(fd);
  return written;
}

// A network of our own with two interfaces; false: not here.
static bool
enter_network(void)
{
  return become_root_of_a_network() &&
         system("ip link add one type veth peer name two 2>/dev/null && "
                "ip link set one up && ip link set two up") == 0;
}

static const char some[] = "ip neigh replace 192.0.2.1 lladdr 02:00:00:00:00:0a dev one && "
                           "ip neigh replace 2001:db8::1 lladdr 02:00:00:00:00:0b dev one && "
                           "ip neigh replace fe80::1 lladdr 02:00:00:00:00:0a dev one && "
                           "ip neigh replace fe80::1 lladdr 02:00:00:00:00:0b dev two";

// What is there before the watch begins is known when neighbours_watch() returns.
static void
neighbours_are_found(void **state)
{
  (void)state;
  uint8_t link[LINK_ADDRESS_MAX];
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  neighbours_open();
  neighbours_watch(true);
  neighbours_watch(true);
  assert_int_equal(find("192.0.2.1", link), 6);
  assert_memory_equal(link, link_a, 6);
  assert_int_equal(find("2001:db8::1", link), 6);
  assert_memory_equal(link, link_b, 6);
  assert_int_equal(find("fe80::1%one", link), 6);
  assert_memory_equal(link, link_a, 6);
  assert_int_equal(find("fe80::1%two", link), 6);
  assert_memory_equal(link, link_b, 6);
  assert_int_equal(find("192.0.2.2", link), 0);
  assert_int_equal(find("127.0.0.1", link), 0);
  assert_int_equal(find("::1", link), 0);
  neighbours_stop();
}

// Changes are told, also those that nobody asks for: a new one, another link address, removal, an interface that goes.
static void
changes_are_followed(void **state)
{
  (void)state;
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  neighbours_open();
  neighbours_watch(true);
  assert_int_equal(system("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:0b dev one && "
                          "ip neigh change 192.0.2.1 lladdr 02:00:00:00:00:0b dev one"), 0);
  await("192.0.2.2", link_b);
  await("192.0.2.1", link_b);
  assert_int_equal(system("ip neigh del 192.0.2.2 dev one && ip neigh change 2001:db8::1 nud failed dev one"), 0);
  await("192.0.2.2", NULL);
  await("2001:db8::1", NULL);
  await("fe80::1%two", link_b);
  assert_int_equal(system("ip link del one"), 0);
  await("192.0.2.1", NULL);
  await("fe80::1", NULL);
  neighbours_stop();
}

static size_t
threads_count(void)
{
  DIR *folder = opendir("/proc/self/task");
  assert_non_null(folder);
  size_t count = 0;
  for (const struct dirent *e; (e = readdir(folder)) != NULL;)
    count += e->d_name[0] != '.';
  closedir(folder);
  return count;
}

// Who asks before anybody has started it is told nothing, and something soon after: a worker starts no thread.
static void
the_first_question_starts_it(void **state)
{
  (void)state;
  uint8_t link[LINK_ADDRESS_MAX];
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  neighbours_open();
  neighbours_tend();
  size_t threads = threads_count();
  assert_int_equal(find("192.0.2.1", link), 0);
  assert_int_equal(threads_count(), threads);
  neighbours_tend();
  assert_int_equal(threads_count(), threads + 1);
  await("192.0.2.1", link_a);
  neighbours_stop();
  neighbours_stop();
}

// Who may not wait leaves it at the wish.
static void
a_wish_that_does_not_wait(void **state)
{
  (void)state;
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  neighbours_open();
  size_t threads = threads_count();
  neighbours_watch(false);
  assert_int_equal(threads_count(), threads);
  neighbours_tend();
  await("192.0.2.1", link_a);
  neighbours_stop();
}

// While the configuration is read no thread begins, whoever wants it; once it is open the table is there.
static void
wishes_are_kept_until_it_is_open(void **state)
{
  (void)state;
  uint8_t link[LINK_ADDRESS_MAX];
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  size_t threads = threads_count();
  neighbours_watch(true);
  neighbours_tend();
  assert_int_equal(find("192.0.2.1", link), 0);
  assert_int_equal(threads_count(), threads);
  neighbours_open();
  assert_int_equal(find("192.0.2.1", link), 6);
  neighbours_stop();
}

// Nothing can be opened any more. Returns what was allowed.
static struct rlimit
exhaust_files(void)
{
  struct rlimit before;
  int next = dup(STDOUT_FILENO);
  assert_true(next >= 0);
  close(next);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max}), 0);
  return before;
}

// A thread's stack takes that much: more than there is of addresses makes threads impossible.
static void
set_stack_size(size_t size)
{
  pthread_attr_t attributes;
  assert_int_equal(pthread_getattr_default_np(&attributes), 0);
  assert_int_equal(pthread_attr_setstacksize(&attributes, size), 0);
  assert_int_equal(pthread_setattr_default_np(&attributes), 0);
  pthread_attr_destroy(&attributes);
}

// What the log says goes into a file. Returns where it went.
static int
divert_stdout(int file)
{
  fflush(stdout);
  int saved = dup(STDOUT_FILENO);
  assert_true(saved >= 0 && dup2(file, STDOUT_FILENO) >= 0);
  return saved;
}

static size_t
lines_in(int file)
{
  char text[4096];
  ssize_t size = pread(file, text, sizeof text, 0);
  size_t lines = 0;
  for (ssize_t i = 0; i < size; i++)
    lines += text[i] == '\n';
  return lines;
}

// No file is left, or no thread: it is not there, says so once, and begins when it can.
static void
a_start_that_fails_is_tried_again(void **state)
{
  (void)state;
  uint8_t link[LINK_ADDRESS_MAX];
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  size_t threads = threads_count();
  int said = memfd_create("said", MFD_CLOEXEC), out = divert_stdout(said);
  struct rlimit files = exhaust_files();
  neighbours_open();
  neighbours_watch(true);
  neighbours_tend();
  assert_int_equal(find("192.0.2.1", link), 0);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
  set_stack_size((size_t)1 << 48);
  neighbours_watch(true);
  neighbours_tend();
  assert_int_equal(find("192.0.2.1", link), 0);
  assert_int_equal(threads_count(), threads);
  set_stack_size((size_t)8 << 20);
  dup2(out, STDOUT_FILENO);
  close(out);
  assert_int_equal(lines_in(said), 1);
  close(said);
  neighbours_tend();
  await("192.0.2.1", link_a);
  neighbours_stop();
}

// Changes that were lost are found by reading the table again: a newcomer, and one that went.
static void
lost_changes_are_found(void **state)
{
  (void)state;
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  neighbours_open();
  neighbours_watch(true);
  atomic_store(&lose, true);
  assert_int_equal(system("ip neigh add 192.0.2.3 lladdr 02:00:00:00:00:0b dev one && "
                          "ip neigh del 192.0.2.1 dev one"), 0);
  await("192.0.2.3", link_b);
  await("192.0.2.1", NULL);
  assert_true(atomic_load(&lost) > 0);
  atomic_store(&lose, false);
  neighbours_stop();
}

// Workers read while the table changes: what they see of a row is one row or the other.
enum { READERS = 3 };
static _Atomic bool ended;

static void *
read_all_the_time(void *arg)
{
  unsigned reader = *(unsigned *)arg, wrong = 0;
  struct address address;
  uint8_t link[LINK_ADDRESS_MAX];
  address_parse(&address, "192.0.2.1", 53, &(struct fault)FAULT_INIT);
  while (!atomic_load(&ended)) {
    epoch_enter(reader);
    size_t size = neighbours_find(&address, link);
    wrong += size != 0 && (size != 6 || (memcmp(link, link_a, 6) != 0 && memcmp(link, link_b, 6) != 0));
    epoch_leave(reader);
  }
  *(unsigned *)arg = wrong;
  return NULL;
}

static void
readers_and_changes(void **state)
{
  (void)state;
  pthread_t threads[READERS];
  unsigned numbers[READERS];
  if (!enter_network())
    skip();
  assert_int_equal(system(some), 0);
  neighbours_open();
  neighbours_watch(true);
  for (unsigned i = 0; i < READERS; i++) {
    numbers[i] = i + 1;
    assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &numbers[i]), 0);
  }
  assert_int_equal(system("for i in $(seq 1 300); do echo neigh replace 192.0.2.1 lladdr 02:00:00:00:00:0b dev one; "
                          "echo neigh del 192.0.2.1 dev one; echo neigh add 192.0.2.1 lladdr 02:00:00:00:00:0a dev one; "
                          "echo neigh replace 10.0.0.$((i % 250 + 1)) lladdr 02:00:00:00:00:0a dev two; done | ip -batch -"), 0);
  await("10.0.0.51", link_a); // the last one
  await("192.0.2.1", link_a);
  atomic_store(&ended, true);
  for (unsigned i = 0; i < READERS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(numbers[i], 0);
  }
  neighbours_stop();
}

static void
one_question(void **state)
{
  (void)state;
  uint8_t link[LINK_ADDRESS_MAX];
  struct address address;
  assert_true(address_parse(&address, "127.0.0.1", 53, &(struct fault)FAULT_INIT));
  assert_int_equal(neighbours_ask(&address, link), 0);
  if (!enter_network())
    skip();
  // More of them than the kernel tells at once.
  assert_int_equal(system("for i in $(seq 1 600); do echo neigh add 10.0.$((i / 200)).$((i % 200 + 1)) "
                          "lladdr 02:00:00:00:00:0a dev one; done | ip -batch -"), 0);
  for (unsigned i = 1; i <= 600; i++) {
    char text[ADDRESS_TEXT_SIZE];
    snprintf(text, sizeof text, "10.0.%u.%u", i / 200, i % 200 + 1);
    if (i % 50 != 0)
      continue;
    assert_true(address_parse(&address, text, 0, &(struct fault)FAULT_INIT));
    assert_int_equal(neighbours_ask(&address, link), 6);
  }
  neighbours_open();
  neighbours_watch(true);
  for (unsigned i = 1; i <= 600; i++) {
    char text[ADDRESS_TEXT_SIZE];
    snprintf(text, sizeof text, "10.0.%u.%u", i / 200, i % 200 + 1);
    assert_int_equal(find(text, link), 6);
  }
  neighbours_stop();
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neighbours_are_found),         cmocka_unit_test(changes_are_followed),
      cmocka_unit_test(the_first_question_starts_it), cmocka_unit_test(lost_changes_are_found),
      cmocka_unit_test(readers_and_changes),          cmocka_unit_test(one_question),
      cmocka_unit_test(a_wish_that_does_not_wait),    cmocka_unit_test(wishes_are_kept_until_it_is_open),
      cmocka_unit_test(a_start_that_fails_is_tried_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
