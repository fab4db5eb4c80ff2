// SPDX-License-Identifier: BSD-2-Clause
// Actions that need DNS over HTTPS, key-value stores, telemetry or SNMP: HTTPStatusAction, KeyValueStoreLookupAction,
// RemoteLogAction, DnstapLogAction, SNMPTrapAction and their kin.
//
// Declared as they will be, waiting for their part (rules/select/waiting): they do nothing and the chain goes on, or ends
// where the action would have ended it. Options are checked as they will be, so that a mistake is told now.
#include "dnsproxy/base/memory.h"
#include "rules/act/self_answer.h"
#include "rules/select/waiting.h"

#include <stdlib.h>

// ---- HTTPStatusAction ----

struct http_status_action {
  struct action base;
  uint16_t status;
};

static bool
act_waiting_http_status_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct http_status_action *)base)->status = (uint16_t)args[0].integer;
  return true;
}

static void
act_waiting_http_status_show(const struct action *base, struct text *out)
{
  text_printf(out, "return an HTTP status of %u", ((const struct http_status_action *)base)->status);
}

const struct action_kind act_http_status = {
    .name = "HTTPStatusAction",
    .help = "Answer a DNS-over-HTTPS request with an HTTP status; other queries go on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "status", .type = PARAM_INT, PARAM_HTTP_STATUS, .help = "HTTP status"},
        {.name = "body", .type = PARAM_STRING, .help = "body, or the URL of a redirection"},
        {.name = "contentType", .type = PARAM_STRING, .optional = true, .fallback = "", .help = "its type"},
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_flag_options,
         .help = "header bits"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct http_status_action),
    .init = act_waiting_http_status_init,
    .waits_for = "DNS over HTTPS",
    .run = does_nothing,
    .show = act_waiting_http_status_show,
};

// ---- key-value stores ----

struct lookup_action {
  struct action base;
  struct described *store, *key; // one reference each
  char *tag;
};

static bool
act_waiting_lookup_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct lookup_action *a = (struct lookup_action *)base;
  a->store = object_ref(args[0].object);
  a->key = object_ref(args[1].object);
  a->tag = memory_copy(args[2].string.data, args[2].string.size);
  return true;
}

static void
act_waiting_lookup_fini(struct action *base)
{
  struct lookup_action *a = (struct lookup_action *)base;
  object_unref(&a->store);
  object_unref(&a->key);
  free(a->tag);
}

static void
act_waiting_lookup_show(const struct action *base, struct text *out)
{
  const struct lookup_action *a = (const struct lookup_action *)base;
  text_printf(out, "lookup key-value store based on '%s' and set the result in tag '%s'", a->key->text, a->tag);
}

static void
act_waiting_range_lookup_show(const struct action *base, struct text *out)
{
  const struct lookup_action *a = (const struct lookup_action *)base;
  text_printf(out, "do a range-based lookup in key-value store based on '%s' and set the result in tag '%s'", a->key->text,
              a->tag);
}

static const struct param lookup_params[] = {
    {.name = "kvs", .type = PARAM_OBJECT, .class = &key_value_store_class, .help = "the store"},
    {.name = "key", .type = PARAM_OBJECT, .class = &lookup_key_class, .help = "how keys are made from a query"},
    {.name = "destinationTag", .type = PARAM_STRING, .help = "tag that gets the value"},
    {.type = PARAM_END}};

const struct action_kind act_key_value_lookup = {
    .name = "KeyValueStoreLookupAction",
    .help = "Put the first value found in a store into a tag; goes on",
    .side = SIDE_QUERY,
    .params = lookup_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct lookup_action),
    .init = act_waiting_lookup_init,
    .fini = act_waiting_lookup_fini,
    .waits_for = "key-value stores",
    .run = does_nothing,
    .show = act_waiting_lookup_show,
};

const struct action_kind act_key_value_range_lookup = {
    .name = "KeyValueStoreRangeLookupAction",
    .help = "Put the value of the range that covers a key into a tag; goes on",
    .side = SIDE_QUERY,
    .params = lookup_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct lookup_action),
    .init = act_waiting_lookup_init,
    .fini = act_waiting_lookup_fini,
    .waits_for = "key-value stores",
    .run = does_nothing,
    .show = act_waiting_range_lookup_show,
};

