// SPDX-License-Identifier: BSD-2-Clause
// Every kind of action: its verdict, what it does to the packet, and its text in the Action column.
#include "tests/fake_worker.h"
#include "tests/rule_spec.h"

#include "dnsproxy/base/netmask.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/svc_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNTS "0001 0000 0000 0000 "
#define COUNTS_OPT "0001 0000 0000 0001 "
#define NAME "03'wWw'07'example'03'com'00 "
#define A_IN "0001 0001 "
#define AAAA_IN "001c 0001 "
#define TXT_IN "0010 0001 "
#define ANY_IN "00ff 0001 "
// RD is set in all; AD too, so that one sees it cleared
#define QUERY "1234 0120 "
#define PLAIN QUERY COUNTS NAME A_IN
#define WITH_OPT QUERY COUNTS_OPT NAME A_IN "00 0029 0400 00 00 8000 0000 "
#define OUR_OPT "00 0029 04d0 00 00 8000 0000 "
#define RECORD(type, ttl) "c00c " type " 0001 " ttl " "
#define MINUTE "0000003c"
// an answer with an A of one minute, a TXT of ten, and an OPT
#define ANSWER(flags, a_ttl, txt_ttl)                                                                                  \
  "1234 " flags " 0001 0001 0001 0001 " NAME A_IN RECORD("0001", a_ttl) "0004 c0000201 "                               \
  RECORD("0010", txt_ttl) "0002 01'x' " OUR_OPT
#define ANSWER_PLAIN ANSWER("8180", MINUTE, "00000258")

struct row {
  const char *spec, *text;
  const char *before, *after; // before NULL: PLAIN; after NULL: as before
  enum verdict verdict;
  const struct transport *transport;
  enum drop drop;
};

