// SPDX-License-Identifier: BSD-2-Clause
// Listeners for encrypted transports: addTLSLocal, addDOHLocal, addDOQLocal, addDOH3Local, addDNSCryptBind, and their
// objects.
//
// Options are read and checked as they will be, listeners are counted and found by their position, and none is opened:
// whoever asks for encryption gets no answer in the clear. One warning per place (kinds/waiting). When the part comes, the
// functions make listeners with that transport (core/transport). Lua lock.
#include "dnsproxy/base/log.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"
#include "lua/kinds/waiting.h"

static const char tls[] = "DNS over TLS", doh[] = "DNS over HTTPS", doh3[] = "DNS over HTTP/3", doq[] = "DNS over QUIC",
                  dnscrypt[] = "DNSCrypt";

// ---- types ----

WAITING_OBJECT(class_tls_frontend, "TLSFrontend");
WAITING_OBJECT(class_doh_frontend, "DOHFrontend");
WAITING_OBJECT(class_doh3_frontend, "DOH3Frontend");
WAITING_OBJECT(class_doq_frontend, "DOQFrontend");
WAITING_OBJECT(class_doh_response_entry, "DOHResponseMapEntry");
WAITING_OBJECT(class_dnscrypt_context, "DNSCryptContext");

#define TICKET_METHODS                                                                                                 \
  WAITING_METHOD("getAddressAndPort"), WAITING_METHOD("loadNewCertificatesAndKeys"),                                   \
      WAITING_METHOD("loadTicketsKeys"), WAITING_METHOD("loadTicketsKey"), WAITING_METHOD("reloadCertificates"),       \
      WAITING_METHOD("rotateTicketsKey")

WAITING_CLASS(class_tls_frontend, "TLSFrontend", "A listener for DNS over TLS", TICKET_METHODS, );
WAITING_CLASS(class_doh_frontend, "DOHFrontend", "A listener for DNS over HTTPS", TICKET_METHODS,
              WAITING_METHOD("setResponsesMap"), );
WAITING_CLASS(class_doh3_frontend, "DOH3Frontend", "A listener for DNS over HTTP/3", WAITING_METHOD("reloadCertificates"), );
WAITING_CLASS(class_doq_frontend, "DOQFrontend", "A listener for DNS over QUIC", WAITING_METHOD("reloadCertificates"), );
WAITING_CLASS(class_doh_response_entry, "DOHResponseMapEntry", "A fixed answer of a DNS-over-HTTPS listener");
WAITING_CLASS(class_dnscrypt_context, "DNSCryptContext", "The certificates of a DNSCrypt listener",
              WAITING_METHOD("addNewCertificate"), WAITING_METHOD("generateAndLoadInMemoryCertificate"),
              WAITING_METHOD("getCertificate"), WAITING_METHOD("getCertificatePair"),
              WAITING_METHOD("getCertificatePairs"), WAITING_METHOD("getProviderName"),
              WAITING_METHOD("loadNewCertificate"), WAITING_METHOD("markActive"), WAITING_METHOD("markInactive"),
              WAITING_METHOD("printCertificates"), WAITING_METHOD("reloadCertificates"),
              WAITING_METHOD("removeInactiveCertificate"), );

// ---- options ----

#define NUMBER_OPTION(word, words, ...) {.name = word, .type = PARAM_INT, .optional = true, .help = words, __VA_ARGS__}
#define OPTION(word, kind, words) {.name = word, .type = PARAM_##kind, .optional = true, .help = words}
#define SOCKET_ROWS                                                                                                    \
  OPTION("reusePort", BOOL, "SO_REUSEPORT"), OPTION("interface", STRING, "bind to this network device"),               \
      {.name = "cpus", .type = PARAM_INTS, .any = true, .optional = true, .help = "accepted: workers are placed by the kernel"},                                              \
      OPTION("enableProxyProtocol", BOOL, "expect a PROXY header where the ACL says so")
