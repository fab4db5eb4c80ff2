// SPDX-License-Identifier: BSD-2-Clause
// Selectors and actions that wait for a part of the program that does not exist yet.
//
//   SNIRule("...")  -->  declared, arguments checked, shown in showRules(), one warning that names function, place and part
//                   -->  never matches; an action does nothing
//
// They are like all others but for one member, `waits_for`, so that configurations of the dialect load and their other rules
// work. That a selector never matches is the safe side: rules ask for something about a query that no query has here.
//
// **When the part comes**: its kinds lose `waits_for` and get their match() or run(); arguments, errors and text are final
// already. Objects that are arguments of such rules (stores, loggers) are a description and nothing else.
#ifndef RULES_SELECT_WAITING_H
#define RULES_SELECT_WAITING_H

#include "rules/select/selector.h"

// What their arguments are: objects of parts that do not exist, of which only a description is known.
struct described {
  struct object object;
  char *text;
  bool frames; // a logger: of dnstap, in Frame Streams
};
extern const struct object_class key_value_store_class, lookup_key_class, remote_logger_class;

void described_free(struct object *); // for classes of this form
struct described *described_new(const struct object_class *, char *text); // takes the text over

bool never_matches(const struct selector *, struct query *);

#endif