static const struct row rows[] = {
    {"AllowAction()", "allow", .verdict = VERDICT_STOP},
    {"DropAction()", "drop", .verdict = VERDICT_DROP, .drop = DROP_RULE},
    {"NoneAction()", "no op", .verdict = VERDICT_NEXT},
    {"ContinueAction(NoneAction())", "continue after: no op", .verdict = VERDICT_NEXT},
    {"ContinueAction(RCodeAction(5))", "continue after: set rcode 5", .after = "1234 8185 " COUNTS NAME A_IN, .verdict = VERDICT_NEXT},
    {"DelayAction(5)", "delay by 5 ms", .verdict = VERDICT_NEXT},
    {"PoolAction(a)", "to pool a", .verdict = VERDICT_STOP},
    {"PoolAction(a|false)", "to pool a", .verdict = VERDICT_NEXT},
    {"QPSPoolAction(1|a)", "max 1 to pool a", .verdict = VERDICT_STOP},
    {"QPSPoolAction(0|a)", "max 0 to pool a", .verdict = VERDICT_NEXT},
    {"QPSPoolAction(1|a|false)", "max 1 to pool a", .verdict = VERDICT_NEXT},
    {"QPSAction(1)", "qps limit to 1", .verdict = VERDICT_NEXT},
    {"QPSAction(0)", "qps limit to 0", .verdict = VERDICT_DROP, .drop = DROP_RULE},

    {"SpoofSVCAction()", "spoof SVC record ", .verdict = VERDICT_NEXT},
    {"TeeAction(192.0.2.1:5300)", "tee to 192.0.2.1:5300", .verdict = VERDICT_NEXT, .transport = &transport_tcp},

    // Those that wait for a part: nothing happens.
    {"HTTPStatusAction(65736|x)", "return an HTTP status of 200", .verdict = VERDICT_NEXT},
    {"KeyValueStoreLookupAction(store|qname|t)",
     "lookup key-value store based on 'qname' and set the result in tag 't'", .verdict = VERDICT_NEXT},
    {"KeyValueStoreRangeLookupAction(store|qname|t)",
     "do a range-based lookup in key-value store based on 'qname' and set the result in tag 't'",
     .verdict = VERDICT_NEXT},
    {"RemoteLogAction(192.0.2.1:1)", "remote log to 192.0.2.1:1", .verdict = VERDICT_NEXT},
    {"RemoteLogResponseAction(192.0.2.1:1)", "remote log response to 192.0.2.1:1", .verdict = VERDICT_NEXT},
    {"DnstapLogAction(me|FrameStreamLogger to x)", "remote log as dnstap to FrameStreamLogger to x",
     .verdict = VERDICT_NEXT},
    {"DnstapLogResponseAction(me|FrameStreamLogger to x)", "log response as dnstap to FrameStreamLogger to x",
     .verdict = VERDICT_NEXT},
    {"SetTraceAction(true)", "enable OpenTelemetry Tracing", .verdict = VERDICT_NEXT},
    {"SetTraceAction(false|{traceparentOptionCode=1})", "disable OpenTelemetry Tracing", .verdict = VERDICT_NEXT},
    {"SNMPTrapAction(hello)", "send SNMP trap", .verdict = VERDICT_NEXT},
    {"SNMPTrapResponseAction()", "send SNMP trap", .verdict = VERDICT_NEXT},

    {"RCodeAction(3)", "set rcode 3", .after = "1234 8183 " COUNTS NAME A_IN, .verdict = VERDICT_STOP},
    {"RCodeAction(300)", "set rcode 44", .after = "1234 818c " COUNTS NAME A_IN, .verdict = VERDICT_STOP},
    {"RCodeAction(16)", "set rcode 16", WITH_OPT, "1234 8180 " COUNTS_OPT NAME A_IN OUR_OPT, .verdict = VERDICT_STOP},
    {"RCodeAction(5|{aa=true,ad=true,ra=false})", "set rcode 5", .after = "1234 8525 " COUNTS NAME A_IN, .verdict = VERDICT_STOP},
    {"ERCodeAction(16)", "set ercode Bad OPT Version / TSIG Signature Failure", WITH_OPT,
     "1234 8180 " COUNTS_OPT NAME A_IN "00 0029 04d0 01 00 8000 0000", .verdict = VERDICT_STOP},
    {"ERCodeAction(16)", NULL, .after = "1234 8180 " COUNTS NAME A_IN, .verdict = VERDICT_STOP},
    {"TCAction()", "tc=1 answer", WITH_OPT, "1234 8380 " COUNTS_OPT NAME A_IN OUR_OPT, .verdict = VERDICT_STOP},
    {"TCAction()", "tc=1 answer", .verdict = VERDICT_NEXT, .transport = &transport_tcp},

    {"SpoofAction(192.0.2.9)", "spoof A 192.0.2.9 ",
     .after = "1234 8180 0001 0001 0000 0000 " NAME A_IN RECORD("0001", MINUTE) "0004 c0000209", .verdict = VERDICT_STOP},
    {"SpoofAction(192.0.2.9,2001:db8::1|{ttl=5,aa=true})", "spoof A 192.0.2.9 AAAA 2001:db8::1 ", QUERY COUNTS NAME AAAA_IN,
     "1234 8580 0001 0001 0000 0000 " NAME AAAA_IN RECORD("001c", "00000005") "0010 20010db8 00000000 00000000 00000001",
     .verdict = VERDICT_STOP},
    {"SpoofAction(192.0.2.9)", NULL, QUERY COUNTS NAME AAAA_IN, NULL, .verdict = VERDICT_NEXT},
    {"SpoofAction(192.0.2.9)", NULL, QUERY COUNTS NAME TXT_IN, NULL, .verdict = VERDICT_NEXT},
    {"SpoofAction(192.0.2.9)", NULL, QUERY COUNTS NAME ANY_IN,
     "1234 8180 0001 0001 0000 0000 " NAME ANY_IN RECORD("0001", MINUTE) "0004 c0000209", .verdict = VERDICT_STOP},
    {"SpoofAction()", "spoof ", .verdict = VERDICT_NEXT},
    {"SpoofCNAMEAction(b.c)", "spoof CNAME b.c. ", QUERY COUNTS NAME TXT_IN,
     "1234 8180 0001 0001 0000 0000 " NAME TXT_IN RECORD("0005", MINUTE) "0005 01'b'01'c'00", .verdict = VERDICT_STOP},
    {"SpoofRawAction(%02hi)", "spoof raw bytes ", QUERY COUNTS NAME TXT_IN,
     "1234 8180 0001 0001 0000 0000 " NAME TXT_IN RECORD("0010", MINUTE) "0003 02'hi'", .verdict = VERDICT_STOP},
    {"SpoofRawAction(%02hi|{typeForAny=16,ttl=1})", NULL, QUERY COUNTS NAME ANY_IN,
     "1234 8180 0001 0001 0000 0000 " NAME ANY_IN RECORD("0010", "00000001") "0003 02'hi'", .verdict = VERDICT_STOP},
    {"SpoofRawAction()", "spoof raw bytes ", .verdict = VERDICT_NEXT},
    {"SpoofPacketAction(%00%01%81%80%00%00%00%00%00%00%00%00x|12)", "spoof ", .after = "1234 8180 0000 0000 0000 0000",
     .verdict = VERDICT_STOP},
    {"NegativeAndSOAAction(true|z.|5|m.|r.|1|2|3|4|5)", "NXD with SOA",
     .after = "1234 8183 0001 0000 0000 0001 " NAME A_IN
              "01'z'00 0006 0001 00000005 001a 01'm'00 01'r'00 00000001 00000002 00000003 00000004 00000005",
     .verdict = VERDICT_STOP},
    {"NegativeAndSOAAction(false|z.|5|m.|r.|1|2|3|4|5|{soaInAuthoritySection=true,ad=true})", "NODATA with SOA",
     .after = "1234 81a0 0001 0000 0001 0000 " NAME A_IN
              "01'z'00 0006 0001 00000005 001a 01'm'00 01'r'00 00000001 00000002 00000003 00000004 00000005",
     .verdict = VERDICT_STOP},

    {"SetNoRecurseAction()", "set rd=0", .after = "1234 0020 " COUNTS NAME A_IN, .verdict = VERDICT_NEXT},
    {"SetDisableValidationAction()", "set cd=1", .after = "1234 0130 " COUNTS NAME A_IN, .verdict = VERDICT_NEXT},
    {"SetSkipCacheAction()", "skip cache", .verdict = VERDICT_NEXT},
    {"SetDisableECSAction()", "disable ECS", .verdict = VERDICT_NEXT},
    {"SetECSAction(192.0.2.77/25|2001:db8::1/32)", "set ECS to 192.0.2.0/25 / 2001:db8::/32", .verdict = VERDICT_NEXT},
    {"SetECSAction(2001:db8::/32)", "set ECS to 2001:db8::/32", .verdict = VERDICT_NEXT},
    {"SetECSOverrideAction(true)", "set ECS override to 1", .verdict = VERDICT_NEXT},
    // whether or not there is such a neighbour: a message whose OPT is missing stays as it is
    {"SetMacAddrAction(65001)", "add EDNS MAC (code=65001)", QUERY COUNTS_OPT NAME A_IN, .verdict = VERDICT_NEXT},
    {"SetECSPrefixLengthAction(20|48)", "set ECS prefix length to 20/48", .verdict = VERDICT_NEXT},
    {"SetTempFailureCacheTTLAction(7)", "set tempfailure cache ttl to 7", .verdict = VERDICT_NEXT},
    {"SetMaxReturnedTTLAction(7)", "cap the TTL of the returned response to 7", .verdict = VERDICT_NEXT},
    {"SetProxyProtocolValuesAction(7,seven)", "set Proxy-Protocol values", .verdict = VERDICT_NEXT},
    {"SetAdditionalProxyProtocolValueAction(8|eight)", "add a Proxy-Protocol value of type 8", .verdict = VERDICT_NEXT},
    {"SetTagAction(a|b)", "set tag 'a' to value 'b'", .verdict = VERDICT_NEXT},
    {"UnsetTagAction(a)", "unset tag 'a", .verdict = VERDICT_NEXT},
    {"SetEDNSOptionAction(65|xy)", "add EDNS Option (code=65)", WITH_OPT,
     QUERY COUNTS_OPT NAME A_IN "00 0029 0400 00 00 8000 0006 0041 0002 'xy'", .verdict = VERDICT_NEXT},
    {"SetEDNSOptionAction(65|xy)", NULL, .after = QUERY COUNTS_OPT NAME A_IN "00 0029 0200 00 00 0000 0006 0041 0002 'xy'",
     .verdict = VERDICT_NEXT},
    {"SetExtendedDNSErrorAction(15)", "set EDNS Extended DNS Error to 15", .verdict = VERDICT_NEXT},
    {"SetExtendedDNSErrorAction(15|bad)", "set EDNS Extended DNS Error to 15: \"bad\"", .verdict = VERDICT_NEXT},
    {"LogAction()", "log", .verdict = VERDICT_NEXT},

    {"AllowResponseAction()", "allow", ANSWER_PLAIN, NULL, .verdict = VERDICT_STOP},
    {"DropResponseAction()", "drop", ANSWER_PLAIN, NULL, .verdict = VERDICT_DROP, .drop = DROP_RESPONSE_RULE},
    {"DelayResponseAction(5)", "delay by 5 ms", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT},
    {"LogResponseAction()", "log", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT},
    {"SetTagResponseAction(a|b)", "set tag 'a' to value 'b'", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT},
    {"UnsetTagResponseAction(a)", "unset tag 'a", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT},
    {"SetSkipCacheResponseAction()", "skip cache", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT},
    {"SetMaxReturnedTTLResponseAction(9)", "cap the TTL of the returned response to 9", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT},
    {"SetExtendedDNSErrorResponseAction(15)", "set EDNS Extended DNS Error to 15", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT},
    {"TCResponseAction()", "tc=1 answer", ANSWER_PLAIN, "1234 8380 " COUNTS_OPT NAME A_IN OUR_OPT, .verdict = VERDICT_STOP},
    {"TCResponseAction()", "tc=1 answer", ANSWER_PLAIN, NULL, .verdict = VERDICT_NEXT, .transport = &transport_dot},
    {"LimitTTLResponseAction(120|300)", "limit ttl (120 <= ttl <= 300)", ANSWER_PLAIN,
     ANSWER("8180", "00000078", "0000012c"), .verdict = VERDICT_NEXT},
    {"LimitTTLResponseAction(120|300|16,1)", "limit ttl (120 <= ttl <= 300, types in [TXT A])", ANSWER_PLAIN,
     ANSWER("8180", "00000078", "0000012c"), .verdict = VERDICT_NEXT},
    {"LimitTTLResponseAction(120|300|16)", NULL, ANSWER_PLAIN, ANSWER("8180", MINUTE, "0000012c"), .verdict = VERDICT_NEXT},
    {"SetMinTTLResponseAction(120)", "limit ttl (120 <= ttl <= 4294967295)", ANSWER_PLAIN,
     ANSWER("8180", "00000078", "00000258"), .verdict = VERDICT_NEXT},
    {"SetMaxTTLResponseAction(120)", "limit ttl (0 <= ttl <= 120)", ANSWER_PLAIN, ANSWER("8180", MINUTE, "00000078"),
     .verdict = VERDICT_NEXT},
    {"SetReducedTTLResponseAction(50)", "reduce ttl to 50.000000 percent of its value", ANSWER_PLAIN,
     ANSWER("8180", "0000001e", "0000012c"), .verdict = VERDICT_NEXT},
    {"ClearRecordTypesResponseAction(16)", "clear record types", ANSWER_PLAIN,
     "1234 8180 0001 0001 0000 0001 " NAME A_IN RECORD("0001", MINUTE) "0004 c0000201 " OUR_OPT, .verdict = VERDICT_NEXT},
    {"SetEDNSOptionResponseAction(65|xy)", "add EDNS Option to response (code=65)", "1234 8180 " COUNTS_OPT NAME A_IN OUR_OPT,
     "1234 8180 " COUNTS_OPT NAME A_IN "00 0029 04d0 00 00 8000 0006 0041 0002 'xy'", .verdict = VERDICT_NEXT},
};

