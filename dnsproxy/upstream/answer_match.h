// SPDX-License-Identifier: BSD-2-Clause
// Is this packet the answer to that query? Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_ANSWER_MATCH_H
#define DNSPROXY_UPSTREAM_ANSWER_MATCH_H

#include "dnsproxy/core/query.h"

// QR set, and the question is the query's: name without casing, type, class. Without a question the answer must be an error
// (rcode neither NOERROR nor NXDOMAIN), unless setAllowEmptyResponse(true). semantics.md section 6.1.
bool answer_matches(const struct query *, const uint8_t *answer, size_t size);

#endif
