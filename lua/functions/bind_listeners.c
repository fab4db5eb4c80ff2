// SPDX-License-Identifier: BSD-2-Clause
// Listeners: addLocal, setLocal, getBind, showBinds, and ClientState.
//
// One line is two listeners, UDP and TCP, with the same options (a table: reusePort, interface, tcpFastOpenQueueSize, ...).
// They are bound when the configuration is complete; of a running process ClientState tells and mutes them. Options of parts
// that do not exist are told. Lua lock.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/net/listener.h"
#include "lua/binder/classes.h"
#include "lua/kinds/waiting.h"

#include <stdio.h>
#include <string.h>

enum { DNS_PORT = 53 };

enum { REUSE_PORT, FAST_OPEN, INTERFACE, CPUS, LISTEN_QUEUE, MAX_IN_FLIGHT, MAX_CONNECTIONS, PROXY, XSK };

static const struct param listener_options[] = {
    [REUSE_PORT] = {.name = "reusePort", .type = PARAM_BOOL, .optional = true, .help = "SO_REUSEPORT"},
    [FAST_OPEN] = {.name = "tcpFastOpenQueueSize",
                   .type = PARAM_INT, .most = INT32_MAX,
                   .optional = true,
                   .help = "queue of TCP Fast Open; 0: off"},
    [INTERFACE] = {.name = "interface", .type = PARAM_STRING, .optional = true, .help = "bind to this network device"},
    [CPUS] = {.name = "cpus",
              .type = PARAM_INTS, .any = true,
              .optional = true,
              .help = "accepted: workers are placed by the kernel"},
    [LISTEN_QUEUE] = {.name = "tcpListenQueueSize", .type = PARAM_INT, .least = 1, .most = INT32_MAX,
                      .why = "no connection could wait", .optional = true, .help = "backlog of listen()"},
    [MAX_IN_FLIGHT] = {.name = "maxInFlight",
                       .type = PARAM_INT, .most = UINT32_MAX,
                       .optional = true,
                       .help = "queries at once on a TCP connection"},
    [MAX_CONNECTIONS] = {.name = "maxConcurrentTCPConnections",
                         .type = PARAM_INT, .most = UINT32_MAX,
                         .optional = true,
                         .help = "most connections; 0: no limit"},
    [PROXY] = {.name = "enableProxyProtocol",
               .type = PARAM_BOOL,
               .optional = true,
               .help = "expect a PROXY header where the ACL says so"},
    [XSK] = {.name = "xskSocket", .type = PARAM_OBJECT, .optional = true, .help = "AF_XDP socket"},
    {.type = PARAM_END}};

static void
bind_listeners_put_options(const struct call *c, struct listener *l, const struct value *v)
{
  l->reuse_port = v[REUSE_PORT].boolean;
  if (v[FAST_OPEN].given)
    l->fast_open_queue = (int)v[FAST_OPEN].integer;
  if (v[INTERFACE].given)
    snprintf(l->interface, sizeof l->interface, "%s", v[INTERFACE].string.data);
  if (v[LISTEN_QUEUE].given)
    l->listen_queue = (int)v[LISTEN_QUEUE].integer;
  if (v[MAX_IN_FLIGHT].given)
    l->max_in_flight = (uint32_t)v[MAX_IN_FLIGHT].integer;
  if (v[MAX_CONNECTIONS].given)
    l->max_connections = (uint32_t)v[MAX_CONNECTIONS].integer;
  if (v[PROXY].given)
    l->proxy_protocol = v[PROXY].boolean;
  waiting_tell_option(c, "cpus", &v[CPUS], "workers are placed by the kernel");
  waiting_tell_option(c, "xskSocket", &v[XSK], "this version of dnsproxy has no AF_XDP");
  if (v[CPUS].given) {
    l->cpu_count = v[CPUS].list.count;
    l->cpus = memory_array(l->cpu_count + 1, sizeof *l->cpus);
    for (size_t i = 0; i < l->cpu_count; i++)
      l->cpus[i] = (int)v[CPUS].list.integers[i];
  }
}

static int
bind_listeners_add_local(struct call *c)
{
  static const struct transport *const both[] = {&transport_udp, &transport_tcp};
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, DNS_PORT, &c->fault))
    return -1;
  config()->listeners = memory_resize(config()->listeners, config()->listener_count + 2, sizeof *config()->listeners);
  for (unsigned i = 0; i < 2; i++) {
    struct listener *l = listener_new(&address, both[i]);
    if (c->args[1].given)
      bind_listeners_put_options(c, l, c->args[1].options);
    config()->listeners[config()->listener_count++] = l;
  }
  return 0;
}

static bool
bind_listeners_is_plain(const struct listener *l)
{
  return l->walk == NULL && (l->transport == &transport_udp || l->transport == &transport_tcp);
}

