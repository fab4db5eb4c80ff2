// SPDX-License-Identifier: BSD-2-Clause
// newServer(): options to a backend.
//
//   "192.0.2.1" or {address = ..., qps = ..., ...} --> backend_options, each checked --> backend_new() --> pools
//
// A row per option says name, type, bounds and help; what a row cannot say (options that belong together, names of functions
// of another kind) is checked behind them. What would give up a protection that was asked for fails closed: tls= and DoH
// without the part make a backend that is never up. Keys that no row knows are told. Lua lock.
#include "lua/functions/functions.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/sense.h"
#include "lua/kinds/waiting.h"

#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { DNS_PORT = 53, WEIGHT_MAX = INT32_MAX, DSCP_MAX = 63 };

// OPTION(key, type, unit, help), NUMBER(key, type, bounds, unit, help). Keys of encryption and the like are accepted and wait for their transports.
#define SERVER_OPTIONS(OPTION, NUMBER)                                                                                         \
  OPTION(address, STRING, NULL, "address and port of the backend; port 53 unless given")                              \
  OPTION(id, STRING, NULL, "UUID; random unless given")                                                                \
  OPTION(name, STRING, NULL, "name in tables and metrics")                                                             \
  NUMBER(qps, INT, UP_TO(UINT32_MAX), "q/s", "limit that firstAvailable looks at")                                     \
  NUMBER(order, INT, BETWEEN(INT32_MIN, INT32_MAX), NULL, "place in a pool, lower is tried first")                     \
  NUMBER(weight, INT, LOOKED_AT, NULL, "weight for the weighted policies, 1 to 2147483647")                            \
  NUMBER(udpTimeout, INT, UP_TO(UINT32_MAX), "s", "time-out of UDP answers; 0: setUDPTimeout()")                       \
  OPTION(pool, STRINGS, NULL, "pool or pools to join")                                                                 \
  NUMBER(retries, INT, UP_TO(UINT32_MAX), "attempts", "attempts over TCP")                                             \
  NUMBER(tcpConnectTimeout, INT, TIMEOUT, "s", "TCP connect time-out")                                                 \
  NUMBER(tcpSendTimeout, INT, TIMEOUT, "s", "TCP write time-out")                                                      \
  NUMBER(tcpRecvTimeout, INT, TIMEOUT, "s", "TCP read time-out")                                                       \
  OPTION(tcpFastOpen, BOOL, NULL, "TCP Fast Open")                                                                     \
  OPTION(ipBindAddrNoPort, BOOL, NULL, "IP_BIND_ADDRESS_NO_PORT with a source address")                                \
  OPTION(checkName, STRING, NULL, "name that health checks ask for")                                                   \
  OPTION(checkType, STRING, NULL, "type that health checks ask for")                                                   \
  NUMBER(checkClass, INT, FROM_ONE(UINT16_MAX, UINT16_MAX, "no query has it"), NULL, "class that health checks ask for")\
  OPTION(checkFunction, FUNCTION, NULL, "function that changes the health-check query")                                \
  NUMBER(checkTimeout, INT, TIMEOUT, "ms", "time-out of a health check")                                               \
  OPTION(checkTCP, BOOL, NULL, "health checks over TCP")                                                               \
  OPTION(setCD, BOOL, NULL, "set CD in health checks")                                                                 \
  OPTION(mustResolve, BOOL, NULL, "NXDomain and Refused are failures too")                                             \
  NUMBER(maxCheckFailures, INT, FROM_ONE(UINT32_MAX, UINT8_MAX, NULL), "checks", "failures in a row before it is down")\
  NUMBER(rise, INT, FROM_ONE(UINT32_MAX, UINT8_MAX, NULL), "checks", "successes in a row before it is up")             \
  NUMBER(checkInterval, INT, FROM_ONE(UINT32_MAX, UINT32_MAX, "there is no interval of nothing"), "s", "interval of health checks")\
  OPTION(healthCheckMode, STRING, NULL, "auto, lazy, up or down")                                                      \
  NUMBER(lazyHealthCheckFailedInterval, INT, FROM_ONE(UINT32_MAX, UINT32_MAX, "there is no interval of nothing"), "s", "interval once failed in lazy mode")\
  NUMBER(lazyHealthCheckMinSampleCount, INT, FROM_ONE(UINT32_MAX, UINT32_MAX, NULL), "samples", "samples before the ratio counts")\
  OPTION(lazyHealthCheckMode, STRING, NULL, "TimeoutOnly or TimeoutOrServFail")                                        \
  NUMBER(lazyHealthCheckSampleSize, INT, FROM_ONE(UINT32_MAX, 1000000, NULL), "samples", "length of the window")       \
  NUMBER(lazyHealthCheckThreshold, INT, FROM_ONE(UINT32_MAX, 100, NULL), "%", "share of failures that starts checks")  \
  OPTION(lazyHealthCheckUseExponentialBackOff, BOOL, NULL, "double the interval each time")                            \
  NUMBER(lazyHealthCheckMaxBackOff, INT, FROM_ONE(UINT32_MAX, UINT32_MAX, "there is no interval of nothing"), "s", "longest interval of the above")\
  OPTION(lazyHealthCheckWhenUpgraded, BOOL, NULL, "an upgraded backend is lazy")                                       \
  OPTION(useClientSubnet, BOOL, NULL, "add EDNS Client Subnet")                                                        \
  OPTION(disableZeroScope, BOOL, NULL, "no scope-0 cache lookups")                                                     \
  OPTION(useProxyProtocol, BOOL, NULL, "PROXY v2 header in front of queries")                                          \
  OPTION(proxyProtocolAdvertiseTLS, BOOL, NULL, "tell of TLS clients in it")                                           \
  OPTION(source, STRING, NULL, "source address, interface, or address@interface")                                     \
  NUMBER(sockets, INT, FROM_ONE(UINT32_MAX, UINT16_MAX, "no query could be sent"), "sockets", "UDP sockets per worker")\
  OPTION(reconnectOnUp, BOOL, NULL, "new sockets when it comes up")                                                    \
  NUMBER(maxInFlight, INT, UP_TO(UINT32_MAX), "queries", "queries in flight on a TCP connection")                      \
  NUMBER(maxConcurrentTCPConnections, INT, UP_TO(UINT32_MAX), "connections", "most TCP connections; 0: no limit")      \
  OPTION(tcpOnly, BOOL, NULL, "always over TCP")                                                                       \
  OPTION(tls, STRING, NULL, "DNS over TLS with this library")                                                          \
  OPTION(dohPath, STRING, NULL, "with tls: DNS over HTTPS to this path")                                               \
  OPTION(addXForwardedHeaders, BOOL, NULL, "x-forwarded headers in DNS over HTTPS")                                    \
  OPTION(caStore, STRING, NULL, "file of certificates to trust")                                                       \
  OPTION(ciphers, STRING, NULL, "ciphers up to TLS 1.2")                                                               \
  OPTION(ciphersTLS13, STRING, NULL, "suites of TLS 1.3")                                                              \
  OPTION(ciphers13, STRING, NULL, "the same")                                                                          \
  OPTION(subjectName, STRING, NULL, "name that the certificate must match")                                            \
  OPTION(subjectAddr, STRING, NULL, "address that the certificate must match")                                         \
  OPTION(validateCertificates, BOOL, NULL, "verify the certificate")                                                   \
  OPTION(releaseBuffers, BOOL, NULL, "release TLS buffers when idle")                                                  \
  OPTION(enableRenegotiation, BOOL, NULL, "allow TLS renegotiation")                                                   \
  OPTION(ktls, BOOL, NULL, "kernel TLS")                                                                               \
  OPTION(keyLogFile, STRING, NULL, "file for TLS secrets")                                                             \
  OPTION(autoUpgrade, BOOL, NULL, "discover encrypted transports")                                                     \
  NUMBER(autoUpgradeInterval, INT, FROM_ONE(UINT32_MAX, UINT32_MAX, NULL), "s", "interval of the discovery")           \
  OPTION(autoUpgradeKeep, BOOL, NULL, "keep the plain backend")                                                        \
  OPTION(autoUpgradePool, STRING, NULL, "pool of the upgraded backend")                                                \
  NUMBER(autoUpgradeDoHKey, INT, UP_TO(UINT16_MAX), NULL, "SVCB parameter with the path")                              \
  NUMBER(dscp, INT, UP_TO(DSCP_MAX), NULL, "DSCP value of packets to it, 0 to 63")                                     \
  NUMBER(cpus, INTS, ANY_NUMBER, NULL, "accepted: workers are placed by the kernel")                                   \
  OPTION(xskSockets, OBJECTS, NULL, "AF_XDP sockets")                                                                  \
  OPTION(MACAddr, STRING, NULL, "destination address for AF_XDP")

