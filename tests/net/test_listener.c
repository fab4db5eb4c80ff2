// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/net/listener: sockets per worker, who may share a port, the kernel's choice of one.
#include "dnsproxy/net/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct listener *
loopback(const char *text, const struct transport *transport)
{
  struct address a;
  struct fault fault = FAULT_INIT;
  assert_true(address_parse(&a, text, 0, &fault));
  return listener_new(&a, transport);
}

static int
option(int fd, int level, int name)
{
  int value = -1;
  socklen_t size = sizeof value;
  assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

static uint16_t
port_of(int fd)
{
  struct address a;
  socklen_t size = sizeof a;
  assert_int_equal(getsockname(fd, &a.sa, &size), 0);
  return address_port(&a);
}

static void
all_workers_share_the_port_of_the_first(void **state)
{
  const struct transport *const both[] = {&transport_udp, &transport_tcp};
  (void)state;
  for (int t = 0; t < 2; t++) {
    struct fault fault = FAULT_INIT;
    struct listener *l = loopback("127.0.0.1:0", both[t]);
    assert_true(listener_bind(l, 3, NULL, &fault));
    assert_int_not_equal(address_port(&l->address), 0);
    for (int i = 0; i < 3; i++) {
      assert_int_equal(port_of(l->sockets[i]), address_port(&l->address));
      assert_int_equal(option(l->sockets[i], SOL_SOCKET, SO_REUSEPORT), 1);
      assert_non_null(l->counters[i]);
    }
    assert_int_equal(l->sockets[3], -1);
    assert_int_equal(option(l->sockets[0], SOL_SOCKET, SO_REUSEADDR), both[t] == &transport_tcp);
    object_unref(&l);
  }
}

// A second instance, which shares nothing with us but the user, is told that the port is taken.
static void
second_bind_is_refused(void **state)
{
  const struct transport *const both[] = {&transport_udp, &transport_tcp};
  (void)state;
  for (int t = 0; t < 2; t++) {
    struct fault fault = FAULT_INIT;
    char expected[200], where[ADDRESS_TEXT_SIZE];
    struct listener *first = loopback("127.0.0.1:0", both[t]);
    assert_true(listener_bind(first, 2, NULL, &fault));
    struct listener *second = listener_new(&first->address, both[t]);
    assert_false(listener_bind(second, 2, NULL, &fault));
    snprintf(expected, sizeof expected, "binding socket to %s: Address already in use",
             address_text_with_port(&first->address, where));
    assert_int_equal(fault.kind, FAULT_PLAIN);
    assert_string_equal(fault.text, expected);
    for (int i = 0; i < 2; i++)
      assert_int_equal(second->sockets[i], -1);
    object_unref(&first);
    object_unref(&second);
  }
}

static void
reuse_port_lines_share(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  struct listener *first = loopback("127.0.0.1:0", &transport_udp);
  first->reuse_port = true;
  assert_true(listener_bind(first, 2, NULL, &fault));
  struct listener *second = listener_new(&first->address, &transport_udp);
  second->reuse_port = true;
  assert_true(listener_bind(second, 2, NULL, &fault));
  object_unref(&first);
  object_unref(&second);
}

static void
wildcards_ask_for_the_destination(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  struct listener *any = loopback("0.0.0.0:0", &transport_udp), *one = loopback("127.0.0.1:0", &transport_udp);
  assert_true(listener_bind(any, 1, NULL, &fault) && listener_bind(one, 1, NULL, &fault));
  assert_int_equal(option(any->sockets[0], IPPROTO_IP, IP_PKTINFO), 1);
  assert_int_equal(option(one->sockets[0], IPPROTO_IP, IP_PKTINFO), 0);
  assert_int_equal(option(one->sockets[0], IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
  object_unref(&any);
  object_unref(&one);
}

// 0.0.0.0 and :: are different lines of a configuration and do not take each other's port.
static void
families_are_apart(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  struct listener *six = loopback("[::]:0", &transport_udp);
  if (!listener_bind(six, 1, NULL, &fault)) { // a machine without IPv6
    object_unref(&six);
    skip();
  }
  struct listener *four = loopback("0.0.0.0:0", &transport_udp);
  address_set_port(&four->address, address_port(&six->address));
  assert_true(listener_bind(four, 1, NULL, &fault));
  assert_int_equal(option(six->sockets[0], IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
  object_unref(&six);
  object_unref(&four);
}

static void
address_that_is_not_here_yet_is_accepted(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  struct listener *l = loopback("192.0.2.53:0", &transport_udp);
  assert_true(listener_bind(l, 2, (const int[2]){65536, 65536}, &fault));
  assert_int_equal(option(l->sockets[0], SOL_SOCKET, SO_RCVBUF), 2 * 65536); // the kernel doubles it
  object_unref(&l);
}

static void
unknown_interface_is_told(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  struct listener *l = loopback("127.0.0.1:0", &transport_tcp);
  strcpy(l->interface, "nosuchif0");
  assert_true(listener_bind(l, 1, NULL, &fault)); // the dialect warns, and listens without it
  assert_true(address_port(&l->address) != 0);
  listener_close(l);
  object_unref(&l);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_workers_share_the_port_of_the_first),
      cmocka_unit_test(second_bind_is_refused),
      cmocka_unit_test(reuse_port_lines_share),
      cmocka_unit_test(wildcards_ask_for_the_destination),
      cmocka_unit_test(families_are_apart),
      cmocka_unit_test(address_that_is_not_here_yet_is_accepted),
      cmocka_unit_test(unknown_interface_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