// ---- telemetry ----

struct telemetry_action {
  struct action base;
  struct described *logger; // one reference
};

static bool
act_waiting_remote_log_init(struct action *base, const struct value *args, struct fault *f)
{
  struct described *logger = args[0].object;
  if (logger->frames)
    return fault_set(f, FAULT_CAUGHT, "%s takes what newRemoteLogger() makes: for dnstap there is DnstapLog%s",
                     base->kind->name, base->kind->side == SIDE_QUERY ? "Action" : "ResponseAction");
  ((struct telemetry_action *)base)->logger = object_ref(logger);
  return true;
}

static bool
act_waiting_dnstap_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct telemetry_action *)base)->logger = object_ref(args[1].object);
  return true;
}

static void
act_waiting_telemetry_fini(struct action *base)
{
  object_unref(&((struct telemetry_action *)base)->logger);
}

static void
act_waiting_remote_log_show(const struct action *base, struct text *out)
{
  text_printf(out, "remote log %sto %s", base->kind->side == SIDE_RESPONSE ? "response " : "",
              ((const struct telemetry_action *)base)->logger->text);
}

static void
act_waiting_dnstap_show(const struct action *base, struct text *out)
{
  text_printf(out, "%s as dnstap to %s", base->kind->side == SIDE_RESPONSE ? "log response" : "remote log",
              ((const struct telemetry_action *)base)->logger->text);
}

#define LOGGER_ROW {.name = "logger", .type = PARAM_OBJECT, .class = &remote_logger_class, .help = "where to"}
#define ALTER_ROW                                                                                                      \
  {.name = "alter", .type = PARAM_FUNCTION, .optional = true, .help = "function that may change the message"}
#define METAS_ROW {.name = "metas", .type = PARAM_STRING_MAP, .optional = true, .help = "what else to export"}
#define REMOTE_OPTION_ROWS                                                                                             \
  {.name = "serverID", .type = PARAM_STRING, .optional = true, .help = "identity of the server"},                      \
      {.name = "useServerID", .type = PARAM_BOOL, .optional = true, .help = "the identity is that of setServerID()"},  \
      {.name = "ipEncryptKey", .type = PARAM_STRING, .optional = true,                                                 \
       .help = "key that disguises client addresses"},                                                                 \
      {.name = "ipEncryptMethod", .type = PARAM_STRING, .optional = true, .help = "legacy or ipcrypt-pfx"},            \
      {.name = "exportTags", .type = PARAM_STRING, .optional = true, .help = "tags to export, with commas; * for all"}

static const struct param remote_options[] = {REMOTE_OPTION_ROWS, {.type = PARAM_END}};
static const struct param remote_response_options[] = {
    REMOTE_OPTION_ROWS,
    {.name = "exportExtendedErrorsToMeta", .type = PARAM_STRING, .optional = true,
     .help = "key under which extended errors are exported"},
    {.type = PARAM_END}};

const struct action_kind act_remote_log = {
    .name = "RemoteLogAction",
    .help = "Send the query as protobuf; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        LOGGER_ROW,
        ALTER_ROW,
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = remote_options, .help = "what to tell"},
        METAS_ROW,
        {.type = PARAM_END}},
    .effect = EFFECT_SENDS,
    .size = sizeof(struct telemetry_action),
    .init = act_waiting_remote_log_init,
    .fini = act_waiting_telemetry_fini,
    .waits_for = "protobuf",
    .run = does_nothing,
    .show = act_waiting_remote_log_show,
};

const struct action_kind act_remote_log_response = {
    .name = "RemoteLogResponseAction",
    .help = "Send the answer as protobuf; goes on",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){
        LOGGER_ROW,
        ALTER_ROW,
        {.name = "includeCNAME", .type = PARAM_BOOL, .optional = true, .fallback = "false", .help = "with CNAME records"},
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = remote_response_options,
         .help = "what to tell"},
        METAS_ROW,
        {.name = "delay", .type = PARAM_BOOL, .optional = true, .fallback = "false",
         .help = "after the client got its answer"},
        {.type = PARAM_END}},
    .effect = EFFECT_SENDS,
    .size = sizeof(struct telemetry_action),
    .init = act_waiting_remote_log_init,
    .fini = act_waiting_telemetry_fini,
    .waits_for = "protobuf",
    .run = does_nothing,
    .show = act_waiting_remote_log_show,
};

