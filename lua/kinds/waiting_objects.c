// SPDX-License-Identifier: BSD-2-Clause
// Functions and objects of parts that do not exist yet: certificates and outgoing TLS, eBPF filters and XSK sockets, the web
// server, telemetry, key-value stores.
//
// All are declared, checked and listed like those that work, so that configurations of the dialect load, and what is missing
// is told once, by name (kinds/waiting). An object is a description with a name and no function; a rule that uses one never
// matches or does nothing (rules/select/waiting).
//
// **When a part comes**: its rows move to a file of its own with real functions and lose `waits_for`; names, parameters and
// errors are final already, and the tests of the dialect that call them stay as they are.
//
// Lua lock.
#include "dnsproxy/base/address.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/netmask.h"
#include "lua/binder/classes.h"
#include "lua/kinds/waiting.h"

#include <stdlib.h>
#include <string.h>

// ---- certificates and keys of encrypted transports, and their connections to backends ----

static const char tls[] = "DNS over TLS", doh[] = "DNS over HTTPS", dnscrypt[] = "DNSCrypt";

WAITING_OBJECT(class_tls_certificate, "TLSCertificate");
WAITING_CLASS(class_tls_certificate, "TLSCertificate", "A certificate and its key");

#define OPTION(word, kind, words) {.name = word, .type = PARAM_##kind, .optional = true, .help = words}
#define OPTIONS(rows) {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = rows}
#define NUMBER(word) {.name = word, .type = PARAM_INT, .max = INT64_MAX}

static const struct param certificate_options[] = {OPTION("key", STRING, "file of the private key"),
                                                   OPTION("password", STRING, "password of the file"),
                                                   {.type = PARAM_END}};

const struct lua_function functions_waiting_encryption[] = {
    {.name = "newTLSCertificate",
     .help = "A certificate, for listeners",
     .params = PARAMS({.name = "path", .type = PARAM_STRING}, OPTIONS(certificate_options)),
     .returns = "TLSCertificate",
     .call = waiting_call,
     .data = WAITING(.part = tls, .answer = ANSWER_OBJECT, .object = &class_tls_certificate_object)},
    {.name = "reloadAllCertificates", .help = "Read all certificates again", .call = waiting_call, .data = WAITING(.part = tls)},
    {.name = "loadTicketsKey",
     .help = "Use this ticket key on all listeners",
     .params = PARAMS({.name = "key", .type = PARAM_STRING}),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "loadTLSEngine",
     .help = "Load an engine of the TLS library",
     .params = PARAMS({.name = "name", .type = PARAM_STRING}, {.name = "default", .type = PARAM_STRING, .optional = true}),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "loadTLSProvider",
     .help = "Load a provider of the TLS library",
     .params = PARAMS({.name = "name", .type = PARAM_STRING}),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "generateOCSPResponse",
     .help = "Write an OCSP response signed by a local authority",
     .params = PARAMS({.name = "cert", .type = PARAM_STRING}, {.name = "caCert", .type = PARAM_STRING},
                      {.name = "caKey", .type = PARAM_STRING}, {.name = "out", .type = PARAM_STRING},
                      {.name = "days", .type = PARAM_INT, .most = INT32_MAX}, {.name = "minutes", .type = PARAM_INT,
                                                            .most = INT32_MAX}),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "getOutgoingTLSSessionCacheSize",
     .help = "TLS sessions kept for backends",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = tls, .answer = ANSWER_ZERO)},
    {.name = "setOutgoingTLSSessionsCacheMaxTicketsPerBackend",
     .help = "TLS sessions kept for each backend",
     .params = PARAMS(NUMBER("num")),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "setOutgoingTLSSessionsCacheCleanupDelay",
     .help = "Interval of looking for old ones",
     .params = PARAMS(NUMBER("seconds")),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "setOutgoingTLSSessionsCacheMaxTicketValidity",
     .help = "How long they are kept",
     .params = PARAMS(NUMBER("seconds")),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "setTicketsKeyAddedHook",
     .help = "A function to be called for each new ticket key",
     .params = PARAMS({.name = "hook", .type = PARAM_FUNCTION}),
     .call = waiting_call,
     .data = WAITING(.part = tls)},
    {.name = "setMaxIdleDoHConnectionsPerDownstream",
     .help = "Idle DNS-over-HTTPS connections kept to each backend",
     .params = PARAMS(NUMBER("num")),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_call,
     .data = WAITING(.part = doh)},
    {.name = "setDoHDownstreamCleanupInterval",
     .help = "Interval of looking for idle ones",
     .params = PARAMS(NUMBER("seconds")),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_call,
     .data = WAITING(.part = doh)},
    {.name = "setDoHDownstreamMaxIdleTime",
     .help = "How long idle ones are kept",
     .params = PARAMS(NUMBER("seconds")),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_call,
     .data = WAITING(.part = doh)},
    {.name = "requestDoHStatesDump",
     .help = "Log the state of DNS-over-HTTPS connections to backends",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = doh)},
    {.name = "generateDNSCryptProviderKeys",
     .help = "Write the keys of a provider",
     .params = PARAMS({.name = "publicFile", .type = PARAM_STRING}, {.name = "privateFile", .type = PARAM_STRING}),
     .call = waiting_call,
     .data = WAITING(.part = dnscrypt)},
    {.name = "generateDNSCryptCertificate",
     .help = "Write a certificate and its key",
     .params = PARAMS({.name = "providerPrivate", .type = PARAM_STRING}, {.name = "certFile", .type = PARAM_STRING},
                      {.name = "keyFile", .type = PARAM_STRING}, {.name = "serial", .type = PARAM_INT, .most = UINT32_MAX},
                      {.name = "begin", .type = PARAM_INT, .most = UINT32_MAX}, {.name = "end", .type = PARAM_INT,
                                                            .most = UINT32_MAX},
                      {.name = "version", .type = PARAM_INT, .least = 1, .most = 2, .optional = true, .fallback = "1"}),
     .call = waiting_call,
     .data = WAITING(.part = dnscrypt)},
    {.name = "printDNSCryptProviderFingerprint",
     .help = "Print the fingerprint of a provider",
     .params = PARAMS({.name = "publicFile", .type = PARAM_STRING}),
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = dnscrypt)},
    {.name = NULL}};

