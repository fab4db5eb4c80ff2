// SPDX-License-Identifier: BSD-2-Clause
// What --explain does once the configuration is loaded. Thread: main, no other runs.
#ifndef DNSPROXY_RUN_EXPLAIN_H
#define DNSPROXY_RUN_EXPLAIN_H

// request: "NAME KEY=VALUE ...", keys as explain() has them. Servers that nothing forces down count as up. Returns the
// exit status.
int explain_and_leave(const char *request);

#endif
