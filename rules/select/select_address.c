// SPDX-License-Identifier: BSD-2-Clause
// Selectors that look at who asks, where, and over what: NetmaskGroupRule, DSTPortRule, TCPRule, IncomingProtocolRule.
//
// All of them read q->arrival, which is settled before rules run: with a PROXY header the client is whom it names. A netmask
// group is copied into the selector as it was when the rule was made; one with few masks offers them as keys of the chain's
// index, so that rules for other networks are not even asked (rules/chain/chain_key).
//
// What counts as TCP and how a protocol is called is asked of the transport (core/transport). No state. Workers.
#include "dnsproxy/base/netmask.h"
#include "rules/select/selector.h"

#include <string.h>

enum { SMALL_SET = 16 }; // as fast without preparation

struct netmask_selector {
  struct selector base;
  struct netmask_set *set;
  bool source, quiet;
};

static bool
select_address_netmask_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct netmask_selector *s = (struct netmask_selector *)base;
  s->set = object_ref(args[0].object);
  s->source = args[1].boolean;
  s->quiet = args[2].boolean;
  if (netmask_set_count(s->set) > SMALL_SET)
    netmask_set_build(s->set);
  return true;
}

static void
select_address_netmask_fini(struct selector *base)
{
  object_unref(&((struct netmask_selector *)base)->set);
}

static bool
select_address_set_match(const struct selector *base, struct query *q)
{
  const struct netmask_selector *s = (const struct netmask_selector *)base;
  return netmask_set_match(s->set, s->source ? &q->arrival.client : &q->arrival.destination);
}

static void
select_address_netmask_show(const struct selector *base, struct text *out)
{
  const struct netmask_selector *s = (const struct netmask_selector *)base;
  text_puts(out, s->source ? "Src: " : "Dst: ");
  if (s->quiet)
    text_puts(out, "in-group");
  else
    netmask_set_text(s->set, ", ", out);
}

static const void *
select_address_netmask_key(const struct selector *base)
{
  const struct netmask_selector *s = (const struct netmask_selector *)base;
  return s->source ? s->set : NULL;
}

const struct selector_kind select_netmask_group = {
    .name = "NetmaskGroupRule",
    .help = "The source (or destination) address is in the group",
    .params = (const struct param[]){
        {.name = "group", .type = PARAM_NETMASKS, .help = "NetmaskGroup, a netmask, or a list of netmasks"},
        {.name = "src", .type = PARAM_BOOL, .optional = true, .fallback = "true",
         .help = "false: look at the destination"},
        {.name = "quiet", .type = PARAM_BOOL, .optional = true, .fallback = "false",
         .help = "do not list the group in tables"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct netmask_selector),
    .init = select_address_netmask_init,
    .fini = select_address_netmask_fini,
    .match = select_address_set_match,
    .show = select_address_netmask_show,
    .key = KEY_SOURCE,
    .key_value = select_address_netmask_key,
};

struct selector *
selector_from_netmasks(struct netmask_set *set, bool source, bool quiet)
{
  const struct value args[] = {
      {.given = true, .object = set}, {.given = true, .boolean = source}, {.given = true, .boolean = quiet}};
  return selector_new(&select_netmask_group, args, NULL);
}

struct port_selector {
  struct selector base;
  uint16_t port;
};

static bool
select_address_port_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct port_selector *)base)->port = (uint16_t)args[0].integer;
  return true;
}

static bool
select_address_port_match(const struct selector *base, struct query *q)
{
  return address_port(&q->arrival.destination) == ((const struct port_selector *)base)->port;
}

static void
select_address_port_show(const struct selector *base, struct text *out)
{
  text_printf(out, "dst port==%u", ((const struct port_selector *)base)->port);
}

const struct selector_kind select_dst_port = {
    .name = "DSTPortRule",
    .help = "The query was sent to this port",
    .params = (const struct param[]){{.name = "port", .type = PARAM_INT, .least = 1, .most = UINT16_MAX,
                                      .outside = OUTSIDE_KEPT, .why = "it is taken modulo 65536, and nothing comes to port 0", .help = "port"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct port_selector),
    .init = select_address_port_init,
    .match = select_address_port_match,
    .show = select_address_port_show,
};

struct tcp_selector {
  struct selector base;
  bool tcp;
};

static bool
select_address_tcp_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct tcp_selector *)base)->tcp = args[0].boolean;
  return true;
}

static bool
select_address_tcp_match(const struct selector *base, struct query *q)
{
  return query_is_tcp(q) == ((const struct tcp_selector *)base)->tcp;
}

static void
select_address_tcp_show(const struct selector *base, struct text *out)
{
  text_puts(out, ((const struct tcp_selector *)base)->tcp ? "TCP" : "UDP");
}

const struct selector_kind select_tcp = {
    .name = "TCPRule",
    .help = "The query arrived over a stream, or not; all but plain and DNSCrypt UDP are streams",
    .params = (const struct param[]){{.name = "tcp", .type = PARAM_BOOL, .help = "false: matches datagrams"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct tcp_selector),
    .init = select_address_tcp_init,
    .match = select_address_tcp_match,
    .show = select_address_tcp_show,
};

struct protocol_selector {
  struct selector base;
  const struct transport *transport;
};

static bool
select_address_protocol_init(struct selector *base, const struct value *args, struct fault *f)
{
  struct protocol_selector *s = (struct protocol_selector *)base;
  s->transport = transport_find(args[0].string.data);
  return s->transport != NULL || fault_set(f, FAULT_CAUGHT, "Unknown protocol name: '%s'", args[0].string.data);
}

static bool
select_address_protocol_match(const struct selector *base, struct query *q)
{
  return q->arrival.transport == ((const struct protocol_selector *)base)->transport;
}

static void
select_address_protocol_show(const struct selector *base, struct text *out)
{
  const struct protocol_selector *s = (const struct protocol_selector *)base;
  text_printf(out, "incoming protocol is %s", s->transport->name);
}

const struct selector_kind select_incoming_protocol = {
    .name = "IncomingProtocolRule",
    .help = "The query arrived over this protocol",
    .params = (const struct param[]){{.name = "protocol",
                                      .type = PARAM_STRING,
                                      .help = "DoUDP, DoTCP, DNSCryptUDP, DNSCryptTCP, DoT, DoH, DoQ or DoH3"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct protocol_selector),
    .init = select_address_protocol_init,
    .match = select_address_protocol_match,
    .show = select_address_protocol_show,
};
