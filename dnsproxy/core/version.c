// SPDX-License-Identifier: BSD-2-Clause
// Name and version.
#include "dnsproxy/core/version.h"

#include "config.h"

#include <errno.h>
#include <string.h>

const char *
program_version(void)
{
  // Installed under the peer's name, tools expect the peer's version where the name is an interface.
  if (strcmp(program_invocation_short_name, "dnsdist") == 0)
    return "dnsdist 2.1.1 (dnsproxy " PACKAGE_VERSION ")";
  return "dnsproxy " PACKAGE_VERSION;
}

const char *
program_features(void)
{
  return FEATURES;
}
