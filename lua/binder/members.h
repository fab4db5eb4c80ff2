// SPDX-License-Identifier: BSD-2-Clause
// The common members of dq, dr, dh, names and addresses as Lua functions over plain C functions, which LuaJIT compiles.
//
// They do what can go right only: whatever is not as it should be (types, numbers of arguments, a query that has ended)
// goes on to the member of the binder, which raises. Thread: whoever has the state.
#ifndef LUA_BINDER_MEMBERS_H
#define LUA_BINDER_MEMBERS_H

#include "lua/binder/binder.h"

struct handle;

void members_open(lua_State *);                        // after handles_open()
void members_note_header(lua_State *, unsigned level); // the object on top of the stack is dq.dh of this level

// members_calls.c: the C functions, and their types for ffi.cast(); closed by a NULL name.
struct member_call {
  const char *name, *type;
  void (*function)(void);
};
extern const struct member_call member_calls[];
// class_packet.c: the bits of a header by number; a name behind the last is NULL.
const char *header_bit_name(unsigned number);
bool header_bit_get(const uint8_t *header, unsigned number);
void header_bit_set(uint8_t *header, unsigned number, bool on);
uint8_t *header_of(const struct handle *); // NULL: its query has ended

extern const char *const members_text[]; // members_text.c: the Lua side in pieces, closed by NULL

#endif
