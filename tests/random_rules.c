// SPDX-License-Identifier: BSD-2-Clause
// Templates of rules with holes, and what fills the holes.
#include "tests/random_rules.h"

#include "dnsproxy/base/hash.h"
#include "tests/rule_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// %n a name, %m a netmask, %t a type, %d a digit, %b true or false.
static const char *const selectors[] = {
    "AllRule()", "QNameRule(%n)", "QNameRule(%n)", "QNameRule(%n)", "QNameSetRule(%n,%n,%n)", "QNameSetRule()",
    "QNameSuffixRule(%n)", "QNameSuffixRule(%n)", "QNameSuffixRule(%n,%n)", "QNameSuffixRule()",
    "SuffixMatchNodeRule(%n,%n,%n)", "SuffixMatchNodeRule(.)", "NetmaskGroupRule(%m)", "NetmaskGroupRule(%m)",
    "NetmaskGroupRule(%m,!%m)", "NetmaskGroupRule(!%m)", "NetmaskGroupRule(%m,%m,%m|%b|%b)", "NetmaskGroupRule()",
    "QTypeRule(%t)", "QTypeRule(%t)", "QTypeRule(TYPE%d)", "QNameLabelsCountRule(2|%d)", "QNameWireLengthRule(5|1%d)",
    "QClassRule(%d)", "OpcodeRule(%d)", "RDRule()", "RCodeRule(%d)", "DNSSECRule()", "EDNSOptionRule(8)",
    "EDNSVersionRule(0)", "ERCodeRule(3)", "PayloadSizeRule(greater|3%d)", "TrailingDataRule()",
    "RecordsCountRule(1|%d|9)", "RecordsTypeCountRule(0|1|1|%d)", "DSTPortRule(53)", "TCPRule(%b)",
    "IncomingProtocolRule(DoT)", "RegexRule(^[a-c])", "RE2Rule(.*com)", "TagRule(t%d)", "TagRule(t1|v)",
    "ProxyProtocolValueRule(%d)", "ProxyProtocolValueRule(1|v)",
    "MaxQPSRule(1%d)", "MaxQPSIPRule(%d)", "ProbaRule(0.5)", "ProbaRule(%d)", "HTTPHeaderRule(user-agent|^curl)", "HTTPPathRule(/x)",
    "HTTPPathRegexRule(^/x)", "SNIRule(x)", "KeyValueStoreLookupRule(store|qname)",
    "KeyValueStoreRangeLookupRule(store|source IP)",
};
static const char *const query_actions[] = {
    "AllowAction()", "DropAction()", "NoneAction()", "NoneAction()", "NoneAction()", "ContinueAction(RCodeAction(5))",
    "ContinueAction(PoolAction(p%d))", "DelayAction(%d)", "PoolAction(p%d)", "PoolAction(p%d|false)",
    "QPSPoolAction(%d|p%d)", "QPSAction(5%d)", "RCodeAction(%d)", "ERCodeAction(16)", "TCAction()",
    "SpoofAction(192.0.2.%d)", "SpoofCNAMEAction(%n)", "SpoofRawAction(%02hi)",
    "NegativeAndSOAAction(true|z.|5|m.|r.|1|2|3|4|5)", "SetNoRecurseAction()", "SetDisableValidationAction()",
    "SetSkipCacheAction()", "SetDisableECSAction()", "SetECSOverrideAction(true)", "SetECSPrefixLengthAction(20|4%d)",
    "SetTempFailureCacheTTLAction(%d)", "SetMaxReturnedTTLAction(%d)", "SetTagAction(t%d|v)", "SetTagAction(t1|w)",
    "SetAdditionalProxyProtocolValueAction(%d|v)", "SetProxyProtocolValuesAction(1,v)",
    "UnsetTagAction(t%d)", "SetEDNSOptionAction(6%d|xy)", "SetExtendedDNSErrorAction(%d|bad)",
    "HTTPStatusAction(200|x)",
};
static const char *const response_actions[] = {
    "AllowResponseAction()", "DropResponseAction()", "DelayResponseAction(%d)", "SetTagResponseAction(t%d|v)",
    "UnsetTagResponseAction(t%d)", "SetSkipCacheResponseAction()", "SetMaxReturnedTTLResponseAction(%d)",
    "SetExtendedDNSErrorResponseAction(%d)", "TCResponseAction()", "LimitTTLResponseAction(1%d|300)",
    "SetMinTTLResponseAction(12%d)", "SetMaxTTLResponseAction(12%d)", "SetReducedTTLResponseAction(5%d)",
    "ClearRecordTypesResponseAction(1%d)", "SetEDNSOptionResponseAction(6%d|xy)",
};
#define COUNT(table) (sizeof table / sizeof *table)

