// SPDX-License-Identifier: BSD-2-Clause
// Start-up in the order of cli.md section 3, and the way down.
//
//   options --> configuration loaded --> check, explain, describe, console client: done and left
//                                    --> workers, control, keeper made --> bound --> privileges dropped --> published
//                                    --> scripted services served --> first health checks --> listeners served --> READY=1
//
// The order is what users rely on: a port that is taken, a wrong file or an unknown user is told before anything runs;
// backends have been checked before the first query comes; lines of the log are written at once until threads run. The way
// down is the same backwards: workers drain and end, callbacks of exit run, the rest is freed, so that a leak checker has
// nothing to say.
//
// Main thread; with a terminal it is the console afterwards.
#ifndef DNSPROXY_RUN_START_H
#define DNSPROXY_RUN_START_H

#include "dnsproxy/run/options.h"

int start(const struct options *); // returns the exit status

#endif
