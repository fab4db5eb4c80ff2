// SPDX-License-Identifier: BSD-2-Clause
// Every kind of selector: what it matches, and its text in the Rule column.
#include "tests/fake_worker.h"
#include "tests/rule_spec.h"

#include "dnsproxy/backends/pool.h"
#include "dnsproxy/wire/name_set.h"
#include "rules/select/timed_ip_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// id 1234, opcode QUERY, RD
#define QUERY "1234 0100 0001 0000 0000 0000 "
#define QUERY_OPT "1234 0100 0001 0000 0000 0001 "
#define WWW "03'wWw'07'example'03'com'00 0001 0001 "
#define PLAIN QUERY WWW
#define DO_OPT "00 0029 04d0 00 00 8000 0000 "
// an answer with two A records and one of another type
#define ANSWER "1234 8180 0001 0002 0001 0000 " WWW A_RECORD A_RECORD "c00c 0010 0001 0000003c 0002 01'x' "
#define A_RECORD "c00c 0001 0001 0000003c 0004 c0000201 "

struct row {
  const char *spec, *text; // text NULL: not looked at
  const char *packet;      // NULL: PLAIN
  bool match;
  const char *client, *destination; // NULL: as fake_query() has them
  const struct transport *transport;
  const char *tag, *value;
  uint8_t proxy_type; // of `value`; 0: none
};

