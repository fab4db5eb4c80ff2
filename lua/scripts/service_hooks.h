// SPDX-License-Identifier: BSD-2-Clause
// Where scripts and scripted services meet: what the Lua functions of services call, filled in by services/ at start.
//
// Services and requests are counted objects whose classes are declared here, because scripts hold handles of them; what
// is in them is the business of services/. Thread: whoever holds the Lua lock, unless said otherwise.
#ifndef LUA_SCRIPTS_SERVICE_HOOKS_H
#define LUA_SCRIPTS_SERVICE_HOOKS_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/param.h"
#include "dnsproxy/base/text.h"

extern const struct object_class dns_service_class; // "DNSService"
extern const struct object_class dns_request_class; // "DNSReply": a query that waits for its answer

// The question as a handler sees it: borrowed for the call.
struct dns_question {
  const char *name, *class, *type; // name without final dot, "." for the root
  const char *remote, *local;      // "address:port"
  const char *protocol;            // "UDP", "TCP"
  const char *label;               // of the handler
  struct bytes packet;             // as received
  uint16_t id;
  uint16_t payload; // the client's EDNS size; 0: no EDNS
  bool rd, cd, ad, dnssec_ok;
};

// What a handler answers. Records are lines of presentation form (wire/presentation.h).
struct dns_reply {
  unsigned rcode;
  signed char aa, ad, ra, tc; // -1: not said
  const struct bytes *records[3]; // answer, authority, additional
  size_t counts[3];
};

enum dns_reply_result {
  REPLY_TAKEN,
  REPLY_WRONG, // a record cannot be read, or it is too large: the fault says more; the request still waits
  REPLY_TWICE, // answered before
  REPLY_LATE,  // its time was up, or the service has ended
};

// Runs the script for a question; it answers by the request, now or later. Takes the Lua lock. False: the script failed
// (and that was logged). Worker threads.
typedef bool (*dns_handler_fn)(void *script, const struct dns_question *, void *request);

struct dns_handler_options {
  const char *label, *match;
  dns_handler_fn run;
  void *script; // counted object, NULL: none
  uint32_t timeout_ms;
  unsigned timeout_rcode;
};

struct service_hooks {
  // The service, borrowed from the registry; NULL with a fault. While the configuration loads.
  void *(*add)(const char *name, const struct address *, size_t count, struct fault *);
  void *(*find)(const char *name); // borrowed; NULL: there is none
  const char *(*name)(const void *service);
  // Of the n-th address it listens on; false: there is none. The port is known once it is bound.
  bool (*address)(const void *service, size_t n, struct address *);
  bool (*add_handler)(void *service, const struct dns_handler_options *, struct fault *);
  bool (*remove_handler)(void *service, const char *label); // false: there is none
  void (*show_handlers)(void *service, struct text *);
  void (*show)(struct text *);
  enum dns_reply_result (*reply)(void *request, const struct dns_reply *, struct fault *);
  void (*service_free)(struct object *);
  void (*request_free)(struct object *);
};

void service_hooks_set(const struct service_hooks *); // once, before the configuration is read
const struct service_hooks *service_hooks(void);

#endif