#define STREAM_ROWS                                                                                                    \
  SOCKET_ROWS, NUMBER_OPTION("tcpFastOpenQueueSize", "queue of TCP Fast Open; 0: off", .most = INT32_MAX),                                  \
      NUMBER_OPTION("tcpListenQueueSize", "backlog of listen()", .least = 1, .most = INT32_MAX),                                                        \
      NUMBER_OPTION("maxInFlight", "queries at once on a connection", .most = UINT32_MAX),                                                   \
      NUMBER_OPTION("maxConcurrentTCPConnections", "most connections; 0: no limit", .most = UINT32_MAX),                                     \
      OPTION("xskSocket", OBJECT, "AF_XDP socket")
#define TLS_ROWS                                                                                                       \
  STREAM_ROWS, OPTION("provider", STRING, "openssl or gnutls"), OPTION("ciphers", STRING, "ciphers up to TLS 1.2"),    \
      OPTION("ciphersTLS13", STRING, "suites of TLS 1.3"), OPTION("minTLSVersion", STRING, "tls1.0 to tls1.3"),        \
      NUMBER_OPTION("numberOfTicketsKeys", "ticket keys kept", .most = UINT8_MAX), OPTION("ticketKeyFile", STRING, "file of ticket keys"),  \
      NUMBER_OPTION("ticketsKeysRotationDelay", "interval of new ticket keys; 0: never", .most = UINT32_MAX),                                \
      NUMBER_OPTION("sessionTimeout", "life of a session; 0: the library's", .most = UINT32_MAX),                                            \
      OPTION("sessionTickets", BOOL, "allow session tickets"),                                                         \
      NUMBER_OPTION("numberOfStoredSessions", "sessions stored by the server", .most = UINT32_MAX),                                          \
      OPTION("ocspResponses", STRINGS, "files of OCSP responses, one per certificate"),                                \
      OPTION("preferServerCiphers", BOOL, "the server's order wins"), OPTION("keyLogFile", STRING, "file for secrets"), \
      OPTION("releaseBuffers", BOOL, "release buffers when idle"),                                                     \
      OPTION("enableRenegotiation", BOOL, "allow renegotiation"), OPTION("tlsAsyncMode", BOOL, "asynchronous engines"), \
      OPTION("additionalAddresses", STRINGS, "more addresses"),                                                        \
      OPTION("ignoreTLSConfigurationErrors", BOOL, "leave the listener out when its certificates cannot be loaded"),   \
      OPTION("ktls", BOOL, "kernel TLS"), OPTION("readAhead", BOOL, "read as much as there is"),                       \
      OPTION("proxyProtocolOutsideTLS", BOOL, "the PROXY header comes before the handshake")

static const struct param tls_options[] = {TLS_ROWS, {.type = PARAM_END}};
static const struct param dnscrypt_options[] = {STREAM_ROWS, {.type = PARAM_END}};
static const struct param doh_options[] = {
    TLS_ROWS,
    OPTION("library", STRING, "nghttp2"),
    NUMBER_OPTION("idleTimeout", "life of an idle connection", .least = 1, .most = UINT32_MAX),
    OPTION("serverTokens", STRING, "Server header"),
    OPTION("customResponseHeaders", STRING_MAP, "headers of every answer"),
    OPTION("sendCacheControlHeaders", BOOL, "tell the lowest TTL in cache-control"),
    OPTION("trustForwardedForHeader", BOOL, "the client is the last of X-Forwarded-For"),
    OPTION("keepIncomingHeaders", BOOL, "rules and scripts see the headers"),
    OPTION("earlyACLDrop", BOOL, "check the ACL at accept"),
    NUMBER_OPTION("internalPipeBufferSize", "accepted: there are no such pipes", .any = true),
    OPTION("exactPathMatching", BOOL, "paths below the listed ones are not valid"),
    {.type = PARAM_END}};