static const struct row rows[] = {
    {"AllRule()", "All", .match = true},
    {"AndRule(AllRule(),RDRule())", "(All) && (rd==1)", .match = true},
    {"AndRule(AllRule(),TCPRule(true))", "(All) && (TCP)", .match = false},
    {"AndRule()", "", .match = true},
    {"OrRule(TCPRule(true),RDRule())", "(TCP) || (rd==1)", .match = true},
    {"OrRule(TCPRule(true))", "(TCP)", .match = false},
    {"OrRule()", "", .match = false},
    {"NotRule(AllRule())", "!(All)", .match = false},
    {"NotRule(OrRule())", "!()", .match = true},
    {"ProbaRule(1)", "match with prob. 1.00", .match = true},
    {"ProbaRule(0)", "match with prob. 0.00", .match = false},

    {"QNameRule(WWW.example.com)", "qname==WWW.example.com.", .match = true},
    {"QNameRule(example.com)", "qname==example.com.", .match = false},
    {"QNameSetRule(www.example.com,b.)", "qname in DNSNameSet(2 FQDNs)", .match = true},
    {"QNameSetRule(example.com)", "qname in DNSNameSet(1 FQDNs)", .match = false},
    {"QNameSuffixRule(Example.com,b.)", "qname in b., Example.com.", .match = true},
    {"QNameSuffixRule(w.example.com)", "qname in w.example.com.", .match = false},
    {"QNameSuffixRule(com|true)", "qname==in-set", .match = true},
    {"SuffixMatchNodeRule(.)", "qname in .", .match = true},
    {"QNameLabelsCountRule(4|5)", "labels count < 4 || labels count > 5", .match = true},
    {"QNameLabelsCountRule(3|3)", NULL, .match = false},
    {"QNameLabelsCountRule(0|2)", NULL, .match = true},
    {"QNameWireLengthRule(1|16)", "wire length < 1 || wire length > 16", .match = true},
    {"QNameWireLengthRule(17|17)", NULL, .match = false},

    // Those that wait for a part: they never match.
    {"HTTPHeaderRule(user-agent|^curl)", "http[user-agent] ~ ^curl", .match = false},
    {"HTTPPathRegexRule(^/dns)", "http path ~ ^/dns", .match = false},
    {"HTTPPathRule(/dns-query)", "url path == /dns-query", .match = false},
    {"SNIRule(dns.example.com)", "SNI == dns.example.com", .match = false},
    {"KeyValueStoreLookupRule(store|qname)", "lookup key-value store based on 'qname'", .match = false},
    {"KeyValueStoreRangeLookupRule(store|source IP)", "range-based lookup key-value store based on 'source IP'",
     .match = false},

    {"QTypeRule(A)", "qtype==A", .match = true},
    {"QTypeRule(TYPE4464)", "qtype==TYPE4464", .match = false},
    {"QClassRule(1)", "qclass==1", .match = true},
    {"QClassRule(65537)", "qclass==1", .match = true},
    {"QClassRule(3)", "qclass==3", .match = false},
    {"OpcodeRule(0)", "opcode==0", .match = true},
    {"OpcodeRule(4)", "opcode==4", "1234 2100 0001 0000 0000 0000 " WWW, .match = true},
    {"OpcodeRule(5)", "opcode==5", .match = false},
    {"RDRule()", "rd==1", .match = true},
    {"RDRule()", "rd==1", "1234 0000 0001 0000 0000 0000 " WWW, .match = false},
    {"RCodeRule(0)", "rcode==No Error", ANSWER, .match = true},
    {"RCodeRule(3)", "rcode==Non-Existent domain", "1234 8183 0001 0000 0000 0000 " WWW, .match = true},
    {"RCodeRule(16)", "rcode==ErrOutOfRange", "1234 8180 0001 0000 0000 0000 " WWW, .match = false},

    {"DNSSECRule()", "DNSSEC", .match = false},
    {"DNSSECRule()", "DNSSEC", "1234 0110 0001 0000 0000 0000 " WWW, .match = true},
    {"DNSSECRule()", "DNSSEC", QUERY_OPT WWW DO_OPT, .match = true},
    {"DNSSECRule()", "DNSSEC", QUERY_OPT WWW "00 0029 04d0 00 00 0000 0000", .match = false},
    {"EDNSOptionRule(10)", "ednsoptcode==10", QUERY_OPT WWW "00 0029 04d0 00000000 0008 0003 0000 000a 0000", .match = true},
    {"EDNSOptionRule(8)", "ednsoptcode==8", QUERY_OPT WWW DO_OPT, .match = false},
    {"EDNSOptionRule(8)", "ednsoptcode==8", .match = false},
    {"EDNSVersionRule(0)", "ednsversion>0", QUERY_OPT WWW "00 0029 04d0 00 01 0000 0000", .match = true},
    {"EDNSVersionRule(1)", "ednsversion>1", QUERY_OPT WWW "00 0029 04d0 00 01 0000 0000", .match = false},
    {"EDNSVersionRule(0)", "ednsversion>0", .match = false},
    {"ERCodeRule(16)", "ercode==Bad OPT Version / TSIG Signature Failure",
     "1234 8180 0001 0000 0000 0001 " WWW "00 0029 04d0 01 00 0000 0000", .match = true},
    {"ERCodeRule(3)", "ercode==Non-Existent domain", "1234 8183 0001 0000 0000 0000 " WWW, .match = false},
    {"ERCodeRule(3)", NULL, "1234 8183 0001 0000 0000 0001 " WWW DO_OPT, .match = true},

    {"PayloadSizeRule(equal|33)", "payload size is equal to 33", .match = true},
    {"PayloadSizeRule(greater|33)", "payload size is greater than 33", .match = false},
    {"PayloadSizeRule(greaterOrEqual|33)", "payload size is equal to or greater than 33", .match = true},
    {"PayloadSizeRule(smaller|34)", "payload size is smaller than 34", .match = true},
    {"PayloadSizeRule(smallerOrEqual|32)", "payload size is equal to or smaller than 32", .match = false},
    {"TrailingDataRule()", "trailing data", .match = false},
    {"TrailingDataRule()", "trailing data", PLAIN "00", .match = true},
    {"RecordsCountRule(1|2|3)", "2 <= records in AN <= 3", ANSWER, .match = true},
    {"RecordsCountRule(0|2|3)", "2 <= records in QD <= 3", ANSWER, .match = false},
    {"RecordsCountRule(9|0|3)", "0 <= records in  <= 3", ANSWER, .match = false},
    {"RecordsTypeCountRule(1|1|2|2)", "2 <= A records in AN <= 2", ANSWER, .match = true},
    {"RecordsTypeCountRule(2|1|1|9)", "1 <= A records in NS <= 9", ANSWER, .match = false},
    {"RecordsTypeCountRule(2|16|1|1)", "1 <= TXT records in NS <= 1", ANSWER, .match = true},
    {"RecordsTypeCountRule(0|1|1|1)", "1 <= A records in QD <= 1", ANSWER, .match = true},

    {"NetmaskGroupRule(192.0.2.0/24,2001:db8::/32)", "Src: 192.0.2.0/24, 2001:db8::/32", .match = true},
    {"NetmaskGroupRule(192.0.2.0/24)", NULL, .match = false, .client = "192.0.3.1"},
    {"NetmaskGroupRule(198.51.100.1|false)", "Dst: 198.51.100.1/32", .match = true},
    {"NetmaskGroupRule(192.0.2.0/24|true|true)", "Src: in-group", .match = true},
    {"DSTPortRule(53)", "dst port==53", .match = true},
    {"DSTPortRule(5353)", "dst port==5353", .match = true, .destination = "[::1]:5353"},
    {"TCPRule(true)", "TCP", .match = true, .transport = &transport_doh},
    {"TCPRule(true)", "TCP", .match = false, .transport = &transport_dnscrypt_udp},
    {"TCPRule(false)", "UDP", .match = true},
    {"IncomingProtocolRule(DoT)", "incoming protocol is DoT", .match = true, .transport = &transport_dot},
    {"IncomingProtocolRule(DoTCP)", "incoming protocol is DoTCP", .match = false},

    {"RegexRule(^www%5c.ex)", "Regex: ^www\\.ex", .match = true},
    {"RegexRule([0-9])", "Regex: [0-9]", .match = false},
    {"RegexRule(com$)", NULL, .match = true},
    {"RegexRule([%5cw]ww)", NULL, .match = true},          // a backslash or a w
    {"RegexRule(^[%5cd]ww)", NULL, .match = false},        // not a digit class
    {"RegexRule([]w][[:alpha:]]{2}[.]e)", NULL, .match = true},
    {"RegexRule(^w{%2c3}%5c.)", NULL, .match = true},      // {,3}
    {"RE2Rule(wWw%5c.example%5c.com)", "RE2 match: wWw\\.example\\.com", .match = true},
    {"RE2Rule(www.*)", NULL, .match = false}, // casing counts
    {"RE2Rule(example)", NULL, .match = false},
    {"RE2Rule([)", "RE2 match: [", .match = false},

    {"TagRule(a)", "tag 'a' is set", .match = true, .tag = "a", .value = "x"},
    {"TagRule(a)", "tag 'a' is set", .match = false},
    {"TagRule(a|x)", "tag 'a' is set to 'x'", .match = true, .tag = "a", .value = "x"},
    {"TagRule(a|y)", "tag 'a' is set to 'y'", .match = false, .tag = "a", .value = "x"},
    {"ProxyProtocolValueRule(5)", "proxy protocol value of type 5 matches", .match = true, .value = "x", .proxy_type = 5},
    {"ProxyProtocolValueRule(5|x)", "proxy protocol value of type 5 matches", .match = true, .value = "x", .proxy_type = 5},
    {"ProxyProtocolValueRule(5|y)", NULL, .match = false, .value = "x", .proxy_type = 5},
    {"ProxyProtocolValueRule(6)", NULL, .match = false, .value = "x", .proxy_type = 5},
    {"MaxQPSRule(1)", "Max 1 qps", .match = true},
    {"MaxQPSRule(0)", "Max 0 qps", .match = false},
    {"MaxQPSIPRule(20)", "IP (/32, /64) match for QPS over 20 burst 20", .match = false},
    {"MaxQPSIPRule(20|24|48|50)", "IP (/24, /48) match for QPS over 20 burst 50", .match = false},
    {"MaxQPSIPRule(0)", NULL, .match = true},
};