static void
check_row(struct fake_worker *f, size_t i)
{
  const struct row *r = &rows[i];
  const char *before = r->before != NULL ? r->before : PLAIN;
  struct fault fault = FAULT_INIT;
  struct action *a = spec_action(r->spec, &fault);
  struct query *q = fake_query(f, before);
  assert_non_null(a);
  q->arrival.transport = r->transport != NULL ? r->transport : &transport_udp;
  enum verdict v = a->kind->run(a, q);
  if (v != r->verdict || !fake_packet_is(q, r->after != NULL ? r->after : before))
    fail_msg("row %zu: %s", i, r->spec);
  if (v == VERDICT_DROP)
    assert_int_equal(q->drop, r->drop);
  if (v == VERDICT_STOP && a->kind->side == SIDE_QUERY)
    assert_int_equal(q->self_answered, query_answered(q));
  struct text shown;
  text_init(&shown);
  action_show(a, &shown);
  if (r->text != NULL)
    assert_string_equal(shown.data, r->text);
  text_fini(&shown);
  fake_query_free(&q);
  object_unref(&a);
}

static void
every_row(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    check_row(&f, i);
  fake_worker_close(&f);
}

static void
every_kind_is_tested(void **state)
{
  (void)state;
  for (const struct action_kind *const *kind = action_kinds; *kind != NULL; kind++) {
    size_t size = strlen((*kind)->name);
    bool found = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
      found = found || (strncmp(rows[i].spec, (*kind)->name, size) == 0 && rows[i].spec[size] == '(');
    if (!found)
      fail_msg("%s is not tested", (*kind)->name);
    assert_non_null((*kind)->help);
    assert_true(((*kind)->text != NULL) != ((*kind)->show != NULL));
    assert_int_equal((*kind)->side, strstr((*kind)->name, "ResponseAction") != NULL ? SIDE_RESPONSE : SIDE_QUERY);
  }
}

