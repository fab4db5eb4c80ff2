// SPDX-License-Identifier: BSD-2-Clause
// TeeAction: a copy of the query to a third party, on the way.
//
//   query --> with client subnet or a PROXY header, if asked for --> net/tee: the worker's own socket, sent and forgotten
//
// The query itself is not changed: what is added is added to a copy on the stack. Figures (action:getStats(), printStats())
// are those of the tee, summed over workers. When the last rule that has the action goes, its sockets close.
//
// Only looks when a query is made up. Workers.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/net/tee.h"
#include "dnsproxy/wire/client_subnet.h"
#include "dnsproxy/wire/proxy_header.h"
#include "rules/act/action.h"

#include <string.h>

struct tee_action {
  struct action base;
  struct tee *tee; // one reference
  bool add_subnet, add_proxy_header;
};

enum { DNS_PORT = 53, COPY_MAX = 4096, OPT_PAYLOAD = 512 };

static bool
act_tee_init(struct action *base, const struct value *args, struct fault *f)
{
  struct tee_action *a = (struct tee_action *)base;
  struct address remote, local = {0};
  if (!address_parse(&remote, args[0].string.data, DNS_PORT, f) ||
      (args[2].given && !address_parse(&local, args[2].string.data, 0, f)))
    return false;
  if (address_port(&remote) == 0)
    log_warning("TeeAction", "TeeAction: the port of %s is 0: nobody gets the copies", args[0].string.data);
  a->add_subnet = args[1].boolean;
  a->add_proxy_header = args[3].boolean;
  a->tee = tee_new(&remote, &local);
  return true;
}

static void
act_tee_fini(struct action *base)
{
  tee_retire(&((struct tee_action *)base)->tee);
}

// The client's subnet, as it would be sent to a backend. False: the copy cannot be made.
static bool
act_tee_add_subnet(const struct query *q, struct wire_buffer *copy)
{
  struct client_subnet subnet;
  struct edns edns;
  if (!message_edns(copy->data, copy->size, q->question_end, &edns))
    return true;
  if (q->subnet.network != NULL)
    client_subnet_make(&subnet, &q->subnet.network->network, q->subnet.network->bits);
  else
    client_subnet_make(&subnet, &q->arrival.client, address_is_v6(&q->arrival.client) ? q->subnet.prefix_v6 : q->subnet.prefix_v4);
  return client_subnet_add(copy, &edns, &subnet, q->subnet.override, OPT_PAYLOAD) != CLIENT_SUBNET_DOES_NOT_FIT;
}

// What the query says stays as it is: the additions go into a copy.
static void
act_tee_send_changed(const struct tee_action *a, const struct query *q)
{
  uint8_t space[PROXY_HEADER_MAX + COPY_MAX];
  size_t head = a->add_proxy_header ? proxy_header_put(space, &q->arrival.client, &q->arrival.destination, false) : 0;
  struct wire_buffer copy = {.data = space + head, .size = q->packet.size, .capacity = COPY_MAX};
  if (q->packet.size > COPY_MAX)
    return;
  memcpy(copy.data, q->packet.data, q->packet.size);
  if (!a->add_subnet || act_tee_add_subnet(q, &copy))
    tee_send(q->worker, a->tee, space, head + copy.size);
}

static enum verdict
act_tee_run(const struct action *base, struct query *q)
{
  const struct tee_action *a = (const struct tee_action *)base;
  if (query_is_tcp(q))
    tee_count(a->tee, TEE_TCP_DROPS);
  else if (a->add_subnet || a->add_proxy_header)
    act_tee_send_changed(a, q);
  else
    tee_send(q->worker, a->tee, q->packet.data, q->packet.size);
  return VERDICT_NEXT;
}

static void
act_tee_show(const struct action *base, struct text *out)
{
  char remote[ADDRESS_TEXT_SIZE];
  text_printf(out, "tee to %s", address_text_with_port(&((const struct tee_action *)base)->tee->remote, remote));
}

static void
act_tee_stats(const struct action *base, void (*each)(const char *name, double value, void *), void *arg)
{
  const struct tee *t = ((const struct tee_action *)base)->tee;
  for (unsigned i = 0; i < TEE_FIGURES; i++)
    each(tee_figure_names[i], (double)atomic_load_explicit(&t->figures[i], memory_order_relaxed), arg);
}

const struct action_kind act_tee = {
    .name = "TeeAction",
    .help = "Send a copy of queries that came over UDP to somebody else, and count the answers; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "remote", .type = PARAM_STRING, .help = "where to; port 53 unless given"},
        {.name = "addECS", .type = PARAM_BOOL, .optional = true, .fallback = "false", .help = "with the client's subnet"},
        {.name = "local", .type = PARAM_STRING, .optional = true, .help = "address to send from"},
        {.name = "addProxyProtocol", .type = PARAM_BOOL, .optional = true, .fallback = "false",
         .help = "with a PROXY header"},
        {.type = PARAM_END}},
    .effect = EFFECT_SENDS,
    .size = sizeof(struct tee_action),
    .init = act_tee_init,
    .fini = act_tee_fini,
    .run = act_tee_run,
    .show = act_tee_show,
    .stats = act_tee_stats,
};