#define IDENTITY_ROW {.name = "identity", .type = PARAM_STRING, .help = "identity of the server"}
static const struct param dnstap_params[] = {IDENTITY_ROW, LOGGER_ROW, ALTER_ROW, {.type = PARAM_END}};

const struct action_kind act_dnstap_log = {
    .name = "DnstapLogAction",
    .help = "Send the query as dnstap; goes on",
    .side = SIDE_QUERY,
    .params = dnstap_params,
    .effect = EFFECT_SENDS,
    .size = sizeof(struct telemetry_action),
    .init = act_waiting_dnstap_init,
    .fini = act_waiting_telemetry_fini,
    .waits_for = "dnstap",
    .run = does_nothing,
    .show = act_waiting_dnstap_show,
};

const struct action_kind act_dnstap_log_response = {
    .name = "DnstapLogResponseAction",
    .help = "Send the answer as dnstap; goes on",
    .side = SIDE_RESPONSE,
    .params = dnstap_params,
    .effect = EFFECT_SENDS,
    .size = sizeof(struct telemetry_action),
    .init = act_waiting_dnstap_init,
    .fini = act_waiting_telemetry_fini,
    .waits_for = "dnstap",
    .run = does_nothing,
    .show = act_waiting_dnstap_show,
};

struct trace_action {
  struct action base;
  bool enable;
};

static bool
act_waiting_trace_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct trace_action *)base)->enable = args[0].boolean;
  return true;
}

static void
act_waiting_trace_show(const struct action *base, struct text *out)
{
  text_puts(out, ((const struct trace_action *)base)->enable ? "enable" : "disable");
  text_puts(out, " OpenTelemetry Tracing");
}

static const struct param trace_options[] = {
    {.name = "remoteLoggers", .type = PARAM_OBJECTS, .optional = true, .class = &remote_logger_class,
     .help = "where traces go"},
    {.name = "useIncomingTraceparent", .type = PARAM_BOOL, .optional = true, .help = "go on with the client's trace"},
    {.name = "stripIncomingTraceparent", .type = PARAM_BOOL, .optional = true, .help = "remove the client's option"},
    {.name = "traceparentOptionCode", .type = PARAM_INT, .most = UINT16_MAX, .optional = true, .fallback = "65500",
     .help = "number of the EDNS option"},
    {.name = "sendDownstreamTraceparent", .type = PARAM_BOOL, .optional = true, .help = "tell the backend"},
    {.type = PARAM_END}};

const struct action_kind act_set_trace = {
    .name = "SetTraceAction",
    .help = "Switch tracing of the query on or off; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "value", .type = PARAM_BOOL, .help = "on or off"},
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = trace_options, .help = "how to trace"},
        {.type = PARAM_END}},
    .effect = EFFECT_SENDS,
    .size = sizeof(struct trace_action),
    .init = act_waiting_trace_init,
    .waits_for = "OpenTelemetry",
    .run = does_nothing,
    .show = act_waiting_trace_show,
};

// ---- SNMP ----

static const struct param trap_params[] = {
    {.name = "message", .type = PARAM_STRING, .optional = true, .fallback = "", .help = "text of the trap"},
    {.type = PARAM_END}};

const struct action_kind act_snmp_trap = {
    .name = "SNMPTrapAction",
    .help = "Send an SNMP trap; goes on",
    .side = SIDE_QUERY,
    .params = trap_params,
    .effect = EFFECT_SENDS,
    .size = sizeof(struct action),
    .waits_for = "SNMP",
    .run = does_nothing,
    .text = "send SNMP trap",
};

const struct action_kind act_snmp_trap_response = {
    .name = "SNMPTrapResponseAction",
    .help = "Send an SNMP trap; goes on",
    .side = SIDE_RESPONSE,
    .params = trap_params,
    .effect = EFFECT_SENDS,
    .size = sizeof(struct action),
    .waits_for = "SNMP",
    .run = does_nothing,
    .text = "send SNMP trap",
};