static struct query *
after(struct fake_worker *f, const char *spec)
{
  struct query *q = fake_query(f, PLAIN);
  struct action *a = spec_action(spec, NULL);
  a->kind->run(a, q);
  object_unref(&a);
  return q;
}

// What does not show in the packet.
static void
facts_are_set(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct query *q = after(&f, "SetSkipCacheAction()");
  assert_true(q->skip_cache);
  fake_query_free(&q);
  q = after(&f, "SetDisableECSAction()");
  assert_false(q->subnet.wanted);
  fake_query_free(&q);
  q = after(&f, "SetECSOverrideAction(true)");
  assert_true(q->subnet.override);
  fake_query_free(&q);
  q = after(&f, "SetECSPrefixLengthAction(20|100)");
  assert_int_equal(q->subnet.prefix_v4, 20);
  assert_int_equal(q->subnet.prefix_v6, 100); // more than there is never comes here: see its row, and the binder's test
  fake_query_free(&q);
  struct action *network = spec_action("SetECSAction(192.0.2.77/25|2001:db8::1/32)", NULL);
  q = fake_query(&f, PLAIN);
  network->kind->run(network, q);
  assert_int_equal(q->subnet.network->bits, 25);
  address_from_raw(&q->arrival.client, "0123456789abcdef", 16, 53);
  network->kind->run(network, q);
  assert_int_equal(q->subnet.network->bits, 32);
  assert_true(address_is_v6(&q->subnet.network->network));
  fake_query_free(&q);
  object_unref(&network);
  q = after(&f, "SetTempFailureCacheTTLAction(7)");
  assert_int_equal(q->limits.failure_ttl, 7);
  fake_query_free(&q);
  q = after(&f, "SetMaxReturnedTTLAction(7)");
  assert_int_equal(q->limits.max_ttl, 7);
  fake_query_free(&q);
  q = after(&f, "DelayAction(100000)");
  assert_int_equal(q->limits.delay_ms, 65535);
  fake_query_free(&q);
  q = after(&f, "QPSPoolAction(1|web)");
  assert_string_equal(q->pool_name, "web");
  fake_query_free(&q);
  q = after(&f, "SetEDNSOptionAction(65|xy)");
  assert_true(q->subnet.edns_added);
  fake_query_free(&q);
  q = after(&f, "SetTagAction(k|v)");
  assert_string_equal(query_tag_get(q, "k")->value, "v");
  struct action *a = spec_action("UnsetTagAction(k)", NULL);
  a->kind->run(a, q);
  assert_null(query_tag_get(q, "k"));
  object_unref(&a);
  fake_query_free(&q);
  fake_worker_close(&f);
}