static struct query *
query_of(struct fake_worker *f, const struct row *r)
{
  struct fault fault = FAULT_INIT;
  struct query *q = fake_query(f, r->packet != NULL ? r->packet : PLAIN);
  if (r->client != NULL)
    assert_true(address_parse(&q->arrival.client, r->client, 1024, &fault));
  if (r->destination != NULL)
    assert_true(address_parse(&q->arrival.destination, r->destination, 53, &fault));
  q->arrival.transport = r->transport != NULL ? r->transport : &transport_udp;
  if (r->proxy_type != 0)
    assert_true(query_add_proxy_value(q, r->proxy_type, r->value, strlen(r->value)));
  if (r->tag != NULL)
    assert_true(query_tag_set(q, r->tag, r->value, strlen(r->value)));
  return q;
}

static void
every_row(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fault fault = FAULT_INIT;
    struct selector *s = spec_selector(rows[i].spec, &fault);
    assert_non_null(s);
    struct query *q = query_of(&f, &rows[i]);
    if (selector_match(s, q) != rows[i].match)
      fail_msg("row %zu: %s is expected %s", i, rows[i].spec, rows[i].match ? "to match" : "not to match");
    struct text shown;
    text_init(&shown);
    selector_show(s, &shown);
    if (rows[i].text != NULL)
      assert_string_equal(shown.data, rows[i].text);
    text_fini(&shown);
    fake_query_free(&q);
    object_unref(&s);
  }
  fake_worker_close(&f);
}