static int
bind_listeners_set_local(struct call *c)
{
  struct address address;
  size_t kept = 0;
  if (!address_parse(&address, c->args[0].string.data, DNS_PORT, &c->fault))
    return -1;
  for (size_t i = 0; i < config()->listener_count; i++)
    if (bind_listeners_is_plain(config()->listeners[i]))
      object_unref(&config()->listeners[i]);
    else
      config()->listeners[kept++] = config()->listeners[i];
  config()->listener_count = kept;
  return bind_listeners_add_local(c);
}

// The proxy's own: those of scripted services are not counted. NULL: there are not that many.
static struct listener *
bind_listeners_bind_at(int64_t position)
{
  for (size_t i = 0; i < config()->listener_count && position >= 0; i++)
    if (config()->listeners[i]->walk == NULL && position-- == 0)
      return config()->listeners[i];
  return NULL;
}

static int
bind_listeners_get_bind(struct call *c)
{
  binder_push_object(c->lua, bind_listeners_bind_at(c->args[0].integer));
  return 1;
}

static int
bind_listeners_get_bind_count(struct call *c)
{
  lua_Integer count = 0;
  while (bind_listeners_bind_at(count) != NULL)
    count++;
  lua_pushinteger(c->lua, count);
  return 1;
}

static int
bind_listeners_show_binds(struct call *c)
{
  (void)c;
  struct text *out = binder_output();
  text_printf(out, "%-3s %-20s           %-20s  %s\n", "#", "Address", "Protocol", "Queries");
  const struct listener *l;
  for (int i = 0; (l = bind_listeners_bind_at(i)) != NULL; i++) {
    char address[ADDRESS_TEXT_SIZE];
    text_printf(out, "%-3d %-20.20s           %-20.20s  %llu\n", i, address_text_with_port(&l->address, address),
                l->transport->bind_text, (unsigned long long)listener_queries(l));
  }
  return 0;
}

#define LOCAL_PARAMS                                                                                                   \
  PARAMS({.name = "address", .type = PARAM_STRING, .help = "address; port 53 unless given"},                          \
         {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = listener_options})

const struct lua_function functions_listeners[] = {
    {.name = "addLocal",
     .help = "Listen on one more address, over UDP and TCP",
     .params = LOCAL_PARAMS,
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_listeners_add_local},
    {.name = "setLocal",
     .help = "Listen on this address instead of the plain ones so far",
     .params = LOCAL_PARAMS,
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_listeners_set_local},
    {.name = "getBind",
     .help = "Listener by its position in showBinds()",
     .params = PARAMS({.name = "position", .type = PARAM_INT, .own = true}),
     .returns = "ClientState",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_listeners_get_bind},
    {.name = "getBindCount",
     .help = "Number of listeners",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_listeners_get_bind_count},
    {.name = "showBinds", .help = "Print the listeners", .flags = FUNCTION_NO_EFFECT, .call = bind_listeners_show_binds},
    {.name = NULL}};

// ---- ClientState ----

static int
bind_listeners_to_string(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  lua_pushstring(c->lua, address_text_with_port(&((const struct listener *)c->self)->address, text));
  return 1;
}

static int
bind_listeners_get_type(struct call *c)
{
  lua_pushstring(c->lua, ((const struct listener *)c->self)->transport->bind_text);
  return 1;
}

static int
bind_listeners_no_provider(struct call *c)
{
  lua_pushliteral(c->lua, "");
  return 1;
}

static int
bind_listeners_no_filter(struct call *c)
{
  (void)c;
  return 0;
}

static int
bind_listeners_get_muted(struct call *c)
{
  lua_pushboolean(c->lua, atomic_load(&((const struct listener *)c->self)->muted));
  return 1;
}

static int
bind_listeners_set_muted(struct call *c, const struct value *v)
{
  atomic_store(&((struct listener *)c->self)->muted, v->boolean);
  return 0;
}

static const struct lua_function methods[] = {
    {.name = "toString",
     .help = "Its address",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_listeners_to_string},
    {.name = "getType",
     .help = "Its protocol, as showBinds() says",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_listeners_get_type},
    {.name = "getEffectiveTLSProvider",
     .help = "TLS library in use",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_listeners_no_provider},
    {.name = "getConfiguredTLSProvider",
     .help = "TLS library asked for",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_listeners_no_provider},
    {.name = "getRequestedTLSProvider",
     .help = "The same",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_HIDDEN,
     .call = bind_listeners_no_provider},
    {.name = "attachFilter",
     .help = "eBPF filters are not built",
     .params = PARAMS({.name = "filter", .type = PARAM_ANY}),
     .call = bind_listeners_no_filter},
    {.name = "detachFilter", .help = "eBPF filters are not built", .call = bind_listeners_no_filter},
    {.name = NULL}};

static const struct lua_attribute attributes[] = {{.name = "muted",
                                                   .type = PARAM_BOOL,
                                                   .help = "UDP queries are processed, never answered",
                                                   .get = bind_listeners_get_muted,
                                                   .set = bind_listeners_set_muted},
                                                  {.name = NULL}};

const struct lua_class class_listener = {.name = "ClientState",
                                         .help = "A listener",
                                         .object = &listener_class,
                                         .methods = methods,
                                         .attributes = attributes,
                                         .tostring = bind_listeners_to_string};
