// SPDX-License-Identifier: BSD-2-Clause
// --explain: the configuration is loaded, nothing is opened, and one command is run on it.
//
//   --explain 'NAME type=AAAA client=192.0.2.1'  -->  explain("NAME", {type = "AAAA", client = "192.0.2.1"})  -->  stdout
//
// The words of the command line become a call of the console's function, so that there is one explain(); quoting makes sure
// that they stay words. No check has run, so all backends are taken for up. The exit status says whether the question was
// understood, and output is the answer alone. Main thread, before any other.
#ifndef DNSPROXY_RUN_EXPLAIN_H
#define DNSPROXY_RUN_EXPLAIN_H

// request: "NAME KEY=VALUE ...", keys as explain() has them. Servers that nothing forces down count as up. Returns the
// exit status.
int explain_and_leave(const char *request);

#endif