static void
extended_errors_are_attached(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct query *q = fake_query(&f, WITH_OPT);
  static const char *const specs[] = {"SetExtendedDNSErrorAction(1|lost)", "SetExtendedDNSErrorAction(15|bad)",
                                      "SetExtendedDNSErrorAction(16||false)", "RCodeAction(3)"};
  for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
    struct action *a = spec_action(specs[i], NULL);
    a->kind->run(a, q);
    object_unref(&a);
  }
  query_attach_errors(q);
  assert_true(fake_packet_is(q, "1234 8183 " COUNTS_OPT NAME A_IN
                                "00 0029 04d0 00 00 8000 000f 000f 0005 000f 'bad' 000f 0002 0010"));
  query_attach_errors(q); // once only
  assert_true(fake_packet_is(q, "1234 8183 " COUNTS_OPT NAME A_IN
                                "00 0029 04d0 00 00 8000 000f 000f 0005 000f 'bad' 000f 0002 0010"));
  fake_query_free(&q);
  q = fake_query(&f, PLAIN); // no OPT, no error
  query_add_error(q, 15, "", 0);
  query_attach_errors(q);
  assert_true(fake_packet_is(q, PLAIN));
  fake_query_free(&q);
  fake_worker_close(&f);
}

static void
addresses_are_shuffled(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct action *a = spec_action("SpoofAction(192.0.2.1,192.0.2.2,192.0.2.3)", NULL);
  unsigned first[4] = {0}, sum = 0;
  for (unsigned i = 0; i < 300; i++) {
    struct query *q = fake_query(&f, PLAIN);
    a->kind->run(a, q);
    size_t at = q->question_end + 15; // the last byte of the first address
    first[q->packet.data[at]]++;
    sum += q->packet.data[at] + q->packet.data[at + 16] + q->packet.data[at + 32];
    fake_query_free(&q);
  }
  assert_int_equal(sum, 300 * (1 + 2 + 3)); // all are there
  for (unsigned i = 1; i <= 3; i++)
    assert_in_range(first[i], 50, 150);
  object_unref(&a);
  fake_worker_close(&f);
}

// An action whose first argument is `count` times the same text.
static struct action *
action_of_list(const char *kind, const char *data, size_t size, size_t count)
{
  struct bytes *strings = calloc(count, sizeof *strings);
  struct value args[2] = {{.given = true, .list = {.count = count, .strings = strings}}};
  for (size_t i = 0; i < count; i++)
    strings[i] = (struct bytes){.data = data, .size = size};
  struct action *a = action_new(action_kind_find(kind), args, NULL);
  assert_non_null(a);
  free(strings);
  return a;
}