enum {
#define OPTION(key, type, unit, help) KEY_##key,
#define NUMBER(key, type, bounds, unit, help) KEY_##key,
  SERVER_OPTIONS(OPTION, NUMBER)
#undef NUMBER
#undef OPTION
  KEYS
};

// Bounds: of the type (refused), and of sense (told, and the default stays).
#define UP_TO(largest) .max = largest, .any = true
#define BETWEEN(low, high) .min = low, .max = high, .any = true
#define FROM_ONE(largest, high, reason) .max = largest, .least = 1, .most = high, .why = reason
#define TIMEOUT FROM_ONE(UINT32_MAX, UINT16_MAX, "no answer comes in no time")
#define ANY_NUMBER .any = true
#define LOOKED_AT .own = true

const struct param server_options[] = {
#define OPTION(key, kind, measure, words)                                                                              \
  {.name = #key, .type = PARAM_##kind, .optional = true, .unit = measure, .help = words},
#define NUMBER(key, kind, bounds, measure, words)                                                                      \
  {.name = #key, .type = PARAM_##kind, .optional = true, bounds, .unit = measure, .help = words},
    SERVER_OPTIONS(OPTION, NUMBER)
#undef NUMBER
#undef OPTION
        {.type = PARAM_END}};

// Options that are no more than a field.
struct place {
  unsigned key;
  size_t offset, size;
};
#define PLACE(key, field)                                                                                              \
  { KEY_##key, offsetof(struct backend_options, field), sizeof((struct backend_options *)0)->field }
static const struct place numbers[] = {
    PLACE(qps, qps),
    PLACE(order, order),
    PLACE(udpTimeout, udp_timeout_s),
    PLACE(retries, retries),
    PLACE(tcpConnectTimeout, tcp_connect_timeout_s),
    PLACE(tcpSendTimeout, tcp_send_timeout_s),
    PLACE(tcpRecvTimeout, tcp_recv_timeout_s),
    PLACE(checkClass, check.class),
    PLACE(checkTimeout, check.timeout_ms),
    PLACE(maxCheckFailures, check.max_failures),
    PLACE(rise, check.rise),
    PLACE(checkInterval, check.interval_s),
    PLACE(lazyHealthCheckFailedInterval, check.lazy_failed_interval_s),
    PLACE(lazyHealthCheckMinSampleCount, check.lazy_min_samples),
    PLACE(lazyHealthCheckSampleSize, check.lazy_sample_size),
    PLACE(lazyHealthCheckThreshold, check.lazy_threshold),
    PLACE(lazyHealthCheckMaxBackOff, check.lazy_max_backoff_s),
    PLACE(sockets, sockets),
    PLACE(maxInFlight, max_in_flight),
    PLACE(maxConcurrentTCPConnections, max_connections),
    PLACE(dscp, dscp),
};
static const struct place switches[] = {
    PLACE(tcpFastOpen, tcp_fast_open),
    PLACE(ipBindAddrNoPort, ip_bind_addr_no_port),
    PLACE(checkTCP, check.over_tcp),
    PLACE(setCD, check.set_cd),
    PLACE(mustResolve, check.must_resolve),
    PLACE(lazyHealthCheckUseExponentialBackOff, check.lazy_backoff),
    PLACE(useClientSubnet, use_client_subnet),
    PLACE(disableZeroScope, disable_zero_scope),
    PLACE(useProxyProtocol, use_proxy_protocol),
    PLACE(proxyProtocolAdvertiseTLS, proxy_advertise_tls),
    PLACE(reconnectOnUp, reconnect_on_up),
};

static void
new_server_put_number(struct backend_options *o, const struct place *place, int64_t number)
{
  void *field = (char *)o + place->offset;
  uint32_t wide = (uint32_t)number;
  uint16_t half = (uint16_t)number;
  uint8_t narrow = (uint8_t)number;
  memcpy(field, place->size == 4 ? (void *)&wide : place->size == 2 ? (void *)&half : (void *)&narrow, place->size);
}

static void
new_server_put_plain(struct backend_options *o, const struct value *v)
{
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (v[numbers[i].key].given)
      new_server_put_number(o, &numbers[i], v[numbers[i].key].integer);
  for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
    if (v[switches[i].key].given)
      memcpy((char *)o + switches[i].offset, &v[switches[i].key].boolean, sizeof(bool));
  if (v[KEY_maxInFlight].given && o->max_in_flight == 0)
    o->max_in_flight = 1;
}

static void
new_server_warn_word(const char *key, const struct value *v)
{
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = "Invalid value for key passed to Lua directive, ignored",
                                .subsystem = "newServer",
                                .fields = (struct log_field[]){{"key", key}, {"value", v->string.data}, {NULL, NULL}}});
}

static void
new_server_put_modes(struct backend_options *o, const struct value *mode, const struct value *lazy)
{
  const char *word = mode->given ? mode->string.data : "auto";
  if (strcmp(word, "lazy") == 0)
    o->check.mode = HEALTH_LAZY;
  else if (strcmp(word, "up") == 0)
    o->check.forced = FORCED_UP;
  else if (strcmp(word, "down") == 0)
    o->check.forced = FORCED_DOWN;
  else if (strcmp(word, "auto") != 0)
    new_server_warn_word("healthCheckMode", mode);
  word = lazy->given ? lazy->string.data : "TimeoutOrServFail";
  if (strcmp(word, "TimeoutOnly") == 0)
    o->check.lazy_mode = LAZY_TIMEOUT_ONLY;
  else if (strcmp(word, "TimeoutOrServFail") != 0)
    new_server_warn_word("lazyHealthCheckMode", lazy);
}

static bool
new_server_dismiss_source(const char *text)
{
  if (config()->phase != PHASE_CLIENT)
    log_warning("newServer", "Dismissing source %s: it is neither an address nor an interface", text);
  return true;
}

// "192.0.2.1", "eth0" or "192.0.2.1@eth0".
static bool
new_server_put_source(struct backend_options *o, const char *text, struct fault *fault)
{
  char address[ADDRESS_TEXT_SIZE];
  const char *at = strchr(text, '@');
  struct fault no_address = FAULT_INIT;
  if (at == NULL && !address_parse(&o->source, text, 0, &no_address)) {
    o->source = (struct address){0};
    if (if_nametoindex(text) == 0)
      return new_server_dismiss_source(text);
    snprintf(o->source_interface, sizeof o->source_interface, "%s", text);
    return true;
  }
  if (at == NULL)
    return true;
  bool fits = strlen(at + 1) < sizeof o->source_interface; // a longer one cannot exist
  if (fits)
    snprintf(o->source_interface, sizeof o->source_interface, "%s", at + 1);
  if ((!fits || if_nametoindex(at + 1) == 0) && config()->phase != PHASE_CLIENT)
    log_warning("newServer", "The source interface %s does not exist: queries leave without it", at + 1);
  snprintf(address, sizeof address, "%.*s", (int)(at - text), text);
  return address_parse(&o->source, address, 0, fault);
}

static bool
new_server_put_check(struct call *c, struct backend_options *o, const struct value *v, struct fault *fault)
{
  if (v[KEY_checkName].given &&
      !name_from_text(&o->check.name, v[KEY_checkName].string.data, v[KEY_checkName].string.size, fault))
    return false;
  if (v[KEY_checkType].given && !qtype_parse(v[KEY_checkType].string.data, &o->check.type))
    sense_warn(c, "checkType=%s is no type: checks ask for the default", v[KEY_checkType].string.data);
  if (v[KEY_checkFunction].given)
    o->check.function = v[KEY_checkFunction].object;
  new_server_put_modes(o, &v[KEY_healthCheckMode], &v[KEY_lazyHealthCheckMode]);
  return true;
}

// Any text asks for TLS, an empty one too. So does what is no text (tls=true): told as a wrong type, but not sent in the clear.
// Likewise a path for HTTPS.
static bool
new_server_asks_for(struct call *c, const struct value *v, int key)
{
  if (v[key].given || !lua_istable(c->lua, 1))
    return v[key].given;
  lua_pushstring(c->lua, server_options[key].name);
  lua_rawget(c->lua, 1); // without metatables: an error here would not come back to whom the call's memory is
  bool asked = lua_toboolean(c->lua, -1);
  lua_pop(c->lua, 1);
  return asked;
}

static const struct backend_protocol *
new_server_protocol_asked(struct call *c, const struct value *v)
{
  if (new_server_asks_for(c, v, KEY_tls))
    return v[KEY_dohPath].given && v[KEY_dohPath].string.size > 0 ? &protocol_https : &protocol_tls;
  if (new_server_asks_for(c, v, KEY_dohPath))
    return &protocol_https;
  return v[KEY_tcpOnly].given && v[KEY_tcpOnly].boolean ? &protocol_tcp : &protocol_udp;
}

// Keys that are read only beside another one.
static void
new_server_tell_lonely_keys(const struct value *v)
{
  static const struct {
    int key, beside;
  } pairs[] = {{KEY_addXForwardedHeaders, KEY_dohPath}, {KEY_autoUpgradeInterval, KEY_autoUpgrade},
               {KEY_autoUpgradeKeep, KEY_autoUpgrade},  {KEY_autoUpgradePool, KEY_autoUpgrade},
               {KEY_autoUpgradeDoHKey, KEY_autoUpgrade}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs && config()->phase != PHASE_CLIENT; i++) {
    const struct value *beside = &v[pairs[i].beside];
    if (v[pairs[i].key].given && (!beside->given || (pairs[i].beside == KEY_autoUpgrade && !beside->boolean)))
      log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                    .message = "Unknown key, ignored",
                                    .subsystem = "newServer",
                                    .fields = (struct log_field[]){{"key", server_options[pairs[i].key].name}, {NULL, NULL}}});
  }
  if (v[KEY_dohPath].given && !v[KEY_tls].given && config()->phase != PHASE_CLIENT)
    log_warning("newServer", "dohPath means nothing without tls, and does not mean plain DNS");
}

