// SPDX-License-Identifier: BSD-2-Clause
// Neighbours of an interface made for the test, in a network of its own; skipped where that is not allowed.
#include "dnsproxy/base/neighbours.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static const uint8_t link_a[6] = {2, 0, 0, 0, 0, 0xa}, link_b[6] = {2, 0, 0, 0, 0, 0xb};

static size_t
find(struct neighbours *n, const char *text, uint64_t now_us, uint8_t *link)
{
  struct address address;
  assert_true(address_parse(&address, text, 53, &(struct fault)FAULT_INIT));
  return neighbours_find(n, &address, now_us, link);
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

static void
neighbours_are_found(void **state)
{
  (void)state;
  uint8_t link[LINK_ADDRESS_MAX];
  if (!enter_network())
    skip();
  assert_int_equal(system("ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:0a dev one && "
                          "ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:0b dev one && "
                          "ip neigh add fe80::1 lladdr 02:00:00:00:00:0a dev one && "
                          "ip neigh add fe80::1 lladdr 02:00:00:00:00:0b dev two"), 0);
  struct neighbours *n = neighbours_new();
  assert_int_equal(find(n, "192.0.2.1", 0, link), 6);
  assert_memory_equal(link, link_a, 6);
  assert_int_equal(find(n, "2001:db8::1", 0, link), 6);
  assert_memory_equal(link, link_b, 6);
  assert_int_equal(find(n, "fe80::1%one", 0, link), 6);
  assert_memory_equal(link, link_a, 6);
  assert_int_equal(find(n, "fe80::1%two", 0, link), 6);
  assert_memory_equal(link, link_b, 6);
  assert_int_equal(find(n, "192.0.2.2", 0, link), 0);
  assert_int_equal(find(n, "127.0.0.1", 0, link), 0);
  assert_int_equal(find(n, "::1", 0, link), 0);
  // A newcomer is found a tenth of a second later, a change within a second.
  assert_int_equal(system("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:0b dev one && "
                          "ip neigh change 192.0.2.1 lladdr 02:00:00:00:00:0b dev one"), 0);
  assert_int_equal(find(n, "192.0.2.2", SECOND / 20, link), 0);
  assert_int_equal(find(n, "192.0.2.1", SECOND / 20, link), 6);
  assert_memory_equal(link, link_a, 6);
  assert_int_equal(find(n, "192.0.2.2", SECOND / 10, link), 6);
  assert_int_equal(system("ip neigh change 192.0.2.1 lladdr 02:00:00:00:00:0a dev one"), 0);
  assert_int_equal(find(n, "192.0.2.1", SECOND, link), 6);
  assert_memory_equal(link, link_b, 6);
  assert_int_equal(find(n, "192.0.2.1", SECOND + SECOND / 10, link), 6);
  assert_memory_equal(link, link_a, 6);
  neighbours_free(&n);
  assert_null(n);
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
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neighbours_are_found),
      cmocka_unit_test(one_question),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