#define SVCB_IN "0040 0001 "
#define TARGET "02'ns'04'test'00 "
extern const struct action_kind act_spoof_svc;

static struct action *
service_action(void)
{
  struct fault fault = FAULT_INIT;
  struct name target, owner;
  struct svc_parameter v4 = {.key = SVC_IPV4HINT, .value = {"\xc0\0\2\1\xc0\0\2\1", 8}}; // twice: one record
  struct svc_parameter port = {.key = SVC_PORT, .value = {"\0\x35", 2}};
  assert_true(name_from_text(&target, "ns.test", 7, &fault) && name_from_text(&owner, ".", 1, &fault));
  struct svc_record *r = svc_record_new(1, &target, &v4, 1, &fault);
  const struct value args[2] = {{.given = true, .list = {.count = 1, .objects = (void *[]){r}}}};
  struct action *a = action_new(&act_spoof_svc, args, &fault);
  object_unref(&r);
  struct svc_record *bad = svc_record_new(1, &owner, (struct svc_parameter[]){port, port}, 2, &fault);
  assert_null(bad);
  return a;
}

static void
services_are_answered(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct action *a = service_action();
  struct query *q = fake_query(&f, PLAIN); // another type goes on
  assert_int_equal(a->kind->run(a, q), VERDICT_NEXT);
  assert_true(fake_packet_is(q, PLAIN));
  fake_query_free(&q);
  q = fake_query(&f, QUERY COUNTS_OPT NAME SVCB_IN "00 0029 0400 00 00 8000 0000 ");
  assert_int_equal(a->kind->run(a, q), VERDICT_STOP);
  assert_true(fake_packet_is(q, "1234 8180 0001 0001 0000 0002 " NAME SVCB_IN RECORD("0040", MINUTE) "0017 0001 " TARGET
                                "0004 0008 c0000201 c0000201 " TARGET "0001 0001 " MINUTE "0004 c0000201 " OUR_OPT));
  fake_query_free(&q);
  object_unref(&a);
  fake_worker_close(&f);
}

// More than the buffer of a datagram holds: UDP clients get TC=1 when the answer is finished.
static void
large_answers_find_room(void **state)
{
  (void)state;
  struct fake_worker f;
  static char packet[9000];
  fake_worker_open(&f);
  struct action *a = action_of_list("SpoofAction", "192.0.2.1", 9, 500);
  struct query *q = fake_query(&f, PLAIN);
  uint8_t *borrowed = q->packet.data;
  size_t question = q->packet.size;
  assert_int_equal(a->kind->run(a, q), VERDICT_STOP);
  assert_int_equal(q->packet.size, question + 500 * 16);
  assert_int_equal(message_count(q->packet.data, 1), 500);
  query_free(&q); // its packet is its own now
  free(borrowed);
  object_unref(&a);
  q = fake_query(&f, PLAIN);
  borrowed = q->packet.data;
  const struct bytes text = {.data = packet, .size = sizeof packet};
  assert_int_equal(dialect_query_verdict(q, DNS_ACTION_SPOOF_PACKET, &text), VERDICT_STOP);
  assert_int_equal(q->packet.size, sizeof packet);
  query_free(&q);
  free(borrowed);
  fake_worker_close(&f);
}

static void
what_no_message_holds_is_dropped(void **state)
{
  (void)state;
  struct fake_worker f;
  static char data[33000];
  fake_worker_open(&f);
  struct action *a = action_of_list("SpoofRawAction", data, sizeof data, 2);
  struct query *q = fake_query(&f, PLAIN);
  uint8_t *borrowed = q->packet.data;
  assert_int_equal(a->kind->run(a, q), VERDICT_DROP);
  assert_int_equal(q->drop, DROP_ANSWER_TOO_LARGE);
  assert_true(fake_packet_is(q, PLAIN));
  query_free(&q); // its packet is its own now
  free(borrowed);
  object_unref(&a);
  fake_worker_close(&f);
}

static void
mistakes(void **state)
{
  (void)state;
  struct fault fault = FAULT_INIT;
  assert_null(spec_action("SpoofAction(192.0.2.1,x)", &fault));
  assert_int_equal(fault.kind, FAULT_ADDRESS);
  assert_null(spec_action("SpoofPacketAction(abc|3)", &fault));
  assert_null(spec_action("SpoofPacketAction(abcdefghijkl|13)", &fault));
  assert_null(spec_action("LogAction(/nonexistent/x)", &fault));
  assert_string_equal(fault.text, "Unable to open file '/nonexistent/x' for logging: No such file or directory");
  assert_null(spec_action("PoolAction(0123456789012345678901234567890123456789012345678901234567890123)", &fault));
}

static void
read_back(const char *path, char *out, size_t size, size_t *got)
{
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  *got = fread(out, 1, size - 1, file);
  out[*got] = '\0';
  fclose(file);
}

