// SPDX-License-Identifier: BSD-2-Clause
// The web server, telemetry and key-value stores: declared, waiting to be built.
#include "dnsproxy/base/address.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/netmask.h"
#include "lua/binder/classes.h"
#include "lua/kinds/waiting.h"

#include <stdlib.h>
#include <string.h>

static const char web[] = "web server", carbon[] = "Carbon export", snmp[] = "SNMP", polling[] = "security polling",
                  tracing[] = "OpenTelemetry", protobuf[] = "protobuf", dnstap[] = "dnstap",
                  stores[] = "key-value stores";

// ---- types ----

static int
waiting_observers_no_value(struct call *c)
{
  lua_pushliteral(c->lua, "");
  return 1;
}

static int
waiting_observers_not_reloaded(struct call *c)
{
  lua_pushboolean(c->lua, false);
  return 1;
}

static int
waiting_observers_description(struct call *c)
{
  lua_pushstring(c->lua, ((const struct described *)c->self)->text);
  return 1;
}

const struct lua_class class_key_value_store = {
    .name = "KeyValueStore",
    .help = "A key-value store",
    .object = &key_value_store_class,
    .methods = (const struct lua_function[]){
        {.name = "lookup",
         .help = "The value of a key, or an empty text",
         .params = PARAMS({.name = "key", .type = PARAM_ANY}, {.name = "wireFormat", .type = PARAM_BOOL, .optional = true}),
         .returns = "string",
         .flags = FUNCTION_NO_EFFECT,
         .call = waiting_observers_no_value},
        {.name = "lookupSuffix",
         .help = "The value of a name or of one above it, or an empty text",
         .params = PARAMS({.name = "name", .type = PARAM_NAME_OBJECT}, {.name = "minLabels", .type = PARAM_INT, .optional = true},
                          {.name = "wireFormat", .type = PARAM_BOOL, .optional = true}),
         .returns = "string",
         .flags = FUNCTION_NO_EFFECT,
         .call = waiting_observers_no_value},
        {.name = "reload", .help = "Open its file again", .returns = "boolean", .call = waiting_observers_not_reloaded},
        {.name = NULL}}};
const struct lua_class class_lookup_key = {
    .name = "KeyValueLookupKey", .help = "How keys are made from a query", .object = &lookup_key_class};
const struct lua_class class_remote_logger = {
    .name = "RemoteLogger",
    .help = "Where queries and answers are told to",
    .object = &remote_logger_class,
    .methods = (const struct lua_function[]){{.name = "toString",
                                              .help = "Where to, and how many went there",
                                              .returns = "string",
                                              .flags = FUNCTION_NO_EFFECT,
                                              .call = waiting_observers_description},
                                             {.name = NULL}}};

static int
waiting_observers_push_described(struct call *c, const struct object_class *class, bool frames, const char *format, ...)
{
  const struct waiting *w = c->function->data;
  struct text text;
  va_list list;
  text_init(&text);
  va_start(list, format);
  text_vprintf(&text, format, list);
  va_end(list);
  struct described *d = call_own(c, described_new(class, text_steal(&text)));
  d->frames = frames;
  text_fini(&text);
  if (class != &lookup_key_class)
    waiting_tell(c, "has no effect", w->part);
  binder_push_object(c->lua, d);
  return 1;
}

// ---- key-value stores ----

static int
waiting_observers_new_store(struct call *c)
{
  return waiting_observers_push_described(c, &key_value_store_class, false, "%s", c->args[0].string.data);
}

static int
waiting_observers_key_qname(struct call *c)
{
  return waiting_observers_push_described(c, &lookup_key_class, false, "qname%s",
                                          c->args[0].boolean ? " in wire format" : "");
}

static int
waiting_observers_key_suffix(struct call *c)
{
  return waiting_observers_push_described(c, &lookup_key_class, false, "suffix with at least %lld labels%s",
                                          (long long)c->args[0].integer, c->args[1].boolean ? " in wire format" : "");
}

static int
waiting_observers_key_source(struct call *c)
{
  return waiting_observers_push_described(c, &lookup_key_class, false, "source IP%s", c->args[2].boolean ? " and port" : "");
}

static int
waiting_observers_key_tag(struct call *c)
{
  return waiting_observers_push_described(c, &lookup_key_class, false, "value of the tag '%s'", c->args[0].string.data);
}

// ---- loggers ----

static int
waiting_observers_new_remote_logger(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, 0, &c->fault))
    return -1;
  return waiting_observers_push_described(c, &remote_logger_class, false, "%s (0 processed, 0 dropped)",
                                          address_text_with_port(&address, text));
}

static int
waiting_observers_push_frame_logger(struct call *c, const char *where)
{
  return waiting_observers_push_described(c, &remote_logger_class, true,
                                          "FrameStreamLogger to %s (0 frames sent, 0 dropped, 0 permanent failures)", where);
}