// ---- filters of the kernel, and sockets beside it ----

static const char ebpf[] = "eBPF", xsk[] = "AF_XDP";

WAITING_OBJECT(class_bpf_filter, "BPFFilter");
WAITING_OBJECT(class_dyn_bpf_filter, "DynBPFFilter");
WAITING_OBJECT(class_xsk_socket, "XskSocket");

WAITING_CLASS(class_bpf_filter, "BPFFilter", "An eBPF filter", WAITING_METHOD("block"), WAITING_METHOD("unblock"),
              WAITING_METHOD("blockQName"), WAITING_METHOD("unblockQName"), WAITING_METHOD("addRangeRule"),
              WAITING_METHOD("rmRangeRule"), WAITING_METHOD("lsRangeRule"), WAITING_METHOD("getStats"),
              WAITING_METHOD("attachToAllBinds"), );
WAITING_CLASS(class_dyn_bpf_filter, "DynBPFFilter", "Entries of an eBPF filter that expire", WAITING_METHOD("block"),
              WAITING_METHOD("purgeExpired"), WAITING_METHOD("excludeRange"), WAITING_METHOD("includeRange"), );
WAITING_CLASS(class_xsk_socket, "XskSocket", "An AF_XDP socket", WAITING_METHOD("getMetrics"), );

#define NUMBER_OPTION(word, words, ...) {.name = word, .type = PARAM_INT, .optional = true, .help = words, __VA_ARGS__}
#define OPTION(word, kind, words) {.name = word, .type = PARAM_##kind, .optional = true, .help = words}
static const struct param filter_options[] = {
    NUMBER_OPTION("ipv4MaxItems", "entries", .most = UINT32_MAX),
    NUMBER_OPTION("ipv6MaxItems", "entries", .most = UINT32_MAX),
    NUMBER_OPTION("cidr4MaxItems", "entries", .most = UINT32_MAX),
    NUMBER_OPTION("cidr6MaxItems", "entries", .most = UINT32_MAX),
    NUMBER_OPTION("qnamesMaxItems", "entries", .most = UINT32_MAX),
    OPTION("ipv4PinnedPath", STRING, "where the map is pinned"),
    OPTION("ipv6PinnedPath", STRING, "where the map is pinned"),
    OPTION("cidr4PinnedPath", STRING, "where the map is pinned"),
    OPTION("cidr6PinnedPath", STRING, "where the map is pinned"),
    OPTION("qnamesPinnedPath", STRING, "where the map is pinned"),
    OPTION("external", BOOL, "another program filters"),
    {.type = PARAM_END}};