static void
log_files(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  char path[] = "/tmp/test-actions-XXXXXX", spec[128], content[512];
  size_t size;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  struct query *q = fake_query(&f, PLAIN);
  snprintf(spec, sizeof spec, "LogAction(%s|false)", path);
  struct action *a = spec_action(spec, NULL);
  a->kind->run(a, q);
  read_back(path, content, sizeof content, &size);
  assert_string_equal(content, "Packet from 192.0.2.1:1024 for wWw.example.com. A with id 4660\n");
  // Rotated away: the new file gets what follows.
  unlink(path);
  assert_true(a->kind->reload(a, NULL));
  a->kind->run(a, q);
  a->kind->run(a, q);
  read_back(path, content, sizeof content, &size);
  assert_int_equal(size, 2 * strlen("Packet from 192.0.2.1:1024 for wWw.example.com. A with id 4660\n"));
  object_unref(&a);
  snprintf(spec, sizeof spec, "LogAction(%s)", path); // binary, from the start
  a = spec_action(spec, NULL);
  a->kind->run(a, q);
  read_back(path, content, sizeof content, &size);
  assert_int_equal(size, 2 + 17 + 2 + 2 + 4 + 2);
  assert_memory_equal(content + 2, "\3wWw\7example\3com", 17);
  assert_memory_equal(content + size - 6, "\xc0\x00\x02\x01\x04\x00", 6);
  object_unref(&a);
  fake_query_free(&q);
  q = fake_query(&f, ANSWER_PLAIN);
  snprintf(spec, sizeof spec, "LogResponseAction(%s|true)", path);
  a = spec_action(spec, NULL);
  a->kind->run(a, q);
  read_back(path, content, sizeof content, &size);
  assert_string_equal(content + 29, "Answer to 192.0.2.1:1024 for wWw.example.com. A (No Error) with id 4660\n");
  object_unref(&a);
  unlink(path);
  fake_query_free(&q);
  fake_worker_close(&f);
}

struct dialect_row {
  int64_t number;
  const char *words; // NULL: none
  const char *before, *after;
  enum verdict verdict;
  const struct transport *transport;
};

static const struct dialect_row query_rows[] = {
    {DNS_ACTION_DROP, NULL, PLAIN, PLAIN, VERDICT_DROP, 0},
    // RA, AA and AD stay
    {DNS_ACTION_NXDOMAIN, NULL, PLAIN, "1234 8123 " COUNTS NAME A_IN, VERDICT_STOP, 0},
    {DNS_ACTION_REFUSED, NULL, WITH_OPT, "1234 8125 " COUNTS_OPT NAME A_IN OUR_OPT, VERDICT_STOP, 0},
    {DNS_ACTION_SERVFAIL, NULL, PLAIN, "1234 8122 " COUNTS NAME A_IN, VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF, "192.0.2.9", PLAIN,
     "1234 8180 0001 0001 0000 0000 " NAME A_IN RECORD("0001", MINUTE) "0004 c0000209", VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF, "5", PLAIN, "1234 8180 0001 0001 0000 0000 " NAME A_IN RECORD("0001", MINUTE) "0004 00000005",
     VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF, "2001:db8::1", PLAIN, "1234 8180 " COUNTS NAME A_IN, VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF, "192.0.2.9, 2001:db8::1", PLAIN,
     "1234 8180 0001 0001 0000 0000 " NAME A_IN RECORD("0001", MINUTE) "0004 c0000209", VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF, "b.c", PLAIN,
     "1234 8180 0001 0001 0000 0000 " NAME A_IN RECORD("0005", MINUTE) "0005 01'b'01'c'00", VERDICT_STOP, 0},
    // of several those that are no addresses are left out
    {DNS_ACTION_SPOOF, "b.c 192.0.2.9", PLAIN,
     "1234 8180 0001 0001 0000 0000 " NAME A_IN RECORD("0001", MINUTE) "0004 c0000209", VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF, "b.c d.e", PLAIN, "1234 8180 " COUNTS NAME A_IN, VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF, "b..c", PLAIN, PLAIN, VERDICT_DROP, 0},
    {DNS_ACTION_SPOOF, NULL, PLAIN, "1234 8180 " COUNTS NAME A_IN, VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF_RAW, "\3abc", PLAIN,
     "1234 8180 0001 0001 0000 0000 " NAME A_IN RECORD("0001", MINUTE) "0004 03'abc'", VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF_PACKET, "abcdefghijkl", PLAIN, "1234 'cdefghijkl'", VERDICT_STOP, 0},
    {DNS_ACTION_SPOOF_PACKET, "short", PLAIN, PLAIN, VERDICT_DROP, 0},
    {DNS_ACTION_ALLOW, NULL, PLAIN, PLAIN, VERDICT_STOP, 0},
    {DNS_ACTION_HEADER_MODIFY, NULL, PLAIN, PLAIN, VERDICT_STOP, 0},
    {DNS_ACTION_POOL, "web", PLAIN, PLAIN, VERDICT_STOP, 0},
    {DNS_ACTION_DELAY, "7", PLAIN, PLAIN, VERDICT_NEXT, 0},
    {DNS_ACTION_TRUNCATE, NULL, PLAIN, "1234 8380 " COUNTS NAME A_IN, VERDICT_STOP, 0},
    {DNS_ACTION_TRUNCATE, NULL, PLAIN, PLAIN, VERDICT_NEXT, &transport_tcp},
    {DNS_ACTION_NO_RECURSE, NULL, PLAIN, "1234 0020 " COUNTS NAME A_IN, VERDICT_STOP, 0},
    {DNS_ACTION_NONE, NULL, PLAIN, PLAIN, VERDICT_NEXT, 0},
    {DNS_ACTION_NO_OP, NULL, PLAIN, PLAIN, VERDICT_NEXT, 0},
    {DNS_ACTION_SET_TAG, NULL, PLAIN, PLAIN, VERDICT_NEXT, 0},
    {16, NULL, PLAIN, PLAIN, VERDICT_NEXT, 0},
    {-1, NULL, PLAIN, PLAIN, VERDICT_NEXT, 0},
};

