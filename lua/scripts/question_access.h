// SPDX-License-Identifier: BSD-2-Clause
// How scripts reach the query or answer at hand.
//
//   dq, dr, dq.dh (one userdata each per level of calls, made once) -> scope -> query, while the call lasts
//
// scope_enter() before the call puts the query into the scope, scope_leave() takes it out: a call makes no garbage, and an
// object that a script keeps finds no query later and raises, so that it never leads to memory that is gone. Calls within calls
// have levels of their own.
//
// A script may leave anything in the packet. Entering marks the query as touched, and what was known of the packet is read anew
// before a room relies on it (query_settle()); within the call, functions that change bytes (question_ops) keep the facts that
// scripts see in step, and everything that reads the packet checks offsets against its size.
//
// Owner of scopes: the Lua state that they are of. Thread: whoever has the state.
#ifndef LUA_SCRIPTS_QUESTION_ACCESS_H
#define LUA_SCRIPTS_QUESTION_ACCESS_H

#include "dnsproxy/core/query.h"
#include "lua/binder/binder.h"
#include "lua/scripts/question_ops.h"
#include "rules/act/action.h"

struct scope {
  struct query *query; // NULL: no call at this level is under way
  enum action_side side;
  uint8_t level; // SCOPE_OWNED: of an AsynchronousObject, not of a call
  bool suspends; // the call is an action's: its query may be parked when it returns
};

enum { SCOPE_LEVELS = 8, SCOPE_OWNED = SCOPE_LEVELS };
struct scopes {
  struct scope levels[SCOPE_LEVELS];
  unsigned depth; // of calls under way
};

// What the userdata of DNSQuestion and DNSResponse hold.
struct question_handle {
  struct scope *scope;
};
// DNSHeader: a view of the packet at hand, or a copy.
struct header_handle {
  struct scope *scope; // NULL: `bytes` are the header
  uint8_t bytes[HEADER_SIZE];
};

// class_async.c: memory of objects that are gone; the state is closed.
struct async_scope;
void async_scopes_close(struct async_scope *); // those that are not in use
// Makes a suspended query an answer, or gives an answer another rcode. False: it does not fit.
bool async_set_rcode(struct query *, unsigned rcode, bool clear);
// NULL: more calls within calls than there are levels.
struct scope *scope_enter(struct scopes *, struct query *, enum action_side);
void scope_leave(struct scopes *, struct scope *);
// The objects of a level exist once per state: these push them without allocating. False: scope_objects() comes first.
bool scope_push_question(lua_State *, const struct scopes *, const struct scope *);
bool scope_push_header(lua_State *, const struct scope *);
// Makes the objects of all levels; may raise. lua_cpcall() form, with the struct scopes.
int scope_objects(lua_State *);

// For members. NULL: the fault is set.
struct query *question_query(struct call *);
struct query *question_with_worker(struct call *); // one that is on its walk: tags, memory, settings

// Members that DNSQuestion and DNSResponse share: question_attributes.c, question_methods.c.
int question_get_qname(struct call *), question_get_qtype(struct call *), question_get_qclass(struct call *);
int question_get_rcode(struct call *), question_set_rcode(struct call *, const struct value *);
int question_get_dh(struct call *), question_set_dh(struct call *, const struct value *);
int question_get_len(struct call *), question_set_len(struct call *, const struct value *);
int question_get_opcode(struct call *), question_get_tcp(struct call *);
int question_get_remote(struct call *), question_get_local(struct call *);
int question_get_skip_cache(struct call *), question_set_skip_cache(struct call *, const struct value *);
int question_get_pool(struct call *), question_set_pool(struct call *, const struct value *);

#define QUESTION_ATTRIBUTES                                                                                            \
  {.name = "localaddr", .words = "ComboAddress", .help = "Address the query was sent to", .get = question_get_local},  \
      {.name = "remoteaddr", .words = "ComboAddress", .help = "Address of the client", .get = question_get_remote},    \
      {.name = "qname", .words = "DNSName", .help = "Name asked for, a copy", .get = question_get_qname},              \
      {.name = "qtype", .type = PARAM_INT, .help = "Type asked for", .get = question_get_qtype},                       \
      {.name = "qclass", .type = PARAM_INT, .help = "Class asked for", .get = question_get_qclass},                    \
      {.name = "rcode", .type = PARAM_INT, .most = 15, .outside = OUTSIDE_KEPT, .why = "its low 4 bits count",         \
       .help = "Rcode of the header", .get = question_get_rcode, .set = question_set_rcode},                           \
      {.name = "dh", .type = PARAM_ANY, .words = "DNSHeader", .help = "The header itself: changes take effect",        \
       .get = question_get_dh, .set = question_set_dh},                                                                \
      {.name = "len", .type = PARAM_INT, .own = true, .help = "Size of the packet; writing resizes it", .get = question_get_len,    \
       .set = question_set_len},                                                                                       \
      {.name = "opcode", .type = PARAM_INT, .help = "Opcode of the header", .get = question_get_opcode},               \
      {.name = "tcp", .type = PARAM_BOOL, .help = "It came over anything but UDP", .get = question_get_tcp},           \
      {.name = "skipCache", .type = PARAM_BOOL, .help = "Neither look up nor insert", .get = question_get_skip_cache,  \
       .set = question_set_skip_cache},                                                                                \
      {.name = "pool", .type = PARAM_STRING, .help = "Name of the pool", .get = question_get_pool,                     \
       .set = question_set_pool}