static const struct param xsk_options[] = {
    OPTION("ifName", STRING, "network interface"),
    NUMBER_OPTION("NIC_queue_id", "queue of the interface", .most = UINT32_MAX),
    NUMBER_OPTION("frameNums", "frames", .least = 1, .most = UINT32_MAX),
    OPTION("xskMapPath", STRING, "where the map is pinned"),
    {.type = PARAM_END}};

#define FILTER(word, what) {.name = word, .type = PARAM_OBJECT, .class = &what}

const struct lua_function functions_waiting_filters[] = {
    {.name = "newBPFFilter",
     .help = "An eBPF filter for sockets",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = filter_options}),
     .returns = "BPFFilter",
     .call = waiting_call,
     .data = WAITING(.part = ebpf, .answer = ANSWER_OBJECT, .object = &class_bpf_filter_object)},
    {.name = "newDynBPFFilter",
     .help = "Entries of a filter that expire",
     .params = PARAMS(FILTER("filter", class_bpf_filter_object)),
     .returns = "DynBPFFilter",
     .call = waiting_call,
     .data = WAITING(.part = ebpf, .answer = ANSWER_OBJECT, .object = &class_dyn_bpf_filter_object)},
    {.name = "setDefaultBPFFilter",
     .help = "Use a filter on all listeners",
     .params = PARAMS(FILTER("filter", class_bpf_filter_object)),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "registerDynBPFFilter",
     .help = "Show a filter in the API",
     .params = PARAMS(FILTER("filter", class_dyn_bpf_filter_object)),
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "unregisterDynBPFFilter",
     .help = "Show it no longer",
     .params = PARAMS(FILTER("filter", class_dyn_bpf_filter_object)),
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "addBPFFilterDynBlocks",
     .help = "Block addresses in a filter for some time",
     .params = PARAMS({.name = "addresses", .type = PARAM_ANY}, FILTER("filter", class_dyn_bpf_filter_object),
                      {.name = "seconds", .type = PARAM_INT, .least = 1, .most = UINT32_MAX,
                       .optional = true, .fallback = "10", .unit = "s"},
                      {.name = "msg", .type = PARAM_STRING, .optional = true}),
     .call = waiting_call,
     .data = WAITING(.part = ebpf)},
    {.name = "newXsk",
     .help = "An AF_XDP socket",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = xsk_options}),
     .returns = "XskSocket",
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_call,
     .data = WAITING(.part = xsk, .answer = ANSWER_OBJECT, .object = &class_xsk_socket_object)},
    {.name = NULL}};

// ---- the web server, telemetry and key-value stores ----

static const char web[] = "web server", carbon[] = "Carbon export", snmp[] = "SNMP", polling[] = "security polling",
                  tracing[] = "OpenTelemetry", protobuf[] = "protobuf", dnstap[] = "dnstap",
                  stores[] = "key-value stores";

// ---- types ----

static int
waiting_objects_no_value(struct call *c)
{
  lua_pushliteral(c->lua, "");
  return 1;
}

static int
waiting_objects_not_reloaded(struct call *c)
{
  lua_pushboolean(c->lua, false);
  return 1;
}

static int
waiting_objects_description(struct call *c)
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
         .call = waiting_objects_no_value},
        {.name = "lookupSuffix",
         .help = "The value of a name or of one above it, or an empty text",
         .params = PARAMS({.name = "name", .type = PARAM_NAME_OBJECT}, {.name = "minLabels", .type = PARAM_INT, .most = 127,
                                                            .optional = true},
                          {.name = "wireFormat", .type = PARAM_BOOL, .optional = true}),
         .returns = "string",
         .flags = FUNCTION_NO_EFFECT,
         .call = waiting_objects_no_value},
        {.name = "reload", .help = "Open its file again", .returns = "boolean", .call = waiting_objects_not_reloaded},
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
                                              .call = waiting_objects_description},
                                             {.name = NULL}}};

