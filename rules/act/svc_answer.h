// SPDX-License-Identifier: BSD-2-Clause
// An answer of SVCB or HTTPS records and the addresses that they hint at, as an action or a script gives it.
//
//   records (wire/svc_record), made ready --> answer section: all of them
//                                         --> additional section: hints of targets, as A and AAAA
//
// Only a question for the type and class of the records is answered so; any other goes on. Additional records are in the
// canonical order of names, and those that do not fit are left out, as additional ones may be.
//
// Owner: who made it, in memory of its own. Immutable once made: any thread may answer with it.
#ifndef RULES_ACT_SVC_ANSWER_H
#define RULES_ACT_SVC_ANSWER_H

#include "dnsproxy/wire/svc_record.h"
#include "rules/act/self_answer.h"

struct svc_answer {
  struct answer_options options;
  size_t count;
  struct svc_record **records; // one reference each
  struct bytes *values;        // their data
  size_t hint_count;
  struct record_data *hints;   // owner NULL: the name asked for
  size_t bytes;                // of all records on the wire
};

void svc_answer_init(struct svc_answer *, const struct answer_options *, struct svc_record *const *records, size_t count);
void svc_answer_fini(struct svc_answer *);
// Turns the query into it. *fits: false: it did not. Returns false when the query asks for another type, or there are no
// records: such data would be nonsense.
bool svc_answer_give(const struct svc_answer *, struct query *, bool *fits);

#endif
