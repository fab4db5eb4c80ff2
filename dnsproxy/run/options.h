// SPDX-License-Identifier: BSD-2-Clause
// The command line (reference: cli.md section 1).
//
//   argv --options_parse()--> struct options: words that point into argv, in the order given --> start()
//
// Options that concern the log are in effect at once, so that what follows is told in the form that was asked for. --help
// and --version are done here; anything wrong prints the usage and ends. Words are only collected: what they mean
// (addresses, masks, users) is checked where they are used.
//
// Owner: main. Read-only once parsed.
#ifndef DNSPROXY_RUN_OPTIONS_H
#define DNSPROXY_RUN_OPTIONS_H

#include "dnsproxy/base/log.h"

#include <stdbool.h>
#include <stddef.h>

struct options {
  const char **acl;      // -a, in order
  const char **locals;   // -l
  const char **operands; // backends; in client mode an address
  size_t acl_count, local_count, operand_count;
  const char *config, *execute, *group, *user, *key, *describe, *explain;
  const char *unknown_backend; // --structured-logging-backend; NULL: known
  unsigned workers; // 0: one per CPU
  bool client, check_config, supervised;
  bool operand_is_console; // -c; with -e alone operands have no effect
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };
// Parses; sets log settings on the way. DONE: -h or -V answered. WRONG: told on stderr.
enum options_result options_parse(struct options *, int argc, char **argv);
void options_fini(struct options *);
#endif