static int
waiting_objects_push_described(struct call *c, const struct object_class *class, bool frames, const char *format, ...)
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
waiting_objects_new_store(struct call *c)
{
  return waiting_objects_push_described(c, &key_value_store_class, false, "%s", c->args[0].string.data);
}

static int
waiting_objects_key_qname(struct call *c)
{
  return waiting_objects_push_described(c, &lookup_key_class, false, "qname%s",
                                        c->args[0].boolean ? " in wire format" : "");
}

static int
waiting_objects_key_suffix(struct call *c)
{
  return waiting_objects_push_described(c, &lookup_key_class, false, "suffix with at least %lld labels%s",
                                        (long long)c->args[0].integer, c->args[1].boolean ? " in wire format" : "");
}

static int
waiting_objects_key_source(struct call *c)
{
  return waiting_objects_push_described(c, &lookup_key_class, false, "source IP%s", c->args[2].boolean ? " and port" : "");
}

static int
waiting_objects_key_tag(struct call *c)
{
  return waiting_objects_push_described(c, &lookup_key_class, false, "value of the tag '%s'", c->args[0].string.data);
}

// ---- loggers ----

static int
waiting_objects_new_remote_logger(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, 0, &c->fault))
    return -1;
  return waiting_objects_push_described(c, &remote_logger_class, false, "%s (0 processed, 0 dropped)",
                                        address_text_with_port(&address, text));
}

static int
waiting_objects_push_frame_logger(struct call *c, const char *where)
{
  return waiting_objects_push_described(c, &remote_logger_class, true,
                                        "FrameStreamLogger to %s (0 frames sent, 0 dropped, 0 permanent failures)", where);
}

static int
waiting_objects_new_frame_unix(struct call *c)
{
  return waiting_objects_push_frame_logger(c, c->args[0].string.data);
}

static int
waiting_objects_new_frame_tcp(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, 0, &c->fault))
    return -1;
  return waiting_objects_push_frame_logger(c, address_text_with_port(&address, text));
}

// ---- what rows cannot say ----

static bool
waiting_objects_check_web_address(struct call *c)
{
  struct address address;
  return address_parse(&address, c->args[0].string.data, 8083, &c->fault);
}

static bool
waiting_objects_check_carbon(struct call *c)
{
  struct address address;
  return address_parse(&address, c->args[0].string.data, 2003, &c->fault);
}

enum { WEB_ACL = 3 };

// One text with commas, which a wrong mask makes an error.
static bool
waiting_objects_check_web_config(struct call *c)
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

#define NUMBER_OPTION(word, words, ...) {.name = word, .type = PARAM_INT, .optional = true, .help = words, __VA_ARGS__}
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
    NUMBER_OPTION("maxConcurrentConnections", "clients at once", .most = UINT32_MAX),
    OPTION("hashPlaintextCredentials", BOOL, "hash plain credentials"),
    {.type = PARAM_END}};
static const struct param frame_options[] = {
    NUMBER_OPTION("bufferHint", "bytes of a buffer", .most = UINT32_MAX),
    NUMBER_OPTION("flushTimeout", "seconds until it is sent", .most = UINT32_MAX),
    NUMBER_OPTION("inputQueueSize", "entries, a power of two", .most = UINT32_MAX),
    NUMBER_OPTION("outputQueueSize", "entries", .most = UINT32_MAX),
    NUMBER_OPTION("queueNotifyThreshold", "entries", .most = UINT32_MAX),
    NUMBER_OPTION("reopenInterval", "seconds between attempts", .most = UINT32_MAX),
    NUMBER_OPTION("connectionCount", "connections used in turn", .least = 1, .most = UINT16_MAX),
    {.type = PARAM_END}};

#define STRING(word) {.name = word, .type = PARAM_STRING}
#define SECONDS {.name = "seconds", .type = PARAM_INT, .max = INT64_MAX, .least = 1, .unit = "s"}
#define WIRE_FORMAT {.name = "wireFormat", .type = PARAM_BOOL, .optional = true, .fallback = "true"}

