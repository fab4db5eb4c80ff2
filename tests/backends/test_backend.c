// SPDX-License-Identifier: BSD-2-Clause
// Identity of backends: what was said the same is the same, each option counts, state does not.
#include "dnsproxy/backends/backend.h"

#include "dnsproxy/backends/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct backend_options
said(void)
{
  struct backend_options o;
  backend_options_default(&o);
  assert_true(address_parse(&o.address, "192.0.2.1", 53, &(struct fault)FAULT_INIT));
  strcpy(o.name, "one");
  return o;
}

static void
what_is_said_twice_is_the_same(void **state)
{
  (void)state;
  struct backend_options a = said(), b = said();
  struct backend *backend = backend_new(&a);
  assert_true(backend_same(backend, &b));
  assert_true(backend_options_hash(&backend->options) == backend_options_hash(&b));
  // What happened to it since is not part of it.
  backend_force(backend, FORCED_DOWN);
  assert_true(backend_set_weight(backend, 7));
  backend_set_name(backend, "other");
  backend_set_qps(backend, 10);
  assert_true(backend_same(backend, &b));
  object_unref(&backend);
}

static void
an_id_counts_when_it_was_given(void **state)
{
  (void)state;
  struct backend_options a = said(), b = said(), plain = said();
  assert_true(uuid_parse(&a.id, "10000000-0000-0000-0000-000000000001"));
  b.id = a.id;
  struct backend *backend = backend_new(&a);
  assert_true(backend_same(backend, &b));
  assert_false(backend_same(backend, &plain));
  assert_true(uuid_parse(&b.id, "10000000-0000-0000-0000-000000000002"));
  assert_false(backend_same(backend, &b));
  object_unref(&backend);
}

#define DIFFERS(change)                                                                                                \
  do {                                                                                                                 \
    struct backend_options a = said(), b = said();                                                                     \
    change;                                                                                                            \
    assert_false(backend_options_same(&a, &b));                                                                        \
    assert_false(backend_options_same(&b, &a));                                                                        \
    assert_true(backend_options_same(&b, &b));                                                                         \
  } while (0)

static void
each_option_counts(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  DIFFERS(address_set_port(&b.address, 54));
  DIFFERS(assert_true(address_parse(&b.address, "192.0.2.2", 53, &fault)));
  DIFFERS(assert_true(address_parse(&b.source, "192.0.2.9", 0, &fault)));
  DIFFERS(strcpy(b.name, "two"));
  DIFFERS(strcpy(b.source_interface, "eth0"));
  DIFFERS(b.protocol = &protocol_tcp);
  DIFFERS(b.protocol = &protocol_tls);
  DIFFERS(b.qps++);
  DIFFERS(b.order++);
  DIFFERS(b.weight++);
  DIFFERS(b.udp_timeout_s++);
  DIFFERS(b.sockets++);
  DIFFERS(b.retries++);
  DIFFERS(b.tcp_connect_timeout_s++);
  DIFFERS(b.tcp_send_timeout_s++);
  DIFFERS(b.tcp_recv_timeout_s++);
  DIFFERS(b.max_in_flight++);
  DIFFERS(b.max_connections++);
  DIFFERS(b.dscp++);
  DIFFERS(b.ip_bind_addr_no_port = !b.ip_bind_addr_no_port);
  DIFFERS(b.reconnect_on_up = !b.reconnect_on_up);
  DIFFERS(b.tcp_fast_open = !b.tcp_fast_open);
  DIFFERS(b.use_client_subnet = !b.use_client_subnet);
  DIFFERS(b.disable_zero_scope = !b.disable_zero_scope);
  DIFFERS(b.use_proxy_protocol = !b.use_proxy_protocol);
  DIFFERS(b.proxy_advertise_tls = !b.proxy_advertise_tls);
  DIFFERS(assert_true(name_from_text(&b.check.name, "check.test", 10, &fault)));
  DIFFERS(b.check.type++);
  DIFFERS(b.check.class++);
  DIFFERS(b.check.timeout_ms++);
  DIFFERS(b.check.interval_s++);
  DIFFERS(b.check.max_failures++);
  DIFFERS(b.check.rise++);
  DIFFERS(b.check.over_tcp = !b.check.over_tcp);
  DIFFERS(b.check.must_resolve = !b.check.must_resolve);
  DIFFERS(b.check.set_cd = !b.check.set_cd);
  DIFFERS(b.check.mode = HEALTH_LAZY);
  DIFFERS(b.check.forced = FORCED_UP);
  DIFFERS(b.check.lazy_failed_interval_s++);
  DIFFERS(b.check.lazy_min_samples++);
  DIFFERS(b.check.lazy_sample_size++);
  DIFFERS(b.check.lazy_threshold++);
  DIFFERS(b.check.lazy_max_backoff_s++);
  DIFFERS(b.check.lazy_backoff = !b.check.lazy_backoff);
  DIFFERS(b.check.lazy_mode = LAZY_TIMEOUT_ONLY);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_said_twice_is_the_same),
      cmocka_unit_test(an_id_counts_when_it_was_given),
      cmocka_unit_test(each_option_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