static void
new_server_tell_protocol(const struct backend_options *o)
{
  char where[ADDRESS_TEXT_SIZE];
  if (o->protocol->missing != NULL && config()->phase != PHASE_CLIENT)
    log_warning("newServer", "Encrypted backends are not built: %s stays down", address_text_with_port(&o->address, where));
}

// Said once, when it is really asked for: what a backend may need must not be missed in silence.
static void
new_server_warn_unbuilt(const struct call *c, const struct value *v)
{
  const struct value *upgrade = &v[KEY_autoUpgrade];
  if (upgrade->given && upgrade->boolean && config()->phase != PHASE_CLIENT && binder_is_news(c->lua, "autoUpgrade"))
    log_warning("newServer", "%s is accepted and has no effect: this version of dnsproxy does not have it",
              server_options[KEY_autoUpgrade].name);
}

static uint16_t
new_server_default_port(const struct backend_protocol *protocol)
{
  enum { DOT_PORT = 853, DOH_PORT = 443 };
  return protocol == &protocol_https ? DOH_PORT : protocol == &protocol_tls ? DOT_PORT : DNS_PORT;
}

// False with a fault: the call fails. False without: told in the log, newServer() returns nil.
static bool
new_server_read_options(struct call *c, struct backend_options *o, const struct value *v)
{
  struct fault cause = FAULT_INIT;
  const char *address = v[KEY_address].given ? v[KEY_address].string.data : "";
  o->protocol = new_server_protocol_asked(c, v);
  if (!address_parse(&o->address, address, new_server_default_port(o->protocol), &cause)) {
    log_event(&(struct log_event){.priority = LOG_PRIO_ERROR,
                                  .message = "Error creating new backend server",
                                  .error = cause.text,
                                  .subsystem = "newServer",
                                  .fields = (struct log_field[]){{"backend.address", address}, {NULL, NULL}}});
    return false;
  }
  if (address_port(&o->address) == 0)
    sense_warn(c, "the port of %s is 0, where nobody answers", address);
  if (v[KEY_id].given && v[KEY_id].string.size > 0 && !uuid_parse(&o->id, v[KEY_id].string.data))
    return fault_set(&c->fault, FAULT_CAUGHT, "invalid uuid string");
  if (v[KEY_name].given)
    snprintf(o->name, sizeof o->name, "%s", v[KEY_name].string.data);
  if (v[KEY_weight].given && (v[KEY_weight].integer < 1 || v[KEY_weight].integer > WEIGHT_MAX)) {
    log_error("newServer", "Error creating new backend server: the weight is 1 to %d", WEIGHT_MAX);
    return false;
  }
  o->weight = v[KEY_weight].given ? (int32_t)v[KEY_weight].integer : o->weight;
  new_server_put_plain(o, v);
  if (!new_server_put_check(c, o, v, &c->fault) ||
      (v[KEY_source].given && !new_server_put_source(o, v[KEY_source].string.data, &c->fault)))
    return false;
  new_server_tell_lonely_keys(v);
  new_server_tell_protocol(o);
  new_server_warn_unbuilt(c, v);
  waiting_tell_option(c, "cpus", &v[KEY_cpus], "workers are placed by the kernel");
  waiting_tell_option(c, "xskSockets", &v[KEY_xskSockets], "this version of dnsproxy has no AF_XDP");
  waiting_tell_option(c, "MACAddr", &v[KEY_MACAddr], "this version of dnsproxy has no AF_XDP");
  return true;
}