static const char *
one_of(struct random_state *r, const char *const *table, size_t count)
{
  return table[random_below(r, (uint32_t)count)];
}
#define ONE_OF(r, ...)                                                                                                 \
  one_of(r, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

bool
random_rules_know(const char *constructor)
{
  size_t size = strlen(constructor);
  for (size_t i = 0; i < COUNT(selectors); i++)
    if (strncmp(selectors[i], constructor, size) == 0 && selectors[i][size] == '(')
      return true;
  return strcmp(constructor, "AndRule") == 0 || strcmp(constructor, "OrRule") == 0 ||
         strcmp(constructor, "NotRule") == 0;
}

struct random_state
random_seeded(uint64_t seed)
{
  return (struct random_state){.s = {hash_u64(seed, 1), hash_u64(seed, 2), hash_u64(seed, 3), hash_u64(seed, 4)}};
}

// ---- holes ----

static size_t
put_name(struct random_state *r, char *out, size_t room)
{
  size_t at = 0;
  for (unsigned labels = 1 + random_below(r, 4); labels > 0; labels--)
    at += (size_t)snprintf(out + at, room - at, "%s.", ONE_OF(r, "a", "b", "WWW", "www", "com", "Com", "net", "x"));
  return at - 1; // without the last dot
}

static size_t
put_netmask(struct random_state *r, char *out, size_t room)
{
  if (random_below(r, 4) == 0)
    return (size_t)snprintf(out, room, "2001:db8:%u::%u/%s", random_below(r, 2), random_below(r, 3),
                            ONE_OF(r, "0", "32", "48", "63", "64", "65", "127", "128"));
  return (size_t)snprintf(out, room, "10.%u.%u.%u/%s", random_below(r, 2), random_below(r, 2), random_below(r, 4),
                          ONE_OF(r, "0", "8", "16", "24", "31", "32"));
}

static void
fill(struct random_state *r, const char *template, char *out, size_t room)
{
  size_t at = 0;
  for (const char *c = template; *c != '\0'; c++) {
    if (*c != '%' || strchr("nmtdb", c[1]) == NULL) {
      out[at++] = *c;
      continue;
    }
    switch (*++c) {
    case 'n':
      at += put_name(r, out + at, room - at);
      break;
    case 'm':
      at += put_netmask(r, out + at, room - at);
      break;
    case 't':
      at += (size_t)snprintf(out + at, room - at, "%s", ONE_OF(r, "A", "AAAA", "TXT", "ANY", "MX"));
      break;
    case 'b':
      at += (size_t)snprintf(out + at, room - at, "%s", ONE_OF(r, "true", "false"));
      break;
    default:
      out[at++] = (char)('0' + random_below(r, 10));
    }
  }
  out[at] = '\0';
}

// ---- spies ----

struct spy {
  struct selector base;
  struct spies *spies;
  unsigned id;
};

static void
ask(struct spies *spies, unsigned id)
{
  spies->asked = hash_u64(spies->asked, id);
}

static bool
spy_match(const struct selector *base, struct query *q)
{
  const struct spy *s = (const struct spy *)base;
  (void)q;
  ask(s->spies, s->id);
  return s->spies->asked % 3 == 0;
}

// Fails now and then, matching or not.
static bool
failing_match(const struct selector *base, struct query *q)
{
  spy_match(base, q);
  uint64_t asked = ((const struct spy *)base)->spies->asked;
  if (asked % 16 == 0) {
    q->selector_failed = true;
    q->drop = DROP_NO_POOL;
  }
  return asked % 5 == 0;
}

// What a script may do: the question or the client is another one afterwards.
static void
change(struct spies *spies, unsigned id, struct query *q)
{
  ask(spies, id);
  struct random_state r = random_seeded(spies->asked);
  char text[128];
  switch (spies->asked % 4) {
  case 0:
    if (!name_from_text(&q->qname, text, put_name(&r, text, sizeof text), NULL))
      abort();
    break;
  case 1:
    q->qtype = (uint16_t)(1 + spies->asked % 30);
    break;
  case 2:
    if (!address_parse(&q->arrival.client, ONE_OF(&r, "10.0.0.1", "10.1.1.2", "2001:db8:1::2"), 1, NULL))
      abort();
    break;
  default:
    break;
  }
}

static bool
changing_match(const struct selector *base, struct query *q)
{
  const struct spy *s = (const struct spy *)base;
  change(s->spies, s->id, q);
  return s->spies->asked % 2 == 0;
}

#define SPY(constructor, of, how)                                                                                      \
  {                                                                                                                    \
    .name = constructor, .effect = of, .size = sizeof(struct spy), .match = how, .text = "spy"                         \
  }
static const struct selector_kind spy_kinds[] = {SPY("SpyRule", EFFECT_STATE, spy_match),
                                                 SPY("FailingRule", EFFECT_STATE, failing_match),
                                                 SPY("ChangingRule", EFFECT_LUA, changing_match)};

struct spy_action {
  struct action base;
  struct spies *spies;
  unsigned id;
};

static enum verdict
changing_run(const struct action *base, struct query *q)
{
  const struct spy_action *a = (const struct spy_action *)base;
  change(a->spies, a->id, q);
  return VERDICT_NEXT;
}

#define CHANGING(of)                                                                                                   \
  {                                                                                                                    \
    .name = "ChangingAction", .side = of, .effect = EFFECT_LUA, .size = sizeof(struct spy_action),                     \
    .run = changing_run, .text = "change"                                                                              \
  }
static const struct action_kind changing[] = {CHANGING(SIDE_QUERY), CHANGING(SIDE_RESPONSE)};

static struct selector *
random_spy(struct random_state *r, struct spies *spies)
{
  struct selector *s = selector_new(&spy_kinds[random_below(r, COUNT(spy_kinds))], NULL, NULL);
  ((struct spy *)s)->spies = spies;
  ((struct spy *)s)->id = spies->count++;
  return s;
}

// ---- rules ----

static struct selector *
random_compound(struct random_state *r, struct spies *spies, unsigned depth)
{
  void *parts[4];
  uint32_t count = random_below(r, 5), which = random_below(r, 5);
  if (which == 0) {
    struct selector *inner = random_selector(r, spies, depth - 1);
    struct value value = {.given = true, .object = inner};
    struct selector *s = selector_new(selector_kind_find("NotRule"), &value, NULL);
    object_unref(&inner);
    return s;
  }
  for (uint32_t i = 0; i < count; i++)
    parts[i] = random_selector(r, spies, depth - 1);
  struct value list = {.given = true, .list = {.count = count, .objects = parts}};
  struct selector *s = selector_new(selector_kind_find(which < 3 ? "AndRule" : "OrRule"), &list, NULL);
  for (uint32_t i = 0; i < count; i++)
    object_unref(&parts[i]);
  return s;
}

struct selector *
random_selector(struct random_state *r, struct spies *spies, unsigned depth)
{
  char spec[512];
  uint32_t choice = random_below(r, 12);
  if (choice == 0)
    return random_spy(r, spies);
  if (choice < 5 && depth > 0)
    return random_compound(r, spies, depth);
  // Half of the leaves have keys: they stand first.
  fill(r, one_of(r, selectors, random_below(r, 2) == 0 ? 20 : COUNT(selectors)), spec, sizeof spec);
  return spec_selector(spec, NULL);
}

struct action *
random_action(struct random_state *r, struct spies *spies, enum action_side side)
{
  char spec[512];
  if (random_below(r, 12) == 0) {
    struct action *a = action_new(&changing[side], NULL, NULL);
    ((struct spy_action *)a)->spies = spies;
    ((struct spy_action *)a)->id = spies->count++;
    return a;
  }
  if (random_below(r, 4) > 0) // most go on, or few rules would be reached
    fill(r, side == SIDE_QUERY ? "SetTagAction(t%d|w)" : "SetTagResponseAction(t%d|w)", spec, sizeof spec);
  else if (side == SIDE_QUERY)
    fill(r, one_of(r, query_actions, COUNT(query_actions)), spec, sizeof spec);
  else
    fill(r, one_of(r, response_actions, COUNT(response_actions)), spec, sizeof spec);
  return spec_action(spec, NULL);
}

struct rule *
random_rule(struct random_state *r, struct spies *spies, enum action_side side)
{
  struct selector *s = random_selector(r, spies, 3);
  struct action *a = random_action(r, spies, side);
  struct rule *rule = rule_new(s, a, "", NULL);
  object_unref(&s);
  object_unref(&a);
  return rule;
}

struct query *
random_query(struct random_state *r, struct fake_worker *f, enum action_side side)
{
  char text[128], hex[1024] = "1234 ", *at = hex + 5;
  struct name name;
  uint16_t type = (uint16_t)(random_below(r, 2) == 0 ? 1 : 1 + random_below(r, 30));
  bool edns = random_below(r, 2) == 0;
  if (!name_from_text(&name, text, put_name(r, text, sizeof text), NULL))
    abort();
  at += sprintf(at, "%s%u 0001 0000 0000 000%d ", side == SIDE_QUERY ? "010" : "818", random_below(r, 4), edns);
  for (unsigned i = 0; i < name.size; i++)
    at += sprintf(at, "%02x", name.bytes[i]);
  at += sprintf(at, "%04x0001", type);
  if (edns)
    sprintf(at, "00 0029 04d0 00 00 %s 0000", ONE_OF(r, "0000", "8000"));
  struct query *q = fake_query(f, hex);
  const char *client =
      ONE_OF(r, "10.0.0.1", "10.0.1.1", "10.1.0.3", "10.1.1.2", "192.0.2.1", "2001:db8:0::1", "2001:db8:1::2");
  if (!address_parse(&q->arrival.client, client, 1024, NULL))
    abort();
  q->arrival.transport = random_below(r, 3) == 0 ? &transport_tcp : &transport_udp;
  if (random_below(r, 3) == 0)
    query_tag_set(q, "t1", "v", 1);
  return q;
}
