// SPDX-License-Identifier: BSD-2-Clause
// The index of selectors and actions whose code is a user's script.
#include "lua/kinds/script_kinds.h"

#include <stddef.h>

extern const struct selector_kind select_lua, select_lua_ffi, select_lua_ffi_per_thread;
extern const struct action_kind act_lua, act_lua_ffi, act_lua_ffi_per_thread, act_lua_ffi_per_thread_response,
    act_lua_ffi_response, act_lua_response;

const struct selector_kind *const script_selector_kinds[] = {&select_lua, &select_lua_ffi, &select_lua_ffi_per_thread, NULL};
const struct action_kind *const script_action_kinds[] = {
    &act_lua,          &act_lua_ffi, &act_lua_ffi_per_thread, &act_lua_ffi_per_thread_response, &act_lua_ffi_response,
    &act_lua_response, NULL};