static bool
new_server_read_arguments(struct call *c, struct backend_options *o, const struct value **options)
{
  static const struct param text_row = {.name = "address", .type = PARAM_STRING};
  static const struct param table_row = {.name = "options", .type = PARAM_OPTIONS, .options = server_options};
  struct value *values = call_alloc(c, (KEYS + 1) * sizeof *values), table;
  if (lua_istable(c->lua, 1)) {
    if (!call_read(c, 1, &table_row, &table))
      return false;
    *options = table.options;
  } else {
    if (!call_read(c, 1, &text_row, &values[KEY_address]))
      return false;
    values[KEY_qps] = c->args[1];
    *options = values;
  }
  return new_server_read_options(c, o, *options);
}

static void
new_server_join_pools(struct backend *b, const struct value *pool)
{
  pool_draft_add_backend(&config()->pools, b);
  if (!pool->given || pool->list.count == 0)
    pool_entry_add(pool_draft_get(&config()->pools, ""), b);
  for (size_t i = 0; pool->given && i < pool->list.count; i++)
    pool_entry_add(pool_draft_get(&config()->pools, pool->list.strings[i].data), b);
}

int
new_server(struct call *c)
{
  struct backend_options options;
  const struct value *v;
  backend_options_default(&options);
  if (!new_server_read_arguments(c, &options, &v)) {
    lua_pushnil(c->lua);
    return c->fault.kind == FAULT_NONE ? 1 : -1;
  }
  struct backend *b = call_own(c, backend_new(&options));
  new_server_join_pools(b, &v[KEY_pool]);
  binder_push_object(c->lua, b);
  return 1;
}
