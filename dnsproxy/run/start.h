// SPDX-License-Identifier: BSD-2-Clause
// What the command line asked for: serve, check, describe, or be a console client. Main thread.
#ifndef DNSPROXY_RUN_START_H
#define DNSPROXY_RUN_START_H

#include "dnsproxy/run/options.h"

int start(const struct options *); // returns the exit status

#endif
