// SPDX-License-Identifier: BSD-2-Clause
// Which Lua this is.
#include "lua/scripts/control_state.h"

#include <luajit.h>

const char *
lua_version_text(void)
{
  return LUAJIT_VERSION;
}