const struct lua_function functions_waiting_observers[] = {
    {.name = "webserver",
     .help = "Serve metrics, API and dashboard here",
     .params = PARAMS(STRING("address")),
     .call = waiting_call,
     .data = WAITING(.part = web, .check = waiting_objects_check_web_address)},
    {.name = "setWebserverConfig",
     .help = "Credentials, ACL and options of the web server",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = web_options}),
     .call = waiting_call,
     .data = WAITING(.part = web, .check = waiting_objects_check_web_config)},
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
                      {.name = "interval", .type = PARAM_INT, .most = UINT32_MAX, .optional = true, .fallback = "30", .unit = "s"},
                      {.name = "namespace", .type = PARAM_STRING, .optional = true, .fallback = "dnsdist"},
                      {.name = "instance", .type = PARAM_STRING, .optional = true, .fallback = "main"}),
     .call = waiting_call,
     .data = WAITING(.part = carbon, .check = waiting_objects_check_carbon)},
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
     .params = PARAMS(STRING("address"), {.name = "timeout", .type = PARAM_INT, .least = 1, .most = UINT16_MAX,
                                          .optional = true, .fallback = "2", .unit = "s"},
                      {.name = "maxQueuedEntries", .type = PARAM_INT, .least = 1, .most = UINT32_MAX,
                       .optional = true, .fallback = "100"},
                      {.name = "reconnectWaitTime", .type = PARAM_INT, .most = UINT8_MAX,
                       .optional = true, .fallback = "1", .unit = "s"},
                      {.name = "connectionCount", .type = PARAM_INT, .least = 1, .most = UINT16_MAX,
                       .optional = true, .fallback = "1"}),
     .returns = "RemoteLogger",
     .call = waiting_objects_new_remote_logger,
     .data = WAITING(.part = protobuf)},
    {.name = "newFrameStreamUnixLogger",
     .help = "Where dnstap is sent, over a UNIX socket",
     .params = PARAMS(STRING("path"), {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = frame_options}),
     .returns = "RemoteLogger",
     .call = waiting_objects_new_frame_unix,
     .data = WAITING(.part = dnstap)},
    {.name = "newFrameStreamTcpLogger",
     .help = "Where dnstap is sent, over TCP",
     .params = PARAMS(STRING("address"), {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = frame_options}),
     .returns = "RemoteLogger",
     .call = waiting_objects_new_frame_tcp,
     .data = WAITING(.part = dnstap)},
    {.name = "newCDBKVStore",
     .help = "A store in a CDB file",
     .params = PARAMS(STRING("file"), {.name = "refreshDelay", .type = PARAM_INT, .most = UINT32_MAX, .unit = "s"}),
     .returns = "KeyValueStore",
     .call = waiting_objects_new_store,
     .data = WAITING(.part = stores)},
    {.name = "newLMDBKVStore",
     .help = "A store in an LMDB file",
     .params = PARAMS(STRING("file"), STRING("db"), {.name = "noLock", .type = PARAM_BOOL, .optional = true, .fallback = "false"}),
     .returns = "KeyValueStore",
     .call = waiting_objects_new_store,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeyQName",
     .help = "The key is the name asked for",
     .params = PARAMS(WIRE_FORMAT),
     .returns = "KeyValueLookupKey",
     .call = waiting_objects_key_qname,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeySuffix",
     .help = "Keys are the name asked for and those above it",
     .params = PARAMS({.name = "minLabels", .type = PARAM_INT, .most = 127, .optional = true, .fallback = "0"}, WIRE_FORMAT),
     .returns = "KeyValueLookupKey",
     .call = waiting_objects_key_suffix,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeySourceIP",
     .help = "The key is the address of the client",
     .params = PARAMS({.name = "v4Mask", .type = PARAM_INT, .most = 32, .optional = true, .fallback = "32"},
                      {.name = "v6Mask", .type = PARAM_INT, .most = 128, .optional = true, .fallback = "128"},
                      {.name = "includePort", .type = PARAM_BOOL, .optional = true, .fallback = "false"}),
     .returns = "KeyValueLookupKey",
     .call = waiting_objects_key_source,
     .data = WAITING(.part = stores)},
    {.name = "KeyValueLookupKeyTag",
     .help = "The key is the value of a tag",
     .params = PARAMS(STRING("tag")),
     .returns = "KeyValueLookupKey",
     .call = waiting_objects_key_tag,
     .data = WAITING(.part = stores)},
    {.name = NULL}};
