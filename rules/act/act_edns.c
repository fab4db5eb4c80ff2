// SPDX-License-Identifier: BSD-2-Clause
// Actions that add to EDNS: SetEDNSOptionAction, SetMacAddrAction, SetEDNSOptionResponseAction, and extended errors.
//
//   an option       into the packet at once; an OPT is made if there is none. What we add is part of the cache's key
//   a link address  the kernel's table of neighbours, asked without waiting (base/neighbours)
//   an error        kept with the query (extra), and written into the answer in room finish, if that has EDNS
//
// Set replaces what is there, errors of the backend included; Add comes behind. What does not fit leaves the packet as it
// was. Workers.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/core/worker.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/rewrite.h"
#include "rules/act/action.h"

#include <stdlib.h>

struct edns_action {
  struct action base;
  uint16_t code;
  bool clear; // extended errors: of others before
  size_t size;
  char *data;
};

static void
act_edns_fini(struct action *base)
{
  free(((struct edns_action *)base)->data);
}

static bool
act_edns_option_init(struct action *base, const struct value *args, struct fault *f)
{
  struct edns_action *a = (struct edns_action *)base;
  if (args[1].string.size > UINT16_MAX)
    return fault_set(f, FAULT_CAUGHT, "The value of an EDNS option has at most 65535 bytes");
  a->code = (uint16_t)args[0].integer;
  a->size = args[1].string.size;
  a->data = memory_copy(args[1].string.data, a->size);
  return true;
}

// An option that does not fit is not added: the query is worth more.
static void
act_edns_add_option(struct query *q, uint16_t code, const void *data, size_t size)
{
  enum { QUERY_PAYLOAD = 512 };
  bool added;
  if (query_set_option(q, code, data, size, QUERY_PAYLOAD, &added) && added)
    q->subnet.edns_added = true; // and taken off the answer again
}

static enum verdict
act_edns_option_run(const struct action *base, struct query *q)
{
  const struct edns_action *a = (const struct edns_action *)base;
  act_edns_add_option(q, a->code, a->data, a->size);
  return VERDICT_NEXT;
}

static bool
act_edns_mac_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct edns_action *)base)->code = (uint16_t)args[0].integer;
  neighbours_watch(worker_current() == NULL); // known before the first query
  return true;
}

// Only clients on a local network have one.
static enum verdict
act_edns_mac_run(const struct action *base, struct query *q)
{
  uint8_t mac[LINK_ADDRESS_MAX];
  size_t size = query_link_address(q, mac);
  if (size > 0)
    act_edns_add_option(q, ((const struct edns_action *)base)->code, mac, size);
  return VERDICT_NEXT;
}

static void
act_edns_mac_show(const struct action *base, struct text *out)
{
  text_printf(out, "add EDNS MAC (code=%u)", ((const struct edns_action *)base)->code);
}

static enum verdict
act_edns_option_response_run(const struct action *base, struct query *q)
{
  const struct edns_action *a = (const struct edns_action *)base;
  uint16_t payload = query_settings(q)->self_answer_payload;
  bool added;
  query_set_option(q, a->code, a->data, a->size, payload, &added);
  return VERDICT_NEXT;
}

static void
act_edns_option_show(const struct action *base, struct text *out)
{
  text_printf(out, "add EDNS Option (code=%u)", ((const struct edns_action *)base)->code);
}

static void
act_edns_option_response_show(const struct action *base, struct text *out)
{
  text_printf(out, "add EDNS Option to response (code=%u)", ((const struct edns_action *)base)->code);
}

static const struct param option_params[] = {{.name = "code", .type = PARAM_INT, PARAM_MODULO_16, .help = "EDNSOptionCode"},
                                             {.name = "data", .type = PARAM_STRING, .help = "its value, any bytes"},
                                             {.type = PARAM_END}};

const struct action_kind act_set_edns_option = {
    .name = "SetEDNSOptionAction",
    .help = "Add an EDNS option to the query, or replace it; goes on",
    .side = SIDE_QUERY,
    .params = option_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct edns_action),
    .init = act_edns_option_init,
    .fini = act_edns_fini,
    .run = act_edns_option_run,
    .show = act_edns_option_show,
};

const struct action_kind act_set_mac = {
    .name = "SetMacAddrAction",
    .help = "Add the client's link address, if the kernel knows it, as an EDNS option; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "code", .type = PARAM_INT, PARAM_MODULO_16,
                                      .help = "EDNSOptionCode"}, {.type = PARAM_END}},
    .effect = EFFECT_CLOCK,
    .size = sizeof(struct edns_action),
    .init = act_edns_mac_init,
    .fini = act_edns_fini,
    .run = act_edns_mac_run,
    .show = act_edns_mac_show,
};

const struct action_kind act_set_edns_option_response = {
    .name = "SetEDNSOptionResponseAction",
    .help = "Add an EDNS option to the answer, or replace it; goes on",
    .side = SIDE_RESPONSE,
    .params = option_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct edns_action),
    .init = act_edns_option_init,
    .fini = act_edns_fini,
    .run = act_edns_option_response_run,
    .show = act_edns_option_response_show,
};

static bool
act_edns_error_init(struct action *base, const struct value *args, struct fault *f)
{
  if (!act_edns_option_init(base, args, f))
    return false;
  ((struct edns_action *)base)->clear = args[2].boolean;
  return true;
}

static enum verdict
act_edns_error_run(const struct action *base, struct query *q)
{
  const struct edns_action *a = (const struct edns_action *)base;
  if (a->clear)
    query_clear_errors(q);
  query_add_error(q, a->code, a->data, a->size);
  return VERDICT_NEXT;
}

static void
act_edns_error_show(const struct action *base, struct text *out)
{
  const struct edns_action *a = (const struct edns_action *)base;
  text_printf(out, "set EDNS Extended DNS Error to %u", a->code);
  if (a->size > 0)
    text_printf(out, ": \"%s\"", a->data);
}

static const struct param error_params[] = {
    {.name = "infoCode", .type = PARAM_INT, PARAM_MODULO_16, .help = "RFC 8914 code"},
    {.name = "extraText", .type = PARAM_STRING, .optional = true, .fallback = "", .help = "text for humans"},
    {.name = "clearExistingEntries", .type = PARAM_BOOL, .optional = true, .fallback = "true",
     .help = "remove errors that were attached before"},
    {.type = PARAM_END}};

const struct action_kind act_set_extended_error = {
    .name = "SetExtendedDNSErrorAction",
    .help = "Attach an extended error to the answer to come, if that has EDNS; goes on",
    .side = SIDE_QUERY,
    .params = error_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct edns_action),
    .init = act_edns_error_init,
    .fini = act_edns_fini,
    .run = act_edns_error_run,
    .show = act_edns_error_show,
};

const struct action_kind act_set_extended_error_response = {
    .name = "SetExtendedDNSErrorResponseAction",
    .help = "Attach an extended error to the answer, if that has EDNS; goes on",
    .side = SIDE_RESPONSE,
    .params = error_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct edns_action),
    .init = act_edns_error_init,
    .fini = act_edns_fini,
    .run = act_edns_error_run,
    .show = act_edns_error_show,
};
