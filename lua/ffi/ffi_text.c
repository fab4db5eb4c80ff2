// SPDX-License-Identifier: BSD-2-Clause
// The declarations of ffi.C as text.
#include "lua/scripts/ffi_state.h"

#include <stddef.h>

const char *const ffi_text[] = {
#define FFI_GROUP(...) #__VA_ARGS__,
#include "lua/scripts/dnsproxy_ffi.h"
    NULL};
