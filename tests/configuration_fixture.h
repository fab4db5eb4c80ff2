// SPDX-License-Identifier: BSD-2-Clause
// For tests: one configuration, the live one. Parts that it is to have (scripts_open(), services_open()) come first.
#ifndef DNSPROXY_TESTS_CONFIGURATION_FIXTURE_H
#define DNSPROXY_TESTS_CONFIGURATION_FIXTURE_H

#include "dnsproxy/config/configuration.h"

static inline void
configuration_fixture_open(enum config_phase phase)
{
  configuration_go_live(configuration_new(phase));
}

static inline void
configuration_fixture_close(void)
{
  configuration_withdraw();
  struct configuration *last = configuration_go_live(NULL);
  configuration_retire(&last);
  configuration_reap();
}

#endif