int question_change_name(struct call *), question_get_content(struct call *), question_set_content(struct call *);
int question_get_do(struct call *), question_get_options(struct call *), question_get_elapsed(struct call *);
int question_get_header(struct call *), question_set_header(struct call *), question_get_interface(struct call *);
int question_get_protocol(struct call *), question_get_time(struct call *);
int question_get_tag(struct call *), question_get_tags(struct call *), question_set_tag(struct call *);
int question_set_tags(struct call *), question_unset_tag(struct call *);
int question_get_trailing(struct call *), question_set_trailing(struct call *), question_set_error(struct call *);
int question_suspend(struct call *);
int question_ignore(struct call *), question_nil(struct call *); // what is not built
extern const struct param question_name_params[], question_content_params[], question_any_params[], question_tag_params[],
    question_key_params[], question_map_params[], question_error_params[], question_suspend_params[], question_meta_params[],
    question_trap_params[];

#define QUESTION_METHODS                                                                                               \
  {.name = "changeName", .help = "Replace the name asked for, and owners equal to it", .params = question_name_params, \
   .returns = "boolean", .call = question_change_name},                                                                \
      {.name = "getContent", .help = "The whole packet", .returns = "string", .call = question_get_content},           \
      {.name = "setContent", .help = "Replace the packet; its id is kept", .params = question_content_params,          \
       .call = question_set_content},                                                                                  \
      {.name = "getDO", .help = "The DO bit", .returns = "boolean", .call = question_get_do},                          \
      {.name = "getEDNSOptions", .help = "EDNS options by code", .returns = "table<integer, EDNSOptionView>",          \
       .call = question_get_options},                                                                                  \
      {.name = "getElapsedUs", .help = "Microseconds since the query came", .returns = "number",                       \
       .call = question_get_elapsed},                                                                                  \
      {.name = "getHeader", .help = "A copy of the header", .returns = "DNSHeader", .call = question_get_header},      \
      {.name = "setHeader", .help = "Write the bits of such a copy back", .params = question_any_params,               \
       .call = question_set_header},                                                                                   \
      {.name = "getIncomingInterface", .help = "Interface that the listener is bound to", .returns = "string",         \
       .call = question_get_interface},                                                                                \
      {.name = "getProtocol", .help = "How the client asked: 'Do53 UDP', 'Do53 TCP'...", .returns = "string",          \
       .call = question_get_protocol},                                                                                 \
      {.name = "getQueryTime", .help = "When the query came", .returns = "timespec", .call = question_get_time},       \
      {.name = "getTag", .help = "A tag's value, '' if it is not set", .params = question_key_params,                  \
       .returns = "string", .call = question_get_tag},                                                                 \
      {.name = "getTagArray", .help = "All tags", .returns = "table<string, string>", .call = question_get_tags},      \
      {.name = "setTag", .help = "Set a tag", .params = question_tag_params, .call = question_set_tag},                \
      {.name = "setTagArray", .help = "Set several tags", .params = question_map_params, .call = question_set_tags},   \
      {.name = "unsetTag", .help = "Remove a tag", .params = question_key_params, .call = question_unset_tag},         \
      {.name = "getTrailingData", .help = "Bytes behind the message", .returns = "string",                             \
       .call = question_get_trailing},                                                                                 \
      {.name = "setTrailingData", .help = "Replace the bytes behind the message", .params = question_content_params,   \
       .returns = "boolean", .call = question_set_trailing},                                                           \
      {.name = "setExtendedDNSError", .help = "Attach an extended error to the answer",                                \
       .params = question_error_params, .call = question_set_error},                                                   \
      {.name = "sendTrap", .help = "Accepted; there is no SNMP agent", .params = question_trap_params,                 \
       .call = question_ignore},                                                                                       \
      {.name = "setMetaKey", .help = "Accepted; there is no protobuf export", .params = question_meta_params,          \
       .call = question_ignore},                                                                                       \
      {.name = "suspend", .help = "Park it until getAsynchronousObject() or the end of its time; false: not possible", \
       .params = question_suspend_params, .returns = "boolean", .call = question_suspend}

#endif
