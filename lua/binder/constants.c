// SPDX-License-Identifier: BSD-2-Clause
// Tables of numbers that scripts see (DNSAction, DNSQType, DNSRCode, ...), from the C side's own lists where those exist.
//
//   qtypes.def, rcodes.def, enum dns_action, ... --> struct lua_constant rows --> a table of each state
//
// A list that C has is not written again: the rows come from the same .def, so that a new type is there for scripts at once.
// Names and values are the dialect's; some tables are old names of newer ones, which scripts still use. Tables are made for
// each state that a script runs in, copies included, and are known again by library.h, so that a function that reads one
// shares nothing by that.
#include "dnsproxy/wire/codes.h"
#include "lua/binder/classes.h"
#include "rules/act/action.h"

#define ROWS(...)                                                                                                      \
  (const struct lua_constant[])                                                                                        \
  {                                                                                                                    \
    __VA_ARGS__, {.name = NULL}                                                                                        \
  }

static const struct lua_constant rcodes[] = {
#define RCODE(word, number, text) {.name = #word, .value = number},
#include "dnsproxy/wire/rcodes.def"
#undef RCODE
    {.name = NULL}};

static const struct lua_constant qtypes[] = {
#define QTYPE(word, number) {.name = #word, .value = number},
#include "dnsproxy/wire/qtypes.def"
#undef QTYPE
    {.name = NULL}};

static const struct lua_constant actions[] = {
    {"Drop", DNS_ACTION_DROP},
    {"Nxdomain", DNS_ACTION_NXDOMAIN},
    {"Refused", DNS_ACTION_REFUSED},
    {"Spoof", DNS_ACTION_SPOOF},
    {"Allow", DNS_ACTION_ALLOW},
    {"HeaderModify", DNS_ACTION_HEADER_MODIFY},
    {"Pool", DNS_ACTION_POOL},
    {"Delay", DNS_ACTION_DELAY},
    {"Truncate", DNS_ACTION_TRUNCATE},
    {"ServFail", DNS_ACTION_SERVFAIL},
    {"None", DNS_ACTION_NONE},
    {"NoOp", DNS_ACTION_NO_OP},
    {"NoRecurse", DNS_ACTION_NO_RECURSE},
    {"SpoofRaw", DNS_ACTION_SPOOF_RAW},
    {"SpoofPacket", DNS_ACTION_SPOOF_PACKET},
    {"SetTag", DNS_ACTION_SET_TAG},
    {.name = NULL}};

static const struct lua_constant response_actions[] = {
    {"Allow", DNS_RESPONSE_ALLOW},
    {"Delay", DNS_RESPONSE_DELAY},
    {"Drop", DNS_RESPONSE_DROP},
    {"HeaderModify", DNS_RESPONSE_HEADER_MODIFY},
    {"ServFail", DNS_RESPONSE_SERVFAIL},
    {"Truncate", DNS_RESPONSE_TRUNCATE},
    {"None", DNS_RESPONSE_NONE},
    {.name = NULL}};

static const struct lua_constant edns_options[] = {
    {"NSID", 3},     {"DAU", 5},      {"DHU", 6},   {"N3U", 7},     {"ECS", EDNS_ECS},          {"EXPIRE", 9},
    {"CHAIN", 13},   {"KEYTAG", 14},  {"COOKIE", EDNS_COOKIE},      {"PADDING", EDNS_PADDING},  {"TCPKEEPALIVE", 11},
    {.name = NULL}};

const struct lua_constant_table lua_constant_tables[] = {
    {"DNSAction", "What a LuaAction returns, and what dynamic blocks do", actions},
    {"DNSResponseAction", "What a LuaResponseAction returns", response_actions},
    {"DNSClass", "Query classes",
     ROWS({"IN", QCLASS_IN}, {"CHAOS", QCLASS_CHAOS}, {"NONE", QCLASS_NONE}, {"ANY", QCLASS_ANY})},
    {"DNSOpcode", "Opcodes",
     ROWS({"Query", OPCODE_QUERY}, {"IQuery", OPCODE_IQUERY}, {"Status", OPCODE_STATUS}, {"Notify", OPCODE_NOTIFY},
          {"Update", OPCODE_UPDATE})},
    {"DNSSection", "Sections of a message", ROWS({"Question", 0}, {"Answer", 1}, {"Authority", 2}, {"Additional", 3})},
    {"EDNSOptionCode", "EDNS options", edns_options},
    {"DNSRCode", "Response codes", rcodes},
    {"DNSQType", "Record types", qtypes},
    {"DNSCryptExchangeVersion", "Constructions of DNSCrypt: X25519 with XSalsa20, with XChacha20",
     ROWS({"VERSION1", 0}, {"VERSION2", 1})},
    {.name = NULL}};

void
constants_register(lua_State *lua)
{
  for (const struct lua_constant_table *t = lua_constant_tables; t->name != NULL; t++) {
    lua_newtable(lua);
    for (const struct lua_constant *row = t->rows; row->name != NULL; row++) {
      lua_pushinteger(lua, row->value);
      lua_setfield(lua, -2, row->name);
    }
    lua_setglobal(lua, t->name);
  }
}