static int
waiting_observers_new_frame_unix(struct call *c)
{
  return waiting_observers_push_frame_logger(c, c->args[0].string.data);
}

static int
waiting_observers_new_frame_tcp(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, 0, &c->fault))
    return -1;
  return waiting_observers_push_frame_logger(c, address_text_with_port(&address, text));
}

// ---- what rows cannot say ----

static bool
waiting_observers_check_web_address(struct call *c)
{
  struct address address;
  return address_parse(&address, c->args[0].string.data, 8083, &c->fault);
}

static bool
waiting_observers_check_carbon(struct call *c)
{
  struct address address;
  return address_parse(&address, c->args[0].string.data, 2003, &c->fault);
}

enum { WEB_ACL = 3 };

// One text with commas, which a wrong mask makes an error.
static bool
waiting_observers_check_web_config(struct call *c)
{
  const struct value *acl = &c->args[0].options[WEB_ACL];
  if (!acl->given)
    return true;
  char *save, *copy = call_alloc(c, acl->string.size + 1);
  memcpy(copy, acl->string.data, acl->string.size);
  for (char *word = strtok_r(copy, ", ", &save); word != NULL; word = strtok_r(NULL, ", ", &save)) {
    struct netmask mask;
    if (!netmask_parse(&mask, *word == '!' ? word + 1 : word, &c->fault))
      return false;
  }
  return true;
}

#define OPTION(word, kind, words) {.name = word, .type = PARAM_##kind, .optional = true, .help = words}
static const struct param web_options[] = {
    OPTION("password", STRING, "password of the dashboard, plain or hashed"),
    OPTION("apiKey", STRING, "key of the API, plain or hashed"),
    OPTION("customHeaders", STRING_MAP, "headers of every answer"),
    [WEB_ACL] = OPTION("acl", STRING, "who may connect, with commas"),
    OPTION("allowCrossOriginRequests", BOOL, "answer other origins"),
    OPTION("apiRequiresAuthentication", BOOL, "the API needs the key"),
    OPTION("dashboardRequiresAuthentication", BOOL, "the dashboard needs the password"),
    OPTION("statsRequireAuthentication", BOOL, "metrics need key or password"),
    OPTION("prometheusAddInstanceLabel", BOOL, "name the server in each series"),
    OPTION("maxConcurrentConnections", INT, "clients at once"),
    OPTION("hashPlaintextCredentials", BOOL, "hash plain credentials"),
    {.type = PARAM_END}};
static const struct param frame_options[] = {
    OPTION("bufferHint", INT, "bytes of a buffer"),
    OPTION("flushTimeout", INT, "seconds until it is sent"),
    OPTION("inputQueueSize", INT, "entries, a power of two"),
    OPTION("outputQueueSize", INT, "entries"),
    OPTION("queueNotifyThreshold", INT, "entries"),
    OPTION("reopenInterval", INT, "seconds between attempts"),
    OPTION("connectionCount", INT, "connections used in turn"),
    {.type = PARAM_END}};

#define STRING(word) {.name = word, .type = PARAM_STRING}
#define SECONDS {.name = "seconds", .type = PARAM_INT, .min = 0, .max = INT64_MAX, .unit = "s"}
#define WIRE_FORMAT {.name = "wireFormat", .type = PARAM_BOOL, .optional = true, .fallback = "true"}

