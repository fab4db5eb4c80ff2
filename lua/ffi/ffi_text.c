// SPDX-License-Identifier: BSD-2-Clause
// The declarations of ffi.C as text: what LuaJIT is told before a script may call them (dnsproxy_ffi.h, as it stands).
#include "lua/scripts/ffi_state.h"

#include <stddef.h>

const char *const ffi_text[] = {
#define FFI_GROUP(...) #__VA_ARGS__,
#include "lua/scripts/dnsproxy_ffi.h"
    NULL};