static const struct dialect_row response_rows[] = {
    {DNS_RESPONSE_ALLOW, NULL, ANSWER_PLAIN, ANSWER_PLAIN, VERDICT_STOP, 0},
    {DNS_RESPONSE_DELAY, "7", ANSWER_PLAIN, ANSWER_PLAIN, VERDICT_NEXT, 0},
    {DNS_RESPONSE_DROP, NULL, ANSWER_PLAIN, ANSWER_PLAIN, VERDICT_DROP, 0},
    {DNS_RESPONSE_HEADER_MODIFY, NULL, ANSWER_PLAIN, ANSWER_PLAIN, VERDICT_STOP, 0},
    {DNS_RESPONSE_SERVFAIL, NULL, ANSWER_PLAIN, ANSWER("8182", MINUTE, "00000258"), VERDICT_STOP, 0},
    {DNS_RESPONSE_TRUNCATE, NULL, ANSWER_PLAIN, "1234 8380 " COUNTS_OPT NAME A_IN OUR_OPT, VERDICT_STOP, 0},
    {DNS_RESPONSE_TRUNCATE, NULL, ANSWER_PLAIN, ANSWER_PLAIN, VERDICT_NEXT, &transport_tcp},
    {DNS_RESPONSE_NONE, NULL, ANSWER_PLAIN, ANSWER_PLAIN, VERDICT_NEXT, 0},
    {7, NULL, ANSWER_PLAIN, ANSWER_PLAIN, VERDICT_NEXT, 0},
};

static void
check_dialect(const struct dialect_row *r, enum verdict (*verdict)(struct query *, int64_t, const struct bytes *))
{
  struct fake_worker f;
  fake_worker_open(&f);
  struct query *q = fake_query(&f, r->before);
  q->arrival.transport = r->transport != NULL ? r->transport : &transport_udp;
  struct bytes text = {.data = r->words, .size = r->words != NULL ? strlen(r->words) : 0};
  enum verdict v = verdict(q, r->number, r->words != NULL ? &text : NULL);
  if (v != r->verdict || !fake_packet_is(q, r->after))
    fail_msg("number %d, text %s", (int)r->number, r->words);
  if (r->words != NULL && r->words[0] == '7')
    assert_int_equal(q->limits.delay_ms, 7);
  if (r->words != NULL && r->words[0] == 'w')
    assert_string_equal(q->pool_name, "web");
  fake_query_free(&q);
  fake_worker_close(&f);
}

static void
dialect(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof query_rows / sizeof query_rows[0]; i++)
    check_dialect(&query_rows[i], dialect_query_verdict);
  for (size_t i = 0; i < sizeof response_rows / sizeof response_rows[0]; i++)
    check_dialect(&response_rows[i], dialect_response_verdict);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row),
      cmocka_unit_test(every_kind_is_tested),
      cmocka_unit_test(facts_are_set),
      cmocka_unit_test(extended_errors_are_attached),
      cmocka_unit_test(addresses_are_shuffled),
      cmocka_unit_test(large_answers_find_room),
      cmocka_unit_test(services_are_answered),
      cmocka_unit_test(what_no_message_holds_is_dropped),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(log_files),
      cmocka_unit_test(dialect),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