// Every kind of the index is in the table above or has a test of its own.
static void
every_kind_is_tested(void **state)
{
  (void)state;
  static const char *const apart[] = {"PoolAvailableRule", "PoolOutstandingRule"};
  for (const struct selector_kind *const *kind = selector_kinds; *kind != NULL; kind++) {
    size_t size = strlen((*kind)->name);
    bool found = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
      found = found || (strncmp(rows[i].spec, (*kind)->name, size) == 0 && rows[i].spec[size] == '(');
    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++)
      found = found || strcmp(apart[i], (*kind)->name) == 0;
    if (!found)
      fail_msg("%s is not tested", (*kind)->name);
    assert_non_null((*kind)->help);
    assert_true(((*kind)->text != NULL) != ((*kind)->show != NULL));
    assert_true(((*kind)->key != KEY_NONE) == ((*kind)->key_value != NULL));
  }
}

static void
mistakes(void **state)
{
  (void)state;
  static const struct {
    const char *spec, *text;
  } bad[] = {
      {"PayloadSizeRule(x|3)", "Unsupported comparison 'x'"},
      {"IncomingProtocolRule(dot)", "Unknown protocol name: 'dot'"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct fault fault = FAULT_INIT;
    assert_null(spec_selector(bad[i].spec, &fault));
    assert_int_equal(fault.kind, FAULT_CAUGHT);
    assert_string_equal(fault.text, bad[i].text);
  }
  struct fault fault = FAULT_INIT;
  assert_null(spec_selector("RegexRule([)", &fault));
  assert_int_equal(fault.kind, FAULT_CAUGHT);
  assert_non_null(strstr(fault.text, "RegexRule"));
}

// An expression that would take exponential time gives up.
static void
regex_is_limited(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct selector *s = spec_selector("RegexRule(^((a+)+)+$)", NULL);
  struct query *q = fake_query(&f, QUERY "20'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'00 0001 0001");
  assert_false(selector_match(s, q));
  fake_query_free(&q);
  object_unref(&s);
  fake_worker_close(&f);
}

static void
qps_passes_and_refills(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct selector *s = spec_selector("MaxQPSRule(2|3)", NULL);
  struct query *q = fake_query(&f, PLAIN);
  for (unsigned i = 0; i < 5; i++)
    assert_int_equal(selector_match(s, q), i < 3);
  f.worker->now_us += 500000; // half a second is one token
  assert_true(selector_match(s, q));
  assert_false(selector_match(s, q));
  fake_query_free(&q);
  object_unref(&s);
  fake_worker_close(&f);
}

static unsigned
refused(struct selector *s, struct query *q, const char *client, unsigned times)
{
  unsigned n = 0;
  assert_true(address_parse(&q->arrival.client, client, 1, NULL));
  for (unsigned i = 0; i < times; i++)
    n += selector_match(s, q);
  return n;
}

static void
qps_by_range(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct selector *s = spec_selector("MaxQPSIPRule(5|24|64|7|10)", NULL);
  struct query *q = fake_query(&f, PLAIN);
  assert_int_equal(refused(s, q, "192.0.2.1", 10), 3);
  assert_int_equal(refused(s, q, "192.0.2.77", 1), 1); // the same range
  assert_int_equal(refused(s, q, "192.0.3.1", 7), 0);
  assert_int_equal(refused(s, q, "2001:db8::1", 8), 1);
  assert_int_equal(refused(s, q, "2001:db8::2:1", 1), 1);
  assert_int_equal(refused(s, q, "::192.0.2.1", 7), 0); // not the IPv4 range
  f.worker->now_us += 1000000;
  assert_int_equal(refused(s, q, "192.0.2.1", 6), 1); // five tokens a second
  object_unref(&s);
  // A slow range that is not seen for the time of expiration starts afresh.
  s = spec_selector("MaxQPSIPRule(1|32|64|100|10)", NULL);
  assert_int_equal(refused(s, q, "192.0.2.1", 101), 1);
  f.worker->now_us += 9 * UINT64_C(1000000);
  assert_int_equal(refused(s, q, "192.0.2.1", 10), 1);
  f.worker->now_us += 12 * UINT64_C(1000000);
  assert_int_equal(refused(s, q, "192.0.2.1", 100), 0);
  fake_query_free(&q);
  object_unref(&s);
  fake_worker_close(&f);
}

static void
timed_ip_set(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct timed_ip_set *set = timed_ip_set_new();
  struct selector *s = timed_ip_set_slice(set);
  struct query *q = fake_query(&f, PLAIN);
  uint64_t now = f.worker->now_us;
  assert_false(selector_match(s, q));
  timed_ip_set_add(set, &q->arrival.client, 10, now);
  timed_ip_set_add(set, &q->arrival.client, 5, now); // never shortens
  for (unsigned i = 0; i < 300; i++) {
    struct address other = q->arrival.client;
    other.v4.sin_addr.s_addr += htonl(i);
    timed_ip_set_add(set, &other, i < 150 ? 5 : 20, now);
  }
  assert_int_equal(timed_ip_set_count(set, now), 300);
  f.worker->now_us = now + 9000000;
  assert_true(selector_match(s, q));
  assert_int_equal(timed_ip_set_count(set, f.worker->now_us), 151);
  timed_ip_set_cleanup(set, f.worker->now_us);
  assert_true(selector_match(s, q));
  f.worker->now_us = now + 10000001;
  assert_false(selector_match(s, q));
  timed_ip_set_clear(set);
  assert_int_equal(timed_ip_set_count(set, now), 0);
  struct text shown;
  text_init(&shown);
  selector_show(s, &shown);
  assert_string_equal(shown.data, "Src: 0 ips");
  text_fini(&shown);
  object_unref(&set);
  fake_query_free(&q);
  object_unref(&s);
  fake_worker_close(&f);
}

static struct pool_table *pools;

static const struct pool_table *
pools_of(const struct query *q)
{
  (void)q;
  return pools;
}

static void
pool_state(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct pool_draft draft = {.entries = NULL};
  struct backend_options options;
  backend_options_default(&options);
  assert_true(address_parse(&options.address, "192.0.2.53", 53, NULL));
  struct backend *b = backend_new(&options);
  atomic_store(&b->up, true);
  pool_draft_add_backend(&draft, b);
  pool_entry_add(pool_draft_get(&draft, "a"), b);
  pool_draft_get(&draft, "empty");
  pools = pool_table_build(&draft, &f.settings);
  selector_pools = pools_of;
  struct query *q = fake_query(&f, PLAIN);
  struct selector *a = spec_selector("PoolAvailableRule(a)", NULL), *empty = spec_selector("PoolAvailableRule(empty)", NULL),
                  *none = spec_selector("PoolAvailableRule(none)", NULL), *more = spec_selector("PoolOutstandingRule(a|0)", NULL);
  assert_true(selector_match(a, q));
  assert_false(selector_match(empty, q));
  assert_false(selector_match(more, q));
  counter_add(&b->counters[f.worker->id]->outstanding, 1);
  assert_true(selector_match(more, q));
  assert_false(q->selector_failed);
  selector_match(none, q);
  assert_true(q->selector_failed);
  assert_int_equal(q->drop, DROP_NO_POOL);
  struct text shown;
  text_init(&shown);
  selector_show(a, &shown);
  selector_show(more, &shown);
  assert_string_equal(shown.data, "pool 'a' is availablepool 'a' outstanding > 0");
  text_fini(&shown);
  object_unref(&a);
  object_unref(&empty);
  object_unref(&none);
  object_unref(&more);
  fake_query_free(&q);
  object_unref(&pools);
  object_unref(&b);
  pool_draft_fini(&draft);
  fake_worker_close(&f);
}

static void
sets_become_selectors(void **state)
{
  (void)state;
  struct suffix_set *names = suffix_set_new();
  struct name com;
  assert_true(name_from_text(&com, "com", 3, NULL));
  suffix_set_add(names, &com);
  struct selector *s = selector_from_suffixes(names, false);
  // Who goes on adding gets a copy: the rule stays as it was.
  struct name org;
  assert_true(name_from_text(&org, "org", 3, NULL));
  suffix_set_writable(&names);
  suffix_set_add(names, &org);
  struct text shown;
  text_init(&shown);
  selector_show(s, &shown);
  assert_string_equal(shown.data, "qname in com.");
  text_fini(&shown);
  object_unref(&names);
  object_unref(&s);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row),
      cmocka_unit_test(every_kind_is_tested),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(regex_is_limited),
      cmocka_unit_test(qps_passes_and_refills),
      cmocka_unit_test(qps_by_range),
      cmocka_unit_test(timed_ip_set),
      cmocka_unit_test(pool_state),
      cmocka_unit_test(sets_become_selectors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