const struct lua_function functions_waiting_observers[] = {
    {.name = "webserver",
     .help = "Serve metrics, API and dashboard here",
     .params = PARAMS(STRING("address")),
     .call = waiting_call,
     .data = WAITING(.part = web, .check = waiting_observers_check_web_address)},
    {.name = "setWebserverConfig",
     .help = "Credentials, ACL and options of the web server",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = web_options}),
     .call = waiting_call,
     .data = WAITING(.part = web, .check = waiting_observers_check_web_config)},
    {.name = "showWebserverConfig",
     .help = "The configuration of the web server",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = web, .answer = ANSWER_EMPTY_TEXT)},
    {.name = "setAPIWritable",
     .help = "Allow changes through the API",
     .params = PARAMS({.name = "allow", .type = PARAM_BOOL}, {.name = "dir", .type = PARAM_STRING, .optional = true}),
     .call = waiting_call,
     .data = WAITING(.part = web)},
    {.name = "registerWebHandler",
     .help = "Serve a path with a function",
     .params = PARAMS(STRING("path"), {.name = "handler", .type = PARAM_FUNCTION}),
     .call = waiting_call,
     .data = WAITING(.part = web)},
    {.name = "setSecurityPollInterval",
     .help = "Interval of asking for the security status",
     .params = PARAMS(SECONDS),
     .call = waiting_call,
     .data = WAITING(.part = polling)},
    {.name = "setSecurityPollSuffix",
     .help = "Zone that is asked; empty: none",
     .params = PARAMS(STRING("suffix")),
     .call = waiting_call,
     .data = WAITING(.part = polling)},
    {.name = "showSecurityStatus",
     .help = "Print the security status",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = polling,
                     .table = "0\n")},
    {.name = "carbonServer",
     .help = "Send metrics to a Carbon server; port 2003 unless given",
     .params = PARAMS(STRING("address"), {.name = "ourname", .type = PARAM_STRING, .optional = true},
                      {.name = "interval", .type = PARAM_INT, .optional = true, .fallback = "30", .unit = "s"},
                      {.name = "namespace", .type = PARAM_STRING, .optional = true, .fallback = "dnsdist"},
                      {.name = "instance", .type = PARAM_STRING, .optional = true, .fallback = "main"}),
     .call = waiting_call,
     .data = WAITING(.part = carbon, .check = waiting_observers_check_carbon)},
    {.name = "snmpAgent",
     .help = "Serve SNMP through an agent",
     .params = PARAMS({.name = "enableTraps", .type = PARAM_BOOL}, {.name = "socket", .type = PARAM_STRING, .optional = true}),
     .flags = FUNCTION_CONFIG_RAISES,
     .call = waiting_call,
     .data = WAITING(.part = snmp)},
    {.name = "sendCustomTrap",
     .help = "Send an SNMP trap",
     .params = PARAMS(STRING("message")),
     .call = waiting_call,
     .data = WAITING(.part = snmp)},
    {.name = "setOpenTelemetryTracing",
     .help = "Allow tracing of queries",
     .params = PARAMS({.name = "enabled", .type = PARAM_BOOL}),
     .call = waiting_call,
     .data = WAITING(.part = tracing)},
    {.name = "newRemoteLogger",
     .help = "Where protobuf messages are sent, over TCP",
     .params = PARAMS(STRING("address"), {.name = "timeout", .type = PARAM_INT, .optional = true, .fallback = "2", .unit = "s"},
                      {.name = "maxQueuedEntries", .type = PARAM_INT, .optional = true, .fallback = "100"},
                      {.name = "reconnectWaitTime", .type = PARAM_INT, .optional = true, .fallback = "1", .unit = "s"},
                      {.name = "connectionCount", .type = PARAM_INT, .optional = true, .fallback = "1"}),
     .returns = "RemoteLogger",
     .call = waiting_observers_new_remote_logger,
     .data = WAITING(.part = protobuf)},
    {.name = "newFrameStreamUnixLogger",
     .help = "Where dnstap is sent, over a UNIX socket",
     .params = PARAMS(STRING("path"), {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = frame_options}),
     .returns = "RemoteLogger",
     .call = waiting_observers_new_frame_unix,
     .data = WAITING(.part = dnstap)},
    {.name = "newFrameStreamTcpLogger",
     .help = "Where dnstap is sent, over TCP",
     .params = PARAMS(STRING("address"), {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = frame_options}),
     .returns = "RemoteLogger",
     .call = waiting_observers_new_frame_tcp,
     .data = WAITING(.part = dnstap)},
    {.name = "newCDBKVStore",
     .help = "A store in a CDB file",
     .params = PARAMS(STRING("file"), {.name = "refreshDelay", .type = PARAM_INT, .unit = "s"}),
     .returns = "KeyValueStore",
     .call = waiting_observers_new_store,
     .data = WAITING(.part = stores)},
    {.name = "newLMDBKVStore",
     .help = "A store in an LMDB file",
     .params = PARAMS(STRING("file"), STRING("db"), {.name = "noLock", .type = PARAM_BOOL, .optional = true, .fallback = "false"}),
     .returns = "KeyValueStore",
     .call = waiting_observers_new_store,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeyQName",
     .help = "The key is the name asked for",
     .params = PARAMS(WIRE_FORMAT),
     .returns = "KeyValueLookupKey",
     .call = waiting_observers_key_qname,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeySuffix",
     .help = "Keys are the name asked for and those above it",
     .params = PARAMS({.name = "minLabels", .type = PARAM_INT, .optional = true, .fallback = "0"}, WIRE_FORMAT),
     .returns = "KeyValueLookupKey",
     .call = waiting_observers_key_suffix,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeySourceIP",
     .help = "The key is the address of the client",
     .params = PARAMS({.name = "v4Mask", .type = PARAM_INT, .optional = true, .fallback = "32"},
                      {.name = "v6Mask", .type = PARAM_INT, .optional = true, .fallback = "128"},
                      {.name = "includePort", .type = PARAM_BOOL, .optional = true, .fallback = "false"}),
     .returns = "KeyValueLookupKey",
     .call = waiting_observers_key_source,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeyTag",
     .help = "The key is the value of a tag",
     .params = PARAMS(STRING("tag")),
     .returns = "KeyValueLookupKey",
     .call = waiting_observers_key_tag,
     .data = WAITING(.part = stores)},
    {.name = NULL}};