static const struct param quic_options[] = {
    SOCKET_ROWS,
    NUMBER_OPTION("idleTimeout", "QUIC idle time-out", .least = 1, .most = UINT32_MAX),
    NUMBER_OPTION("internalPipeBufferSize", "accepted: there are no such pipes", .any = true),
    NUMBER_OPTION("maxInFlight", "streams at once on a connection", .most = UINT32_MAX),
    OPTION("congestionControlAlgo", STRING, "reno, cubic or bbr"),
    OPTION("keyLogFile", STRING, "file for secrets"),
    OPTION("ignoreTLSConfigurationErrors", BOOL, "leave the listener out when its certificates cannot be loaded"),
    {.type = PARAM_END}};

// ---- listeners that were asked for: they are counted, and found by their position ----

enum { TLS, DOH, DOH3, DOQ, DNSCRYPT, LISTENER_KINDS };
_Static_assert((int)LISTENER_KINDS == (int)WAITING_LISTENERS, "a place for each");

struct listener_kind {
  struct waiting waiting; // first: rows point to it
  unsigned kind;
};
#define LISTENER(which, ...) &(const struct listener_kind){.kind = which, .waiting = {__VA_ARGS__}}

static unsigned *
waiting_listeners_count_of(const struct call *c)
{
  return &config()->waiting_listeners[((const struct listener_kind *)c->function->data)->kind];
}

static int
waiting_listeners_add_listener(struct call *c)
{
  int results = waiting_call(c);
  if (results >= 0)
    ++*waiting_listeners_count_of(c);
  return results;
}

static int
waiting_listeners_get_listener(struct call *c)
{
  unsigned count = *waiting_listeners_count_of(c);
  // A console client has none; what a script asks of one is answered by a stand-in.
  if (config()->phase == PHASE_CLIENT || (c->args[0].integer >= 0 && c->args[0].integer < count))
    return waiting_call(c);
  binder_refuse(c->function->name, "Error: %s(%lld): there are only %u", c->function->name, (long long)c->args[0].integer,
                count);
  return 0;
}

static int
waiting_listeners_get_listener_count(struct call *c)
{
  lua_pushinteger(c->lua, (lua_Integer)*waiting_listeners_count_of(c));
  return 1;
}

// ---- what rows cannot say ----

// A file, a certificate object, or a list of them.
static bool
waiting_listeners_is_certificate(struct call *c, unsigned argument)
{
  if (!c->args[argument].given)
    return true;
  int stack = c->args[argument].stack;
  const struct lua_class *class = binder_class_at(c->lua, stack);
  if (class == &class_tls_certificate || lua_isstring(c->lua, stack) || lua_istable(c->lua, stack))
    return true;
  call_wrong_type(c, stack, "string, TLSCertificate or list");
  return false;
}

static bool
waiting_listeners_check_listener(struct call *c, uint16_t port)
{
  struct address address;
  return address_parse(&address, c->args[0].string.data, port, &c->fault) && waiting_listeners_is_certificate(c, 1);
}

static bool
waiting_listeners_check_tls(struct call *c)
{
  return waiting_listeners_check_listener(c, 853);
}

static bool
waiting_listeners_check_https(struct call *c)
{
  if (!waiting_listeners_check_listener(c, 443))
    return false;
  bool bare = !c->args[1].given || (lua_isstring(c->lua, 2) && lua_objlen(c->lua, 2) == 0) ||
              (lua_istable(c->lua, 2) && lua_objlen(c->lua, 2) == 0);
  if (bare && config()->phase != PHASE_CLIENT)
    log_info(c->function->name,
             "No certificate provided for DoH frontend, running in DNS over HTTP mode instead of DNS over HTTPS");
  return true;
}

static bool
waiting_listeners_check_quic(struct call *c)
{
  return waiting_listeners_check_listener(c, 853);
}

static bool
waiting_listeners_check_dnscrypt(struct call *c)
{
  struct address address;
  return address_parse(&address, c->args[0].string.data, 443, &c->fault);
}

// ---- functions ----

#define ADDRESS {.name = "address", .type = PARAM_STRING, .help = "address and port"}
#define CERTIFICATE {.name = "certFile", .type = PARAM_ANY, .help = "file, TLSCertificate, or a list of them"}
#define KEY {.name = "keyFile", .type = PARAM_STRINGS, .help = "file or files of the keys"}
#define OPTIONS(rows) {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = rows}
#define INDEX {.name = "index", .type = PARAM_INT, .own = true, .help = "position, from 0"}

const struct lua_function functions_waiting_listeners[] = {
    {.name = "addTLSLocal",
     .help = "Listen for DNS over TLS; port 853 unless given",
     .params = PARAMS(ADDRESS, CERTIFICATE, KEY, OPTIONS(tls_options)),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_listeners_add_listener,
     .data = LISTENER(TLS, .part = tls, .check = waiting_listeners_check_tls)},
    {.name = "addDOHLocal",
     .help = "Listen for DNS over HTTPS; port 443 unless given",
     .params = PARAMS(ADDRESS, {.name = "certFile", .type = PARAM_ANY, .optional = true},
                      {.name = "keyFile", .type = PARAM_STRINGS, .optional = true},
                      {.name = "urls", .type = PARAM_STRINGS, .optional = true, .fallback = "/dns-query"},
                      OPTIONS(doh_options)),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_listeners_add_listener,
     .data = LISTENER(DOH, .part = doh, .check = waiting_listeners_check_https)},
    {.name = "addDOH3Local",
     .help = "Listen for DNS over HTTP/3; port 443 unless given",
     .params = PARAMS(ADDRESS, CERTIFICATE, KEY, OPTIONS(quic_options)),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_listeners_add_listener,
     .data = LISTENER(DOH3, .part = doh3, .check = waiting_listeners_check_quic)},
    {.name = "addDOQLocal",
     .help = "Listen for DNS over QUIC; port 853 unless given",
     .params = PARAMS(ADDRESS, CERTIFICATE, KEY, OPTIONS(quic_options)),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_listeners_add_listener,
     .data = LISTENER(DOQ, .part = doq, .check = waiting_listeners_check_quic)},
    {.name = "addDNSCryptBind",
     .help = "Listen for DNSCrypt; port 443 unless given",
     .params = PARAMS(ADDRESS, {.name = "provider", .type = PARAM_STRING, .help = "name of the provider"},
                      {.name = "certFile", .type = PARAM_STRINGS, .help = "file or files of certificates"}, KEY,
                      OPTIONS(dnscrypt_options)),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = waiting_listeners_add_listener,
     .data = LISTENER(DNSCRYPT, .part = dnscrypt, .check = waiting_listeners_check_dnscrypt)},
    {.name = "newDOHResponseMapEntry",
     .help = "A fixed answer for the paths that match",
     .params = PARAMS({.name = "regex", .type = PARAM_STRING}, {.name = "status", .type = PARAM_INT, PARAM_HTTP_STATUS},
                      {.name = "content", .type = PARAM_STRING},
                      {.name = "headers", .type = PARAM_STRING_MAP, .optional = true}),
     .returns = "DOHResponseMapEntry",
     .call = waiting_call,
     .data = WAITING(.part = doh, .answer = ANSWER_OBJECT, .object = &class_doh_response_entry_object)},
    {.name = "getTLSFrontend",
     .help = "A DNS-over-TLS listener",
     .params = PARAMS(INDEX),
     .returns = "TLSFrontend",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener,
     .data = LISTENER(TLS, .part = tls, .answer = ANSWER_OBJECT, .object = &class_tls_frontend_object)},
    {.name = "getTLSFrontendCount",
     .help = "Number of DNS-over-TLS listeners",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener_count,
     .data = LISTENER(TLS, .part = tls)},
    {.name = "showTLSFrontends",
     .help = "Print the DNS-over-TLS listeners",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = tls,
                     .table = "#   Address              # ticket keys  Rotation delay Next rotation        \n")},
    {.name = "showTLSErrorCounters",
     .help = "Print why TLS handshakes failed",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = tls,
                     .table = "#   Address              DH key too small        Inappropriate fallback  No shar"
                              "ed cipher        Unknown cipher type     Unknown exchange type   Unknown protoco"
                              "l        Unsupported EC          Unsupported protocol   \n"
                              "\n")},
    {.name = "getDOHFrontend",
     .help = "A DNS-over-HTTPS listener",
     .params = PARAMS(INDEX),
     .returns = "DOHFrontend",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener,
     .data = LISTENER(DOH, .part = doh, .answer = ANSWER_OBJECT, .object = &class_doh_frontend_object)},
    {.name = "getDOHFrontendCount",
     .help = "Number of DNS-over-HTTPS listeners",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener_count,
     .data = LISTENER(DOH, .part = doh)},
    {.name = "showDOHFrontends",
     .help = "Print the DNS-over-HTTPS listeners",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = doh,
                     .table = "#   Address              HTTP            HTTP/1          HTTP/2          GET    "
                              "         POST            Bad             Errors          Redirects       Valid  "
                              "         # ticket keys   Rotation delay  Next rotation  \n")},
    {.name = "showDOHResponseCodes",
     .help = "Print how often they gave which HTTP status",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = doh,
                     .table = "\n"
                              "- HTTP/1:\n"
                              "\n"
                              "#   Address              200             400             403             500    "
                              "         502             Others         \n"
                              "\n"
                              "- HTTP/2:\n"
                              "\n"
                              "#   Address              200             400             403             500    "
                              "         502             Others         \n")},
    {.name = "getDOH3Frontend",
     .help = "A DNS-over-HTTP/3 listener",
     .params = PARAMS(INDEX),
     .returns = "DOH3Frontend",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener,
     .data = LISTENER(DOH3, .part = doh3, .answer = ANSWER_OBJECT, .object = &class_doh3_frontend_object)},
    {.name = "getDOH3FrontendCount",
     .help = "Number of DNS-over-HTTP/3 listeners",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener_count,
     .data = LISTENER(DOH3, .part = doh3)},
    {.name = "showDOH3Frontends",
     .help = "Print the DNS-over-HTTP/3 listeners",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = doh3,
                     .table = "#   Address              Bad Version     Invalid Token   Errors          Valid  "
                              "        \n")},
    {.name = "getDOQFrontend",
     .help = "A DNS-over-QUIC listener",
     .params = PARAMS(INDEX),
     .returns = "DOQFrontend",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener,
     .data = LISTENER(DOQ, .part = doq, .answer = ANSWER_OBJECT, .object = &class_doq_frontend_object)},
    {.name = "getDOQFrontendCount",
     .help = "Number of DNS-over-QUIC listeners",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener_count,
     .data = LISTENER(DOQ, .part = doq)},
    {.name = "showDOQFrontends",
     .help = "Print the DNS-over-QUIC listeners",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = doq,
                     .table = "#   Address              Bad Version     Invalid Token   Errors          Valid  "
                              "        \n")},
    {.name = "showDNSCryptBinds",
     .help = "Print the DNSCrypt listeners",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_call,
     .data = WAITING(.part = dnscrypt,
                     .table = "#   Address              Provider Name       \n")},
    {.name = "getDNSCryptBind",
     .help = "The context of a DNSCrypt listener",
     .params = PARAMS(INDEX),
     .returns = "DNSCryptContext",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener,
     .data = LISTENER(DNSCRYPT, .part = dnscrypt, .answer = ANSWER_OBJECT, .object = &class_dnscrypt_context_object)},
    {.name = "getDNSCryptBindCount",
     .help = "Number of DNSCrypt listeners",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = waiting_listeners_get_listener_count,
     .data = LISTENER(DNSCRYPT, .part = dnscrypt)},
    {.name = NULL}};
